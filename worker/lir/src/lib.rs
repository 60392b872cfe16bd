//! The plan (LIR): what a view or a query computes, with every choice made.
//!
//! A [`Lir`] is relational nodes over [`Scalar`] expressions and [`Aggregate`]s. It names no engine and no SQL front end; it can be
//! serialised, printed by [`explain`], rendered as a dataflow (`offtake-engine`) or evaluated once ([`evaluate`]). Both executors use the
//! same scalar and aggregate library, which is PostgreSQL's semantics and lives here: [`functions`] says what exists and how a call is
//! resolved, [`scalar`] and [`aggregate`] compute it.
//!
//! It knows no I/O, no clock and no SQL text.

pub mod aggregate;
mod arena;
mod compare;
mod error;
mod evaluate;
pub mod explain;
pub mod functions;
mod mfp;
mod node;
pub mod scalar;

pub use aggregate::{Accumulator, Aggregate, AggregateFunction, AggregateKind};
pub use arena::Arena;
pub use compare::{Blanks, compare, equality_key};
pub use error::{EvalError, SqlState};
pub use evaluate::{Finish, Order, Source, evaluate};
pub use mfp::{Mfp, Scratch};
pub use node::{CollectionId, JoinStage, Lir};
pub use scalar::{Func, Scalar};
