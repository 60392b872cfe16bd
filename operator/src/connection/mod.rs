//! PgConnection: reached for real, again and again; its status tells what was found. It owns nothing.

mod controller;
mod inputs;
mod plan;
pub mod probe;
mod status;

pub use controller::reconcile;
pub use inputs::{manifests, secrets};
pub use plan::from_here;
pub use status::missing;
