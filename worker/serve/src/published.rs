//! What exists at one moment: the relations that can be named, with the virtual ones, and the catalog that clients ask about them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use offtake_contract::Status;
use offtake_introspect::{Catalog, Kind, RelationInfo, Size};
use offtake_lir::CollectionId;
use offtake_plan::{Relation, RelationKind, Relations};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{config::ViewText, system};

/// The name of the one database.
pub const DATABASE: &str = "offtake";

/// `pg_class.oid` of the first relation: PostgreSQL gives user objects OIDs from here up.
const FIRST_OID: u32 = 16_384;

/// Users that were seen and are remembered as roles. On an open server a client may come by any name.
const MOST_ROLES: usize = 1000;

/// What is given out once and stays.
struct Given {
    /// `pg_class.oid` of every collection, for as long as the process runs. Collections are never renumbered, so neither are their OIDs.
    oids: HashMap<CollectionId, u32>,
    next_oid: u32,
    roles: BTreeSet<String>,
    /// How many states of the catalog there were.
    generation: u32,
}

impl Given {
    fn oid(&mut self, relation: &Relation) -> u32 {
        if relation.kind == RelationKind::System {
            // Just below the user range.
            return u32::try_from(u64::MAX - relation.id.0).map_or(0, |index| FIRST_OID - 1 - index);
        }
        *self.oids.entry(relation.id).or_insert_with(|| {
            self.next_oid += 1;
            self.next_oid - 1
        })
    }
}

/// One state of the catalog. Plans made from it are good for as long as it is the current one.
pub struct Published {
    pub relations: Relations,
    pub views: Arc<BTreeMap<CollectionId, ViewText>>,
    of_worker: Arc<Relations>,
    given: Arc<Mutex<Given>>,
    catalog: OnceLock<Arc<Catalog>>,
}

impl Published {
    fn new(
        of_worker: Arc<Relations>,
        views: Arc<BTreeMap<CollectionId, ViewText>>,
        given: Arc<Mutex<Given>>,
    ) -> Published {
        let catalogs = offtake_introspect::relations().into_iter().map(|relation| Relation {
            id: relation.id,
            schema: relation.schema.to_owned(),
            name: relation.name.to_owned(),
            columns: relation.columns,
            key: relation.key,
            kind: RelationKind::System,
            problem: None,
            indexes: Vec::new(),
        });
        let own = of_worker.iter().cloned().chain(system::relations());
        let relations = Relations::new(own.chain(catalogs).collect());
        Published { relations, views, of_worker, given, catalog: OnceLock::new() }
    }

    /// What pg_catalog and information_schema show.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.catalog.get_or_init(|| {
            let system: Vec<Relation> = system::relations().collect();
            let mut given = self.given.lock();
            given.generation += 1;
            let infos: Vec<RelationInfo> = self
                .of_worker
                .iter()
                .chain(&system)
                .map(|relation| {
                    let reads = self.views.get(&relation.id).map(|view| view.reads.as_slice());
                    let reads = reads.unwrap_or_default().iter().filter_map(|id| self.relations.get(*id));
                    let reads = reads.map(|read| given.oid(read)).collect();
                    self.info(given.oid(relation), relation, reads)
                })
                .collect();
            Catalog::new(DATABASE, infos, given.roles.iter().cloned(), given.generation)
        })
    }

    fn info(&self, oid: u32, relation: &Relation, reads: Vec<u32>) -> RelationInfo {
        let (kind, key, indexes) = match relation.kind {
            RelationKind::Table => (Kind::Table, relation.key.clone().unwrap_or_default(), Vec::new()),
            RelationKind::View => (Kind::View, Vec::new(), relation.indexes.clone()),
            RelationKind::System => (Kind::View, Vec::new(), Vec::new()),
        };
        RelationInfo {
            oid,
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            kind,
            columns: relation.columns.clone(),
            key,
            indexes,
            definition: self.views.get(&relation.id).map(|view| view.query.clone()),
            reads,
            comment: relation.problem.as_ref().map(|problem| problem.message.clone()),
        }
    }

    /// `pg_class.oid` of a relation.
    pub fn oid(&self, id: CollectionId) -> Option<u32> {
        offtake_introspect::oid(id)
            .or_else(|| self.relations.get(id).map(|relation| self.given.lock().oid(relation)))
    }

    /// What tables and views hold, by OID.
    pub fn sizes(&self, status: &Status) -> BTreeMap<u32, Size> {
        let tables = status.tables.iter();
        let tables = tables.map(|table| (&table.schema, &table.name, table.rows, table.memory_bytes));
        let views = status.views.iter();
        let views = views.map(|view| (&view.schema, &view.name, view.rows, view.memory_bytes));
        let mut given = self.given.lock();
        tables
            .chain(views)
            .filter_map(|(schema, name, rows, bytes)| {
                let relation = self.relations.lookup(&[], Some(schema), name)?;
                Some((given.oid(relation), Size { rows, bytes }))
            })
            .collect()
    }
}

/// The newest [`Published`], made again when what it is made of changed.
pub struct Publisher {
    relations: watch::Receiver<Arc<Relations>>,
    views: watch::Receiver<Arc<BTreeMap<CollectionId, ViewText>>>,
    newest: ArcSwap<Published>,
}

impl Publisher {
    /// `roles` are the users that may come in, as far as they are known beforehand.
    pub fn new(
        relations: watch::Receiver<Arc<Relations>>,
        views: watch::Receiver<Arc<BTreeMap<CollectionId, ViewText>>>,
        roles: BTreeSet<String>,
    ) -> Publisher {
        let given = Given { oids: HashMap::new(), next_oid: FIRST_OID, roles, generation: 0 };
        let given = Arc::new(Mutex::new(given));
        let first = Published::new(relations.borrow().clone(), views.borrow().clone(), given);
        Publisher { relations, views, newest: ArcSwap::from_pointee(first) }
    }

    pub fn current(&self) -> Arc<Published> {
        let newest = self.newest.load_full();
        let relations = self.relations.borrow().clone();
        let views = self.views.borrow().clone();
        if Arc::ptr_eq(&newest.of_worker, &relations) && Arc::ptr_eq(&newest.views, &views) {
            return newest;
        }
        self.publish(relations, views, &newest)
    }

    /// A user came in: it is shown as a role from now on.
    pub fn seen(&self, user: &str) {
        let newest = self.newest.load_full();
        {
            let mut given = newest.given.lock();
            if given.roles.len() >= MOST_ROLES || !given.roles.insert(user.to_owned()) {
                return;
            }
        }
        self.publish(newest.of_worker.clone(), newest.views.clone(), &newest);
    }

    fn publish(
        &self,
        relations: Arc<Relations>,
        views: Arc<BTreeMap<CollectionId, ViewText>>,
        newest: &Published,
    ) -> Arc<Published> {
        let made = Arc::new(Published::new(relations, views, newest.given.clone()));
        self.newest.store(made.clone());
        made
    }
}
