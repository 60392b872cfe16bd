//! SQL to LIR: a relational planner.
//!
//! The way of a statement: [`parse`] splits SQL text into [`Statement`]s and knows the utility ones itself. [`plan_query`] and [`plan_view`]
//! take a query through five rooms, each of which knows only what comes out of the one before:
//!
//! 1. `syntax`: the parser (sqlparser's), its limits and what it has to be told of PostgreSQL.
//! 2. `bind`: names and types in one pass, by PostgreSQL's rules. Out comes a [`rel`], relational nodes over typed scalars.
//! 3. `decorrelate`: subqueries that read the query around them become joins.
//! 4. `optimise`: small passes that move what is there; none may change an answer.
//! 5. `emit`: joins are ordered, unused columns dropped, steps fused, and [`offtake_lir::Lir`] comes out.
//!
//! It knows no I/O and no engine, and no SQL text makes it panic: what is not on the list is refused with a [`PlanError`].

mod bind;
mod decorrelate;
mod emit;
mod error;
mod optimise;
mod plan;
mod rel;
mod relations;
mod session;
mod statement;
mod syntax;
mod utility;

pub use error::PlanError;
pub use plan::{QueryPlan, ViewPlan, plan_query, plan_view, plan_view_in};
pub use relations::{Relation, RelationKind, RelationProblem, Relations};
pub use session::Session;
pub use statement::{Explained, FetchCount, Query, Statement, parse};
