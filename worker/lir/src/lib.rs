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
mod key;
mod mfp;
mod node;
mod order;
pub mod scalar;
mod table_function;
mod top_k;
pub mod window;

pub use aggregate::{Accumulator, Aggregate, AggregateFunction, AggregateKind, AggregateOrder};
pub use arena::Arena;
pub use compare::{Blanks, compare, equality_key};
pub use error::{EvalError, SqlState};
pub use evaluate::{Finish, Source, evaluate};
pub use key::KeyOf;
pub use mfp::{Mfp, Scratch};
pub use node::{
    CollectionId, Frame, FrameBound, FrameExclusion, FrameUnit, JoinKey, JoinKind, JoinStage, Lir, LocalId,
    TopK, Window, WindowCall, WindowFunction,
};
pub use order::Order;
pub use scalar::{ArrayFunc, Func, Lookup, Otherwise, Scalar};
pub use table_function::TableFunction;
pub use top_k::Bounds;
