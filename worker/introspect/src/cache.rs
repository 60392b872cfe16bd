//! What was made of one state of the catalog, kept for the next query.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use offtake_lir::{CollectionId, Lookup};
use offtake_row::Row;

/// More tables than this are not kept: clients name search paths as they like.
const MOST_LOOKUPS: usize = 512;

/// A function and the search path that its answers depend on.
type Of = (&'static str, Vec<String>);

/// Rows by collection, tables of answers by function and search path.
#[derive(Debug, Default)]
pub struct Cache {
    rows: Mutex<HashMap<CollectionId, Arc<Vec<Row>>>>,
    lookups: Mutex<HashMap<Of, Arc<Lookup>>>,
}

impl Cache {
    /// The rows of a collection, made once. Two queries may make them at the same time: they make the same.
    pub fn rows(&self, id: CollectionId, make: impl FnOnce() -> Vec<Row>) -> Arc<Vec<Row>> {
        let known = self.rows.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| {
            let made = Arc::new(make());
            self.rows.lock().unwrap_or_else(PoisonError::into_inner).insert(id, made.clone());
            made
        })
    }

    /// A function's answers, made once for each search path that they depend on (none: the empty one).
    pub fn lookup(&self, name: &'static str, path: &[String], make: impl FnOnce() -> Lookup) -> Arc<Lookup> {
        let key = (name, path.to_vec());
        let known = self.lookups.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let made = Arc::new(make());
            let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            if lookups.len() >= MOST_LOOKUPS {
                lookups.clear();
            }
            lookups.insert(key, made.clone());
            made
        })
    }
}
