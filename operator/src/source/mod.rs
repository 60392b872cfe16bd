//! PgSource: one worker, told its catalog; its status is what the worker reports. What Kubernetes cannot collect, the slot, is dropped by
//! the finalizer.

mod cleanup;
mod controller;
mod credentials;
mod inputs;
mod plan;
mod pod;
mod status;
mod volume;

pub use controller::reconcile;
