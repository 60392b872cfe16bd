//! The readable state: every table and view at one time, in persistent versions.
//!
//! Two sides. The one [`Writer`] is told what changes in each collection and up to which time it is complete; it publishes [`Version`]s.
//! [`Results`] hands the newest version to any number of readers. A version shows every collection at exactly one time, never changes, and
//! shares what did not change with its neighbours (persistent maps), so that a reader may keep one for as long as it likes and holds
//! nothing back: neither the dataflow nor the next version.
//!
//! # Which time can be read
//!
//! A version at time T is published when every visible collection is complete for T, that is, when T is less than each one's upper. A
//! collection that was just created is *hydrating*: nobody waits for it, and it joins the first version for which it is complete.
//!
//! It knows no dataflow, no SQL and no I/O; what the times mean is the writer's business.

mod collection;
mod version;
mod writer;

pub use collection::Collection;
pub use version::{Closed, Results, Version, results};
pub use writer::{CollectionSnapshot, Writer};
