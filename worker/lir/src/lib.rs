//! The plan (LIR): what a view or a query computes, with every choice made.
//!
//! A [`Lir`] is relational nodes over [`Scalar`] expressions and [`Aggregate`]s. It names no engine and no SQL front end; it can be
//! serialised, printed by [`explain`], rendered as a dataflow (`offtake-engine`) or evaluated once ([`evaluate`]). Both executors use the
//! same scalar and aggregate library, which is PostgreSQL's semantics and lives here ([`scalar`], [`aggregate`]).
//!
//! It knows no I/O, no clock and no SQL text.

pub mod aggregate;
mod compare;
mod error;
mod evaluate;
pub mod explain;
mod mfp;
mod node;
pub mod scalar;

pub use aggregate::{Accumulator, Aggregate, AggregateFunction};
pub use compare::{compare, equality_key};
pub use error::EvalError;
pub use evaluate::{Finish, Order, Source, evaluate};
pub use mfp::Mfp;
pub use node::{CollectionId, JoinStage, Lir};
pub use scalar::{Func, Scalar};
