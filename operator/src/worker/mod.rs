//! The other side: one worker for each source, told its catalog and asked for its status.
//!
//! [`link`] is a task for each source that pushes catalogs and follows the status; [`reports`] decides which changes of a status are
//! worth a write to the cluster; [`http`] speaks the worker's API; [`push`] decides when a catalog is sent.

pub mod http;
pub mod link;
pub mod push;
pub mod reports;
