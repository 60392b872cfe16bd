//! What the operator's tests stand on: a cluster with the chart installed, a PostgreSQL server that pods reach, and objects in a
//! namespace. It sees what a user sees, through kubectl, helm and psql: no crate of the operator or the worker.

mod database;
mod installation;
mod kstatus;
mod operator;
mod place;
mod watch;

pub use database::{Database, psql};
pub use installation::{Installation, SYSTEM};
pub use operator::{lead_anew, leader, totals};
pub use place::{Place, secret};
