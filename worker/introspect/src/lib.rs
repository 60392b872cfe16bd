//! pg_catalog and information_schema for clients: what psql's `\d`, drivers and tools ask about the database.
//!
//! Such queries are PostgreSQL SQL in full (regular expressions, arrays, correlated subqueries), far beyond what a view may use, so they
//! run on DataFusion with `datafusion-pg-catalog`'s rewriting rules and static tables. The tables that tell about user relations are our
//! own, because OIDs must stay the same and types must be the true ones, modifiers included. Only catalog data is in reach here: no
//! query on a table or view ever runs on DataFusion, whose types and arithmetic are not PostgreSQL's.
//!
//! Nothing of DataFusion is in the public API.

mod convert;
mod error;
mod functions;
mod information_schema;
mod pg_catalog;
mod rewrite;
mod session;
mod table;

pub use error::IntrospectError;
pub use session::Introspection;

use offtake_row::Column;

/// A relation, as the catalog shows it.
#[derive(Clone, Debug)]
pub struct RelationInfo {
    /// `pg_class.oid`: must be the same for as long as the relation is the same.
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: Kind,
    pub columns: Vec<Column>,
    /// The positions of the key's columns, shown as a primary key; empty: none.
    pub key: Vec<usize>,
    /// A view's query.
    pub definition: Option<String>,
}

/// What a relation is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Table,
    View,
}
