//! What the engine's handle tells the worker threads. Every worker gets the same commands in the same order, with every choice made:
//! timely requires that all workers build the same dataflows in the same order.

use std::sync::{Arc, atomic::AtomicBool};

use offtake_lir::{CollectionId, JoinKey, Lir, Scalar};

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
    Index(Key),
    /// Handed to the output. `live` is cleared when the view is dropped: nothing is handed out after that.
    View { id: CollectionId, live: Arc<AtomicBool> },
}

/// By what a collection is arranged; see [`offtake_lir::JoinStage`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub scalars: Vec<Scalar>,
    /// The parts in which NULL is a value like others. Rows with a NULL in another part meet nothing.
    pub nulls_meet: Vec<usize>,
}

/// What a leaf of a dataflow's plan stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leaf {
    /// One of [`Build::tables`].
    Table(CollectionKey),
    /// One of [`Build::views`].
    View(CollectionKey),
    /// An index that another dataflow keeps; as an input of a join.
    Index(DataflowId),
}

/// A plan with every index and input chosen.
pub(crate) type Plan = Lir<Leaf>;

impl Build {
    /// The indexes that the dataflow imports, in ascending order.
    pub fn imports(&self) -> Vec<DataflowId> {
        let plans = self.views.iter().map(|(_, plan)| plan).chain([&self.plan]);
        let mut imports: Vec<DataflowId> = plans
            .flat_map(Lir::depends_on)
            .filter_map(|leaf| match leaf {
                Leaf::Index(id) => Some(id),
                Leaf::Table(_) | Leaf::View(_) => None,
            })
            .collect();
        imports.sort_unstable();
        imports.dedup();
        imports
    }
}

impl From<JoinKey<'_>> for Key {
    fn from(key: JoinKey<'_>) -> Key {
        Key { scalars: key.scalars.to_vec(), nulls_meet: key.nulls_meet.to_vec() }
    }
}
