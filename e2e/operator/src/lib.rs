//! What the operator's tests stand on: a cluster with the chart installed, a PostgreSQL server that pods reach, and objects in a
//! namespace. It sees what a user sees, through kubectl, helm and psql: no crate of the operator or the worker.

mod background;
mod database;
mod forward;
mod installation;
mod kstatus;
mod operator;
mod place;
mod watch;

use std::{
    io::{self, Write},
    time::Duration,
};

pub use database::{Database, psql};
pub use installation::{Installation, SYSTEM};
pub use operator::{lead_anew, leader, totals};
pub use place::{Place, secret};

/// Tells how long something took. (libtest hides what the print macros write in a test that passes.)
pub fn report(what: &str, took: Duration) {
    writeln!(io::stderr(), "{what}: {took:?}").ok();
}
