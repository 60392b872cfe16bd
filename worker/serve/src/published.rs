//! What exists at one moment: the relations that can be named, with the virtual ones, and the catalog that clients introspect.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use offtake_introspect::{Introspection, Kind, RelationInfo};
use offtake_lir::CollectionId;
use offtake_plan::{Relation, RelationKind, Relations};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{config::ViewText, error::SqlError, system};

/// The name of the one database.
pub const DATABASE: &str = "offtake";

/// `pg_class.oid` of the first relation: PostgreSQL gives user objects OIDs from here up.
const FIRST_OID: u32 = 16_384;

/// Gives every collection an OID for as long as the process runs. Collections are never renumbered, so neither are their OIDs.
struct Oids {
    given: HashMap<CollectionId, u32>,
    next: u32,
}

impl Oids {
    fn of(&mut self, relation: &Relation) -> u32 {
        if relation.kind == RelationKind::System {
            // Just below the user range.
            return u32::try_from(u64::MAX - relation.id.0).map_or(0, |index| FIRST_OID - 1 - index);
        }
        *self.given.entry(relation.id).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// One state of the catalog. Plans made from it are good for as long as it is the current one.
pub struct Published {
    pub relations: Relations,
    pub views: Arc<BTreeMap<CollectionId, ViewText>>,
    given: Arc<Relations>,
    oids: Arc<Mutex<Oids>>,
    introspection: OnceLock<Result<Introspection, SqlError>>,
}

impl Published {
    fn new(
        given: Arc<Relations>,
        views: Arc<BTreeMap<CollectionId, ViewText>>,
        oids: Arc<Mutex<Oids>>,
    ) -> Published {
        let relations = Relations::new(given.iter().cloned().chain(system::relations()).collect());
        Published { relations, views, given, oids, introspection: OnceLock::new() }
    }

    /// pg_catalog and information_schema over these relations. The first call takes some milliseconds.
    pub fn introspection(&self, server_version: &str) -> Result<&Introspection, SqlError> {
        let made = self.introspection.get_or_init(|| {
            let mut oids = self.oids.lock();
            let infos: Vec<RelationInfo> =
                self.relations.iter().map(|relation| self.info(oids.of(relation), relation)).collect();
            drop(oids);
            Introspection::new(DATABASE, server_version, &infos)
                .map_err(|error| SqlError::new(error.sqlstate(), error.to_string()))
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn info(&self, oid: u32, relation: &Relation) -> RelationInfo {
        RelationInfo {
            oid,
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            kind: match relation.kind {
                RelationKind::Table => Kind::Table,
                RelationKind::View | RelationKind::System => Kind::View,
            },
            columns: relation.columns.clone(),
            key: match relation.kind {
                RelationKind::Table => relation.key.clone().unwrap_or_default(),
                _ => Vec::new(),
            },
            definition: self.views.get(&relation.id).map(|view| view.query.clone()),
        }
    }
}

/// The newest [`Published`], made again when what it is made of changed.
pub struct Publisher {
    relations: watch::Receiver<Arc<Relations>>,
    views: watch::Receiver<Arc<BTreeMap<CollectionId, ViewText>>>,
    newest: ArcSwap<Published>,
}

impl Publisher {
    pub fn new(
        relations: watch::Receiver<Arc<Relations>>,
        views: watch::Receiver<Arc<BTreeMap<CollectionId, ViewText>>>,
    ) -> Publisher {
        let oids = Arc::new(Mutex::new(Oids { given: HashMap::new(), next: FIRST_OID }));
        let first = Published::new(relations.borrow().clone(), views.borrow().clone(), oids);
        Publisher { relations, views, newest: ArcSwap::from_pointee(first) }
    }

    pub fn current(&self) -> Arc<Published> {
        let newest = self.newest.load_full();
        let relations = self.relations.borrow().clone();
        let views = self.views.borrow().clone();
        if Arc::ptr_eq(&newest.given, &relations) && Arc::ptr_eq(&newest.views, &views) {
            return newest;
        }
        let made = Arc::new(Published::new(relations, views, newest.oids.clone()));
        self.newest.store(made.clone());
        made
    }
}
