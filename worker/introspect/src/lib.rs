//! pg_catalog and information_schema as relations, and the functions about their objects.
//!
//! [`relations`] says which relations there are, with PostgreSQL 15's names, columns and OIDs; a planner treats them like any others.
//! [`rows`] answers what is in them: partly data that is the same in every database, partly made from a [`Catalog`] (what can be read)
//! and a [`Moment`] (who is here, how large everything is). [`Functions`] are the functions that only make sense over these, each an
//! expression that takes its place in a plan.
//!
//! It knows no rows of tables and views, no SQL text and no I/O. What is shown is true: what Offtake has not is not there.

mod cache;
mod catalog;
mod content;
mod definition;
mod functions;
mod identifier;
mod moment;
mod names;
mod rows;
#[cfg(test)]
mod sample;

pub use catalog::{Catalog, Kind, RelationInfo};
pub use definition::{SystemRelation, is_of_catalogs, oid, relations};
pub use functions::{Functions, Moments};
pub use moment::{Client, ClientState, Cursor, Moment, PreparedStatement, Setting, Size};
pub use names::path as search_path;
pub use rows::rows;
