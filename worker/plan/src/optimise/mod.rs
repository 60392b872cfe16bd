//! From blocks to LIR: predicates are pushed down, unused columns dropped, joins ordered, and maps, filters and projections fused.
//!
//! Every choice depends on the query and on the relations' keys alone, in a fixed order: the same query always gives the same plan.

mod emit;
mod order;
mod push;

use std::collections::BTreeSet;

pub(crate) use emit::emit;
use offtake_lir::{Aggregate, CollectionId, Scalar};
use offtake_row::{Datum, Row};

/// A select-project-join block. Its columns are its leaves' columns, one leaf after another; predicates and outputs read those.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) predicates: Vec<Predicate>,
    pub(crate) outputs: Vec<Scalar>,
}

/// What a block reads.
#[derive(Debug)]
pub(crate) enum Leaf {
    Get {
        id: CollectionId,
        arity: usize,
        /// Columns whose values occur once.
        key: Option<Vec<usize>>,
    },
    Constant {
        rows: Vec<Row>,
        arity: usize,
    },
    /// The key's columns, then the aggregates'. The input's outputs are its own columns.
    Reduce {
        input: Box<Block>,
        key: Vec<Scalar>,
        aggregates: Vec<Aggregate>,
        /// Of each of the key's values, the column that shows it: its own, or an aggregate's.
        shown: Vec<usize>,
    },
    Distinct(Box<Block>),
    Union {
        inputs: Vec<Block>,
        arity: usize,
    },
}

/// A conjunct.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    pub(crate) scalar: Scalar,
    /// Set for `a = b`.
    pub(crate) equality: Option<Equality>,
}

/// The sides of an equality, canonical: SQL-equal values are equal bytes.
#[derive(Clone, Debug)]
pub(crate) struct Equality {
    pub(crate) left: Scalar,
    pub(crate) right: Scalar,
}

impl Leaf {
    /// The bag union of blocks; rows that are known become one constant.
    pub(crate) fn union(inputs: Vec<Block>, arity: usize) -> Leaf {
        let rows: Option<Vec<Row>> = inputs.iter().map(Block::literal_row).collect();
        match rows {
            Some(rows) => Leaf::Constant { rows, arity },
            None => Leaf::Union { inputs, arity },
        }
    }

    pub(crate) fn arity(&self) -> usize {
        match self {
            Leaf::Get { arity, .. } | Leaf::Constant { arity, .. } | Leaf::Union { arity, .. } => *arity,
            Leaf::Reduce { key, aggregates, .. } => key.len() + aggregates.len(),
            Leaf::Distinct(block) => block.outputs.len(),
        }
    }

    /// Columns whose values occur once; none at all if there is at most one row.
    fn unique_key(&self) -> Option<Vec<usize>> {
        match self {
            Leaf::Get { key, .. } => key.clone(),
            Leaf::Constant { rows, .. } => (rows.len() <= 1).then(Vec::new),
            Leaf::Reduce { shown, .. } => Some(shown.clone()),
            Leaf::Distinct(block) => Some((0..block.outputs.len()).collect()),
            Leaf::Union { .. } => None,
        }
    }
}

impl Block {
    /// The block's only row, if it is known.
    fn literal_row(&self) -> Option<Row> {
        if !self.leaves.is_empty() || !self.predicates.is_empty() {
            return None;
        }
        let datums: Option<Vec<Datum<'_>>> = self.outputs.iter().map(Scalar::as_literal).collect();
        datums.map(Row::pack)
    }
}

impl Predicate {
    pub(crate) fn remap(&mut self, map: &impl Fn(usize) -> usize) {
        self.each(&mut |scalar| scalar.remap(map));
    }

    /// The same predicate below a map.
    fn substituted(&self, of: &[Scalar]) -> Predicate {
        let mut predicate = self.clone();
        predicate.each(&mut |scalar| {
            scalar.substitute_columns(&|column| of.get(column).cloned().unwrap_or(Scalar::Column(column)));
        });
        predicate
    }

    fn each(&mut self, f: &mut impl FnMut(&mut Scalar)) {
        f(&mut self.scalar);
        if let Some(Equality { left, right }) = &mut self.equality {
            f(left);
            f(right);
        }
    }

    fn columns(&self) -> BTreeSet<usize> {
        self.scalar.columns()
    }

    /// The conjunction.
    pub(crate) fn all(mut scalars: Vec<Scalar>) -> Scalar {
        match scalars.pop() {
            Some(only) if scalars.is_empty() => only,
            last => {
                scalars.extend(last);
                Scalar::And(scalars)
            }
        }
    }
}
