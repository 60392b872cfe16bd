//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password or key. It has no `Display` and its `Debug` shows nothing; it is serialised only into the catalog, which travels to the
/// worker over an authenticated channel and rests on the worker's own volume.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself. Callers hand it to a protocol, never to a log, an error or a status.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
