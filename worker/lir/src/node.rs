//! Relational nodes.

use std::{collections::BTreeSet, fmt};

use offtake_row::Row;
use serde::{Deserialize, Serialize};

use crate::{aggregate::Aggregate, mfp::Mfp, scalar::Scalar};

/// Names a table or a view within one worker. Never reused, so a re-created object is another collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CollectionId(pub u64);

impl fmt::Display for CollectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}

/// A relational plan: a tree whose leaves are collections and constants. Bags, not sets: rows have multiplicities.
///
/// Rows and keys are told apart by their packed bytes. So whoever makes a plan wraps what is compared for equality into its canonical
/// form where its type has several for equal values: join keys by [`Scalar::equality_key`]; keys of [`Lir::Reduce`], the columns
/// of [`Lir::Distinct`]'s input and arguments of DISTINCT aggregates by [`Scalar::group_key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lir {
    /// Rows known when the plan was made.
    Constant { rows: Vec<(Row, i64)> },
    /// All rows of a table or view.
    Get { id: CollectionId },
    /// Map, filter and project, fused.
    Mfp { input: Box<Lir>, mfp: Mfp },
    /// Inner joins, left to right: `inputs[0]` is joined with `inputs[1]` by `stages[0]`, the result with `inputs[2]` by `stages[1]`, …
    Join { inputs: Vec<Lir>, stages: Vec<JoinStage> },
    /// Groups by `key`; each output row is the key's values, then the aggregates' results.
    /// With an empty key there is always one output row, also over no input (PostgreSQL: aggregates without GROUP BY).
    Reduce { input: Box<Lir>, key: Vec<Scalar>, aggregates: Vec<Aggregate> },
    /// Each distinct row once.
    Distinct { input: Box<Lir> },
    /// Bag union.
    Union { inputs: Vec<Lir> },
}

/// One step of a linear join. The rows joined so far are the stream, the next input is looked up.
///
/// Two rows meet when their keys are equal in SQL's sense and hold no NULL. Where both keys are empty it is a cross join. The key
/// expressions are already cast to one type on both sides. `closure` runs over the stream's columns followed by the looked-up
/// row's, and its output is the stream of the next stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JoinStage {
    pub stream_key: Vec<Scalar>,
    pub lookup_key: Vec<Scalar>,
    pub closure: Mfp,
}

impl Lir {
    /// Puts literals in place of parameters ([`Scalar::substitute_parameters`]).
    pub fn substitute_parameters(&mut self, values: &[Row]) {
        let each = |scalars: &mut [Scalar]| {
            scalars.iter_mut().for_each(|scalar| scalar.substitute_parameters(values))
        };
        match self {
            Lir::Constant { .. } | Lir::Get { .. } => {}
            Lir::Mfp { input, mfp } => {
                mfp.substitute_parameters(values);
                input.substitute_parameters(values);
            }
            Lir::Reduce { input, key, aggregates } => {
                each(key);
                for aggregate in aggregates {
                    each(aggregate.arg.as_mut_slice());
                    each(aggregate.filter.as_mut_slice());
                }
                input.substitute_parameters(values);
            }
            Lir::Distinct { input } => input.substitute_parameters(values),
            Lir::Join { inputs, stages } => {
                for stage in stages {
                    each(&mut stage.stream_key);
                    each(&mut stage.lookup_key);
                    stage.closure.substitute_parameters(values);
                }
                inputs.iter_mut().for_each(|input| input.substitute_parameters(values));
            }
            Lir::Union { inputs } => inputs.iter_mut().for_each(|input| input.substitute_parameters(values)),
        }
    }

    /// The collections that the plan reads.
    pub fn depends_on(&self) -> BTreeSet<CollectionId> {
        let mut ids = BTreeSet::new();
        self.visit(&mut |node| {
            if let Lir::Get { id } = node {
                ids.insert(*id);
            }
        });
        ids
    }

    /// Calls `f` for this node and every node below it.
    pub fn visit(&self, f: &mut impl FnMut(&Lir)) {
        f(self);
        match self {
            Lir::Constant { .. } | Lir::Get { .. } => {}
            Lir::Mfp { input, .. } | Lir::Reduce { input, .. } | Lir::Distinct { input } => input.visit(f),
            Lir::Join { inputs, .. } | Lir::Union { inputs } => {
                inputs.iter().for_each(|input| input.visit(f))
            }
        }
    }
}
