//! Types, datums and packed rows.
//!
//! This crate is the vocabulary that every stage shares: what a column's type is ([`Type`]), what a value is ([`Datum`]), and how
//! a row is held in memory, on disk and between threads ([`Row`]: packed bytes, cheap to clone). PostgreSQL's text and binary
//! forms of each type live here too ([`text`], [`binary`]), because ingestion reads them, casts use them and serving writes them.
//!
//! It knows no I/O, no SQL and no engine.

pub mod array;
pub mod binary;
mod datum;
mod float;
pub mod json;
mod numeric;
mod row;
pub mod text;
pub mod time;
mod types;

pub use array::{ArrayBuilder, ArrayRef, Dimension, MAX_DIMENSIONS, MAX_ELEMENTS};
pub use datum::Datum;
pub use numeric::{Numeric, NumericError};
pub use row::{Row, RowIter, RowPacker};
pub use types::{Column, Element, Facts, Type};
