//! The registry: which tables, views and shared indexes there are, and who reads what. Pure; it decides, the workers obey.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use offtake_lir::{CollectionId, Func, JoinKey, Lir, Scalar};

use crate::{
    command::{Build, CollectionKey, DataflowId, Key, Leaf, Plan, Purpose},
    engine::EngineError,
    soundness,
};

/// A shared index: a collection arranged by some of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct IndexKey {
    collection: CollectionKey,
    /// Columns, or their canonical values.
    key: Key,
}

/// A table or view as it was when a reader was installed. Readers keep it, so that a view can be dropped before its readers.
#[derive(Clone)]
enum Definition {
    Table(CollectionKey),
    View(Arc<View>),
}

impl Definition {
    fn key(&self) -> CollectionKey {
        match self {
            Definition::Table(key) => *key,
            Definition::View(view) => view.key,
        }
    }
}

struct View {
    key: CollectionKey,
    lir: Lir,
    reads: BTreeMap<CollectionId, Definition>,
}

struct Dataflow {
    /// Indexes that it imports.
    imports: Vec<DataflowId>,
    /// Tables that it reads through inputs of its own.
    tables: Vec<CollectionKey>,
    /// What it is, for a shared index.
    index: Option<IndexKey>,
    /// Dataflows that import it; for a view's own dataflow, 1.
    users: usize,
}

/// What is installed.
#[derive(Default)]
pub(crate) struct Registry {
    last_epoch: u64,
    last_dataflow: DataflowId,
    definitions: BTreeMap<CollectionId, Definition>,
    /// Installed views' dataflows.
    outputs: BTreeMap<CollectionId, (DataflowId, Arc<AtomicBool>)>,
    indexes: HashMap<IndexKey, DataflowId>,
    dataflows: BTreeMap<DataflowId, Dataflow>,
    /// How many inputs of dataflows a table feeds; only tables that feed some.
    readers: BTreeMap<CollectionKey, usize>,
}

impl Registry {
    /// Declares a table.
    pub fn create_table(&mut self, id: CollectionId) -> Result<(), EngineError> {
        if self.definitions.contains_key(&id) {
            return Err(EngineError::Duplicate { id });
        }
        let key = self.next_key(id);
        self.definitions.insert(id, Definition::Table(key));
        Ok(())
    }

    /// The table's key where some dataflow reads it.
    pub fn read_table(&self, id: CollectionId) -> Option<CollectionKey> {
        match self.definitions.get(&id)? {
            Definition::Table(key) if self.readers.contains_key(key) => Some(*key),
            _ => None,
        }
    }

    /// Whether no dataflow is installed, so that the workers need not hear of anything.
    pub fn is_idle(&self) -> bool {
        self.dataflows.is_empty()
    }

    /// Installs a view: the dataflows to build, in order; the view's own is the last.
    pub fn install(
        &mut self,
        id: CollectionId,
        lir: Lir,
        as_of: u64,
    ) -> Result<Vec<Arc<Build>>, EngineError> {
        if self.definitions.contains_key(&id) {
            return Err(EngineError::Duplicate { id });
        }
        soundness::check(id, &lir)?;
        let mut reads = BTreeMap::new();
        for input in lir.depends_on() {
            let definition = self.definitions.get(&input).ok_or(EngineError::Unknown { id: input })?;
            self.check_tables(definition)?;
            reads.insert(input, definition.clone());
        }
        let view = Arc::new(View { key: self.next_key(id), lir, reads });
        self.definitions.insert(id, Definition::View(view.clone()));

        let live = Arc::new(AtomicBool::new(true));
        let purpose = Purpose::View { id, live: live.clone() };
        let mut builds = Vec::new();
        let dataflow = self.build(&view.lir, &view.reads, purpose, None, as_of, &mut builds);
        self.outputs.insert(id, (dataflow, live));
        Ok(builds)
    }

    /// Forgets a table or view: the dataflows to drop, each before what it imports.
    pub fn drop(&mut self, id: CollectionId) -> Result<Vec<DataflowId>, EngineError> {
        self.definitions.remove(&id).ok_or(EngineError::Unknown { id })?;
        let mut dropped = Vec::new();
        if let Some((dataflow, live)) = self.outputs.remove(&id) {
            live.store(false, Ordering::Release);
            self.release(dataflow, &mut dropped);
        }
        Ok(dropped)
    }

    fn next_key(&mut self, id: CollectionId) -> CollectionKey {
        self.last_epoch += 1;
        CollectionKey { id, epoch: self.last_epoch }
    }

    /// A dropped table has no snapshot to start a new reader from.
    fn check_tables(&self, definition: &Definition) -> Result<(), EngineError> {
        match definition {
            Definition::Table(key) => match self.definitions.get(&key.id) {
                Some(Definition::Table(current)) if current == key => Ok(()),
                _ => Err(EngineError::Unknown { id: key.id }),
            },
            Definition::View(view) => view.reads.values().try_for_each(|read| self.check_tables(read)),
        }
    }

    fn release(&mut self, id: DataflowId, dropped: &mut Vec<DataflowId>) {
        let Some(dataflow) = self.dataflows.get_mut(&id) else { return };
        dataflow.users -= 1;
        if dataflow.users > 0 {
            return;
        }
        let Some(dataflow) = self.dataflows.remove(&id) else { return };
        dropped.push(id);
        if let Some(index) = &dataflow.index {
            self.indexes.remove(index);
        }
        for table in &dataflow.tables {
            if let Some(readers) = self.readers.get_mut(table) {
                *readers -= 1;
                if *readers == 0 {
                    self.readers.remove(table);
                }
            }
        }
        for import in dataflow.imports {
            self.release(import, dropped);
        }
    }

    /// Plans one dataflow, and before it the indexes that it needs and that are not there yet.
    fn build(
        &mut self,
        lir: &Lir,
        reads: &BTreeMap<CollectionId, Definition>,
        purpose: Purpose,
        index: Option<IndexKey>,
        as_of: u64,
        builds: &mut Vec<Arc<Build>>,
    ) -> DataflowId {
        let mut resolver = Resolver { registry: self, as_of, builds, tables: Vec::new(), views: Vec::new() };
        let plan = resolver.plan(lir, reads);
        let Resolver { tables, views, .. } = resolver;
        self.last_dataflow += 1;
        let id = self.last_dataflow;
        let build = Build { id, as_of, tables: tables.clone(), views, plan, purpose };
        let imports = build.imports();
        for import in &imports {
            if let Some(imported) = self.dataflows.get_mut(import) {
                imported.users += 1;
            }
        }
        for table in &tables {
            *self.readers.entry(*table).or_default() += 1;
        }
        let users = usize::from(index.is_none());
        self.dataflows.insert(id, Dataflow { imports, tables, index, users });
        builds.push(Arc::new(build));
        id
    }

    /// The shared index of a collection by some columns, built first where it is not there.
    fn index(
        &mut self,
        definition: &Definition,
        key: Key,
        as_of: u64,
        builds: &mut Vec<Arc<Build>>,
    ) -> DataflowId {
        let key = IndexKey { collection: definition.key(), key };
        if let Some(id) = self.indexes.get(&key) {
            return *id;
        }
        let purpose = Purpose::Index(key.key.clone());
        let id = match definition {
            Definition::Table(table) => {
                let lir = Lir::Get { id: table.id };
                let reads = BTreeMap::from([(table.id, definition.clone())]);
                self.build(&lir, &reads, purpose, Some(key.clone()), as_of, builds)
            }
            Definition::View(view) => {
                self.build(&view.lir, &view.reads, purpose, Some(key.clone()), as_of, builds)
            }
        };
        self.indexes.insert(key, id);
        id
    }
}

/// Finds what the leaves of one dataflow's plan stand for.
struct Resolver<'a> {
    registry: &'a mut Registry,
    as_of: u64,
    builds: &'a mut Vec<Arc<Build>>,
    tables: Vec<CollectionKey>,
    views: Vec<(CollectionKey, Plan)>,
}

impl Resolver<'_> {
    /// A bare collection joined on plain columns is read through a shared index.
    fn plan(&mut self, lir: &Lir, reads: &BTreeMap<CollectionId, Definition>) -> Plan {
        lir.map_leaves(&mut |id, key: Option<JoinKey<'_>>| match key {
            Some(key) if key.scalars.iter().all(is_column) => {
                Leaf::Index(self.registry.index(&reads[id], key.into(), self.as_of, self.builds))
            }
            _ => self.scan(&reads[id]),
        })
    }

    /// A scan reads the table itself, not an index: a dataflow that only passes rows on needs no copy of the table.
    fn scan(&mut self, definition: &Definition) -> Leaf {
        match definition {
            Definition::Table(key) => {
                if !self.tables.contains(key) {
                    self.tables.push(*key);
                }
                Leaf::Table(*key)
            }
            Definition::View(view) => {
                if !self.views.iter().any(|(key, _)| *key == view.key) {
                    let plan = self.plan(&view.lir, &view.reads);
                    self.views.push((view.key, plan));
                }
                Leaf::View(view.key)
            }
        }
    }
}

/// A column as it is, or its canonical value.
fn is_column(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Column(_) => true,
        Scalar::Call { func: Func::EqualityKey(_), args } => matches!(args.as_slice(), [Scalar::Column(_)]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use offtake_lir::{JoinStage, Mfp};

    use super::*;

    const TABLE: CollectionId = CollectionId(1);

    /// `input` joined with itself by its first column.
    fn self_join(input: CollectionId) -> Lir {
        let key = || vec![Scalar::Column(0)];
        let stage = JoinStage::inner(key(), key(), 1, Mfp::identity(2));
        Lir::Join { inputs: vec![Lir::Get { id: input }, Lir::Get { id: input }], stages: vec![stage] }
    }

    #[test]
    fn an_index_is_shared_and_goes_with_its_last_reader() {
        let mut registry = Registry::default();
        registry.create_table(TABLE).expect("new");
        let [one, two, three, four] = [10, 11, 12, 13].map(CollectionId);

        let built = registry.install(one, self_join(TABLE), 5).expect("a good plan");
        assert_eq!(built.len(), 2, "the table's index and the view");
        let index = built[0].id;
        assert_eq!(built[1].imports(), [index]);
        let built = registry.install(two, self_join(TABLE), 6).expect("a good plan");
        assert_eq!(built.len(), 1);
        assert_eq!(built[0].imports(), [index]);

        // A view's index: its plan once more, in a dataflow of its own. It outlives the view.
        let built = registry.install(three, self_join(one), 7).expect("a good plan");
        assert_eq!(built.len(), 2);
        let index_of_view = built[0].id;
        assert_eq!(built[0].imports(), [index]);
        assert_eq!(registry.drop(one).expect("installed").len(), 1);
        assert_eq!(registry.install(four, self_join(one), 8).err(), Some(EngineError::Unknown { id: one }));

        // A view under the same id is another collection.
        registry.install(one, Lir::Get { id: TABLE }, 8).expect("a good plan");
        let built = registry.install(four, self_join(one), 8).expect("a good plan");
        assert_ne!(built[0].id, index_of_view);

        let dropped = registry.drop(three).expect("installed");
        assert_eq!(dropped[1..], [index_of_view], "importers first; the table's index has a reader yet");
        assert!(registry.drop(two).expect("installed").contains(&index));
        for id in [four, one] {
            registry.drop(id).expect("installed");
        }
        assert!(registry.is_idle() && registry.indexes.is_empty() && registry.readers.is_empty());
    }
}
