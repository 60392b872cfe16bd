//! The tables and views that a statement can name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use offtake_lir::CollectionId;
use offtake_row::Column;

/// What a relation is to the planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
    /// Made from the worker's state (`offtake.tables`, …); views can't be built on it.
    System,
}

/// Why a relation can't be read now. The planner does not look at it: a view may be planned over a table that is being copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationProblem {
    pub sqlstate: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

/// A table or view, as SQL sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub id: CollectionId,
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// Positions of columns whose values, all NOT NULL, occur once.
    pub key: Option<Vec<usize>>,
    pub kind: RelationKind,
    pub problem: Option<RelationProblem>,
    /// The column lists that can be looked up without a scan.
    pub indexes: Vec<Vec<usize>>,
}

#[derive(Debug, Default)]
struct Catalog {
    relations: Vec<Relation>,
    by_name: BTreeMap<(String, String), usize>,
    by_id: BTreeMap<CollectionId, usize>,
    schemas: BTreeSet<String>,
}

/// All relations of a worker at one moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Relations(Arc<Catalog>);

impl Relations {
    /// Of two relations of one name, the later one is seen.
    pub fn new(relations: Vec<Relation>) -> Relations {
        let mut catalog = Catalog::default();
        for (index, relation) in relations.iter().enumerate() {
            catalog.by_name.insert((relation.schema.clone(), relation.name.clone()), index);
            catalog.by_id.insert(relation.id, index);
            catalog.schemas.insert(relation.schema.clone());
        }
        catalog.relations = relations;
        Relations(Arc::new(catalog))
    }

    /// Finds a relation by its name, in `schema` or in the first schema of the path that has it.
    pub fn lookup(&self, search_path: &[String], schema: Option<&str>, name: &str) -> Option<&Relation> {
        let find = |schema: &str| {
            self.0.by_name.get(&(schema.to_owned(), name.to_owned())).map(|&index| &self.0.relations[index])
        };
        match schema {
            Some(schema) => find(schema),
            None => search_path.iter().find_map(|schema| find(schema)),
        }
    }

    pub fn get(&self, id: CollectionId) -> Option<&Relation> {
        self.0.by_id.get(&id).map(|&index| &self.0.relations[index])
    }

    pub fn iter(&self) -> impl Iterator<Item = &Relation> {
        self.0.relations.iter()
    }

    pub fn has_schema(&self, schema: &str) -> bool {
        self.0.schemas.contains(schema)
    }
}
