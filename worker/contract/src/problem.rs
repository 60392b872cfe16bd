//! What is wrong with an object, in words for its owner.

use serde::{Deserialize, Serialize};

/// Why something is not well, and what to do about it. The reason is one PascalCase word, the same in status, conditions, events,
/// metrics and SQL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    pub reason: String,
    /// What is wrong: names the object and the field.
    pub message: String,
    /// What its owner can do.
    pub remedy: String,
}

impl Problem {
    pub fn new(reason: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem { reason: reason.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}
