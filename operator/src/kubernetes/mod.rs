//! Dealing with the API server: names and labels of what we make, applying, events, Secrets of others.

pub mod apply;
pub mod events;
pub mod labels;
pub mod names;
pub mod quantity;
pub mod secret;
