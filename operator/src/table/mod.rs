//! SourceTable: told to the source's worker; its status is what the worker reports. It owns nothing.

mod controller;
mod inputs;
mod plan;
mod status;

pub use controller::reconcile;
pub use status::columns;
