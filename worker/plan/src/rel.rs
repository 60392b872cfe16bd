//! `Rel`: what a query means, as a tree of relational nodes over typed scalars. Between binding and LIR.
//!
//! Columns are positions: those of a node's input, of a join the left side's followed by the right side's. Until decorrelation a subquery
//! is the right side of an [`Rel::Apply`], and what it reads of the left side are [`Scalar::Parameter`]s from [`OUTER`] on.

mod keys;
mod walk;

use offtake_lir::{Aggregate, CollectionId, JoinKind, LocalId, Scalar, TableFunction, TopK, Window};
use offtake_row::Row;

pub(crate) use self::walk::{parameters, substitute};

/// Parameters from this number on stand for values of an outer query; those below are the statement's.
pub(crate) const OUTER: usize = 1 << 20;

/// A relational node.
#[derive(Clone, Debug)]
pub(crate) enum Rel {
    /// Rows known when the query is planned.
    Constant {
        rows: Vec<Row>,
        arity: usize,
    },
    Get {
        id: CollectionId,
        arity: usize,
        /// Columns whose values occur once.
        key: Option<Vec<usize>>,
    },
    /// What an enclosing `Let` or `Recursive` binds.
    Local {
        id: LocalId,
        arity: usize,
    },
    Let {
        id: LocalId,
        value: Box<Rel>,
        body: Box<Rel>,
    },
    Recursive {
        id: LocalId,
        base: Box<Rel>,
        step: Box<Rel>,
        distinct: bool,
    },
    /// Rows of which all predicates are true.
    Filter {
        input: Box<Rel>,
        predicates: Vec<Predicate>,
    },
    /// Computes its columns from the input's.
    Project {
        input: Box<Rel>,
        outputs: Vec<Scalar>,
    },
    /// `on` reads both sides' columns, also where `Semi` and `Anti` give the left side's only.
    Join {
        kind: JoinKind,
        left: Box<Rel>,
        right: Box<Rel>,
        on: Vec<Predicate>,
    },
    /// A join whose right side is another one for each row of the left: each parameter stands for a scalar over the left side.
    Apply {
        kind: JoinKind,
        left: Box<Rel>,
        right: Box<Rel>,
        bindings: Vec<(usize, Scalar)>,
        on: Vec<Predicate>,
    },
    /// The keys, then the aggregates; without keys there is one row over no input, too.
    Aggregate {
        input: Box<Rel>,
        keys: Vec<Scalar>,
        aggregates: Vec<Aggregate>,
        /// Of each key, the column that shows it: its own, or an aggregate's.
        shown: Vec<usize>,
    },
    Distinct {
        input: Box<Rel>,
    },
    Top {
        input: Box<Rel>,
        top: TopK,
    },
    /// The input's columns, then the calls' results.
    Window {
        input: Box<Rel>,
        window: Window,
    },
    /// The input's columns, then the function's and, with `ordinality`, a number.
    FlatMap {
        input: Box<Rel>,
        function: TableFunction,
        args: Vec<Scalar>,
        ordinality: bool,
    },
    Union {
        inputs: Vec<Rel>,
        arity: usize,
    },
    Negate {
        input: Box<Rel>,
    },
    Threshold {
        input: Box<Rel>,
    },
}

/// A conjunct.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Predicate {
    pub(crate) scalar: Scalar,
    /// Set for `a = b`.
    pub(crate) equality: Option<Equality>,
}

/// The sides of an equality, canonical: SQL-equal values are equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Equality {
    pub(crate) left: Scalar,
    pub(crate) right: Scalar,
    /// Whether NULL is equal to NULL.
    pub(crate) nulls_meet: bool,
}

impl Rel {
    /// One row without columns.
    pub(crate) fn unit() -> Rel {
        Rel::Constant { rows: vec![Row::empty()], arity: 0 }
    }

    pub(crate) fn nothing(arity: usize) -> Rel {
        Rel::Constant { rows: Vec::new(), arity }
    }

    /// How many columns it has.
    pub(crate) fn arity(&self) -> usize {
        match self {
            Rel::Constant { arity, .. }
            | Rel::Get { arity, .. }
            | Rel::Local { arity, .. }
            | Rel::Union { arity, .. } => *arity,
            Rel::Let { body, .. } => body.arity(),
            Rel::Recursive { base, .. } => base.arity(),
            Rel::Filter { input, .. }
            | Rel::Distinct { input }
            | Rel::Top { input, .. }
            | Rel::Negate { input }
            | Rel::Threshold { input } => input.arity(),
            Rel::Project { outputs, .. } => outputs.len(),
            Rel::Join { kind, left, right, .. } | Rel::Apply { kind, left, right, .. } => match kind {
                JoinKind::Inner | JoinKind::Left | JoinKind::Full => left.arity() + right.arity(),
                JoinKind::Semi | JoinKind::Anti => left.arity(),
            },
            Rel::Aggregate { keys, aggregates, .. } => keys.len() + aggregates.len(),
            Rel::Window { input, window } => input.arity() + window.calls.len(),
            Rel::FlatMap { input, function, ordinality, .. } => {
                input.arity() + function.arity() + usize::from(*ordinality)
            }
        }
    }

    /// Whether it is [`Rel::unit`].
    pub(crate) fn is_unit(&self) -> bool {
        matches!(self, Rel::Constant { rows, arity: 0 } if rows.len() == 1)
    }

    pub(crate) fn filter(self, predicates: Vec<Predicate>) -> Rel {
        if predicates.is_empty() {
            return self;
        }
        Rel::Filter { input: Box::new(self), predicates }
    }

    pub(crate) fn project(self, outputs: Vec<Scalar>) -> Rel {
        Rel::Project { input: Box::new(self), outputs }
    }

    /// Appends computed columns.
    pub(crate) fn extend(self, scalars: Vec<Scalar>) -> Rel {
        if scalars.is_empty() {
            return self;
        }
        let outputs = (0..self.arity()).map(Scalar::Column).chain(scalars).collect();
        self.project(outputs)
    }

    pub(crate) fn join(self, kind: JoinKind, right: Rel, on: Vec<Predicate>) -> Rel {
        Rel::Join { kind, left: Box::new(self), right: Box::new(right), on }
    }

    pub(crate) fn distinct(self) -> Rel {
        Rel::Distinct { input: Box::new(self) }
    }

    /// All of several relations' rows.
    pub(crate) fn union(inputs: Vec<Rel>, arity: usize) -> Rel {
        Rel::Union { inputs, arity }
    }
}

impl Predicate {
    /// A conjunct that is no equality.
    pub(crate) fn new(scalar: Scalar) -> Predicate {
        Predicate { scalar, equality: None }
    }

    pub(crate) fn remap(&mut self, map: &impl Fn(usize) -> usize) {
        self.each(&mut |scalar| scalar.remap(map));
    }

    /// The same predicate below a projection.
    pub(crate) fn substituted(&self, outputs: &[Scalar]) -> Predicate {
        let mut predicate = self.clone();
        predicate.each(&mut |scalar| {
            scalar
                .substitute_columns(&|column| outputs.get(column).cloned().unwrap_or(Scalar::Column(column)));
        });
        predicate
    }

    pub(crate) fn each(&mut self, f: &mut impl FnMut(&mut Scalar)) {
        f(&mut self.scalar);
        if let Some(Equality { left, right, .. }) = &mut self.equality {
            f(left);
            f(right);
        }
    }

    pub(crate) fn columns(&self) -> std::collections::BTreeSet<usize> {
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
