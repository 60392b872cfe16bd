//! SQL to LIR, on DataFusion's parser and planner.
//!
//! The way of a statement: [`parse`] splits SQL text into [`Statement`]s and knows the utility ones itself. [`plan_query`] and [`plan_view`]
//! take a query through four rooms:
//!
//! 1. `resolve`: names. Every table, column, alias, position and output name is resolved by PostgreSQL's rules, and the query is rewritten
//!    into a canonical form of stub calls over uniquely named columns, in which no name means two things.
//! 2. `shadow`: structure. DataFusion's `SqlToRel` turns the canonical query into a `LogicalPlan`. All it sees as types are `Utf8` and
//!    `Boolean`, so none of its typing, coercion or arithmetic can leak.
//! 3. `lower`: types. The `LogicalPlan` is read bottom-up with our own [`offtake_row::Type`]s, PostgreSQL's resolution rules and
//!    `offtake_lir`'s functions, into select-project-join blocks.
//! 4. `optimise`: predicates are pushed down, unused columns dropped, joins ordered, and [`offtake_lir::Lir`] comes out.
//!
//! It knows no I/O and no engine, and no SQL text makes it panic: what is not on the list is refused with a [`PlanError`].

mod dialect;
mod error;
mod lower;
mod optimise;
mod plan;
mod relations;
mod resolve;
mod session;
mod shadow;
mod statement;
mod syntax;
mod tokens;
mod utility;

pub use error::PlanError;
pub use plan::{QueryPlan, ViewPlan, plan_query, plan_view, plan_view_in};
pub use relations::{Relation, RelationKind, RelationProblem, Relations};
pub use session::Session;
pub use statement::{Explained, FetchCount, Query, Statement, parse};
