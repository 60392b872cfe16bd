//! One state of what can be read: the relations with their columns, keys and indexes, and the roles.

use std::{collections::BTreeMap, sync::Arc};

use offtake_row::Column;

use crate::{cache::Cache, identifier};

/// The role that owns everything: `pg_roles.oid` of the first role of a PostgreSQL database.
pub const OWNER: u32 = 10;
/// The name of that role.
pub const OWNER_NAME: &str = "offtake";
/// `pg_database.oid` of the one database.
pub const DATABASE: u32 = 5;
/// `pg_namespace.oid`.
pub const PG_CATALOG: u32 = 11;
/// `pg_namespace.oid`.
pub const PUBLIC: u32 = 2200;

/// A relation, as the catalog shows it.
#[derive(Clone, Debug)]
pub struct RelationInfo {
    /// `pg_class.oid`: must be the same for as long as the relation is the same. Less than 2^24.
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: Kind,
    pub columns: Vec<Column>,
    /// The positions of the key's columns, shown as a primary key; empty: none.
    pub key: Vec<usize>,
    /// The column lists that a View's indexes are on.
    pub indexes: Vec<Vec<usize>>,
    /// A view's query.
    pub definition: Option<String>,
    /// The OIDs of what a view reads.
    pub reads: Vec<u32>,
    /// Shown as the comment on it: why it cannot be read, where it cannot.
    pub comment: Option<String>,
}

/// What a relation is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Table,
    View,
}

/// A key or an index of a relation.
#[derive(Clone, Debug)]
pub struct Index {
    pub oid: u32,
    pub name: String,
    /// Its relation's place in [`Catalog::relations`].
    pub relation: usize,
    /// Positions of the relation's columns.
    pub columns: Vec<usize>,
    /// Whether it is the primary key, too.
    pub primary: bool,
}

/// All of it. Made when relations come or go, and read by many queries.
#[derive(Debug)]
pub struct Catalog {
    pub database: String,
    pub relations: Vec<RelationInfo>,
    pub indexes: Vec<Index>,
    /// Names and `pg_namespace.oid`s.
    pub schemas: BTreeMap<String, u32>,
    /// Names and `pg_authid.oid`s.
    pub roles: BTreeMap<String, u32>,
    /// Counts the states of the catalog: what `xmin` and `txid_current()` show.
    pub generation: u32,
    pub(crate) cache: Cache,
}

impl Catalog {
    /// `roles` are those that may come in, besides the owner.
    pub fn new(
        database: &str,
        relations: Vec<RelationInfo>,
        roles: impl IntoIterator<Item = String>,
        generation: u32,
    ) -> Arc<Catalog> {
        let mut schemas =
            BTreeMap::from([("pg_catalog".to_owned(), PG_CATALOG), ("public".to_owned(), PUBLIC)]);
        schemas.insert("information_schema".to_owned(), INFORMATION_SCHEMA);
        relations.iter().for_each(|relation| give(&mut schemas, &relation.schema, SCHEMAS));
        let mut all_roles = BTreeMap::from([(OWNER_NAME.to_owned(), OWNER)]);
        roles.into_iter().for_each(|role| give(&mut all_roles, &role, ROLES));
        let indexes = indexes(&relations);
        Arc::new(Catalog {
            database: database.to_owned(),
            relations,
            indexes,
            schemas,
            roles: all_roles,
            generation: generation.max(FIRST_TRANSACTION),
            cache: Cache::default(),
        })
    }

    pub fn schema_oid(&self, name: &str) -> u32 {
        self.schemas.get(name).copied().unwrap_or_default()
    }

    pub fn schema_name(&self, oid: u32) -> Option<&str> {
        self.schemas.iter().find(|(_, known)| **known == oid).map(|(name, _)| name.as_str())
    }
}

/// `pg_namespace.oid` of information_schema: the one of the server that the data is from, as its domains name it.
pub const INFORMATION_SCHEMA: u32 = 13_207;
/// The first number of a transaction that PostgreSQL gives. Source: `FirstNormalTransactionId`.
const FIRST_TRANSACTION: u32 = 3;
/// Where OIDs of schemas and roles begin: above those of tables, and within the signed integers, which some clients hold them in.
const SCHEMAS: u32 = 2_000_000_000;
const ROLES: u32 = 2_100_000_000;
const SPAN: u32 = 40_000_000;

/// Gives a name an OID by its hash, which keeps it the same when other names come and go.
fn give(names: &mut BTreeMap<String, u32>, name: &str, base: u32) {
    if names.contains_key(name) {
        return;
    }
    // FNV-1a.
    let hash =
        name.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut oid = base + hash % SPAN;
    while names.values().any(|taken| *taken == oid) {
        oid += 1;
    }
    names.insert(name.to_owned(), oid);
}

/// Objects that belong to a relation have its OID with this bit and their number in the six bits below.
const OF_RELATION: u32 = 1 << 30;
/// The number of a view's rule among them; indexes count from 0.
const RULE: u32 = 63;

/// `pg_rewrite.oid` of a view's rule.
pub fn rule_oid(relation: u32) -> u32 {
    of_relation(relation, RULE)
}

fn of_relation(relation: u32, number: u32) -> u32 {
    OF_RELATION | (number << 24) | (relation & 0x00ff_ffff)
}

/// The key first, then the indexes, each under the name that PostgreSQL would give it.
fn indexes(relations: &[RelationInfo]) -> Vec<Index> {
    let mut taken: BTreeMap<(&str, String), ()> =
        relations.iter().map(|relation| ((relation.schema.as_str(), relation.name.clone()), ())).collect();
    let mut indexes = Vec::new();
    for (place, relation) in relations.iter().enumerate() {
        let mut add = |columns: &[usize], primary: bool| {
            let number = indexes_of(&indexes, place);
            if columns.is_empty() || number >= RULE {
                return;
            }
            let names: Vec<&str> = columns
                .iter()
                .filter_map(|column| relation.columns.get(*column))
                .map(|column| column.name.as_str())
                .collect();
            let (middle, label) = if primary { (String::new(), "pkey") } else { (names.join("_"), "idx") };
            let name = (0..)
                .map(|pass| match pass {
                    0 => identifier::object_name(&relation.name, &middle, label),
                    pass => identifier::object_name(&relation.name, &middle, &format!("{label}{pass}")),
                })
                .find(|name| !taken.contains_key(&(relation.schema.as_str(), name.clone())))
                .unwrap_or_default();
            taken.insert((relation.schema.as_str(), name.clone()), ());
            indexes.push(Index {
                oid: of_relation(relation.oid, number),
                name,
                relation: place,
                columns: columns.to_vec(),
                primary,
            });
        };
        add(&relation.key, true);
        relation
            .indexes
            .iter()
            .filter(|columns| **columns != relation.key)
            .for_each(|columns| add(columns, false));
    }
    indexes
}

fn indexes_of(indexes: &[Index], relation: usize) -> u32 {
    indexes.iter().rev().take_while(|index| index.relation == relation).count() as u32
}
