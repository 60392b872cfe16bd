//! What exists at one moment: the relations that can be named, with the virtual ones, and the catalog that clients introspect.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use offtake_introspect::{Introspection, Kind, RelationInfo};
use offtake_lir::CollectionId;
use offtake_plan::{RelationKind, Relations};
use tokio::sync::watch;

use crate::{config::ViewText, error::SqlError, system};

/// The name of the one database.
pub const DATABASE: &str = "offtake";

/// `pg_class.oid` of the first relation: PostgreSQL gives user objects OIDs from here up.
const FIRST_OID: u64 = 16_384;

/// One state of the catalog. Plans made from it are good for as long as it is the current one.
pub struct Published {
    pub relations: Relations,
    pub views: Arc<BTreeMap<CollectionId, ViewText>>,
    given: Arc<Relations>,
    introspection: OnceLock<Result<Introspection, SqlError>>,
}

impl Published {
    fn new(given: Arc<Relations>, views: Arc<BTreeMap<CollectionId, ViewText>>) -> Published {
        let relations = Relations::new(given.iter().cloned().chain(system::relations()).collect());
        Published { relations, views, given, introspection: OnceLock::new() }
    }

    /// pg_catalog and information_schema over these relations. The first call takes some milliseconds.
    pub fn introspection(&self, server_version: &str) -> Result<&Introspection, SqlError> {
        let made = self.introspection.get_or_init(|| {
            let infos: Vec<RelationInfo> = self.relations.iter().map(|relation| self.info(relation)).collect();
            Introspection::new(DATABASE, server_version, &infos)
                .map_err(|error| SqlError::new(error.sqlstate(), error.to_string()))
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn info(&self, relation: &offtake_plan::Relation) -> RelationInfo {
        RelationInfo {
            // Collections are never renumbered, so the OID stays the same; the virtual ones sit just below the user range.
            oid: match relation.kind {
                RelationKind::System => (FIRST_OID - 1 - (u64::MAX - relation.id.0)) as u32,
                _ => (FIRST_OID + relation.id.0 % (1 << 31)) as u32,
            },
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
        let first = Published::new(relations.borrow().clone(), views.borrow().clone());
        Publisher { relations, views, newest: ArcSwap::from_pointee(first) }
    }

    pub fn current(&self) -> Arc<Published> {
        let newest = self.newest.load_full();
        let relations = self.relations.borrow().clone();
        let views = self.views.borrow().clone();
        if Arc::ptr_eq(&newest.given, &relations) && Arc::ptr_eq(&newest.views, &views) {
            return newest;
        }
        let made = Arc::new(Published::new(relations, views));
        self.newest.store(made.clone());
        made
    }
}
