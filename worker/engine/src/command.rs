//! What the engine's handle tells the worker threads. Every worker gets the same commands in the same order, with every choice made:
//! timely requires that all workers build the same dataflows in the same order.

use std::sync::{Arc, atomic::AtomicBool};

use offtake_lir::{Aggregate, CollectionId, JoinStage, Mfp, Scalar};
use offtake_row::Row;

use crate::engine::Updates;

/// Names a dataflow; given in ascending order, never reused.
pub(crate) type DataflowId = u64;

/// A table or view with the number of its installation, so that a re-created one is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CollectionKey {
    pub id: CollectionId,
    pub epoch: u64,
}

pub(crate) enum Command {
    Build(Arc<Build>),
    Drop(DataflowId),
    /// All inputs are complete up to and including `time`.
    Push {
        time: u64,
        tables: Vec<(CollectionKey, Updates)>,
    },
    Stop,
}

/// One dataflow to be built.
pub(crate) struct Build {
    pub id: DataflowId,
    /// Contents are exact from this time on; no input is older.
    pub as_of: u64,
    /// Tables that the dataflow reads through an input of its own, each fed from a snapshot first.
    pub tables: Vec<CollectionKey>,
    /// Plans of the views that `plan` and later views scan, each before its readers.
    pub views: Vec<(CollectionKey, Plan)>,
    pub plan: Plan,
    pub purpose: Purpose,
}

/// What becomes of a dataflow's result.
pub(crate) enum Purpose {
    /// Kept as an index by this key, for other dataflows to import.
    Index { key: Vec<Scalar> },
    /// Handed to the output. `live` is cleared when the view is dropped: nothing is handed out after that.
    View { id: CollectionId, live: Arc<AtomicBool> },
}

/// A plan whose leaves are resolved: [`offtake_lir::Lir`] with every index and input chosen.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Constant(Vec<(Row, i64)>),
    /// One of [`Build::tables`].
    Table(CollectionKey),
    /// One of [`Build::views`].
    View(CollectionKey),
    Mfp {
        input: Box<Plan>,
        mfp: Mfp,
    },
    Join {
        first: Box<Plan>,
        stages: Vec<Stage>,
    },
    Reduce {
        input: Box<Plan>,
        key: Vec<Scalar>,
        aggregates: Vec<Aggregate>,
    },
    Distinct(Box<Plan>),
    Union(Vec<Plan>),
    /// An index that another dataflow keeps; only as an input of a join.
    Index(DataflowId),
}

/// One binary join; see [`JoinStage`].
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub join: JoinStage,
    pub lookup: Plan,
}

impl Build {
    /// The indexes that the dataflow imports.
    pub fn imports(&self) -> Vec<DataflowId> {
        let mut imports = Vec::new();
        for (_, plan) in &self.views {
            plan.imports(&mut imports);
        }
        self.plan.imports(&mut imports);
        imports.sort_unstable();
        imports.dedup();
        imports
    }
}

impl Plan {
    fn imports(&self, into: &mut Vec<DataflowId>) {
        match self {
            Plan::Constant(_) | Plan::Table(_) | Plan::View(_) => {}
            Plan::Mfp { input, .. } | Plan::Reduce { input, .. } | Plan::Distinct(input) => {
                input.imports(into)
            }
            Plan::Join { first, stages } => {
                first.imports(into);
                stages.iter().for_each(|stage| stage.lookup.imports(into));
            }
            Plan::Union(inputs) => inputs.iter().for_each(|input| input.imports(into)),
            Plan::Index(id) => into.push(*id),
        }
    }
}
