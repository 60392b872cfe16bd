//! What is wrong with a statement.

use std::fmt;

use sqlparser::tokenizer::{Location, Span};

/// Why a statement can't be planned, in PostgreSQL's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// Five characters: `42xxx` for mistakes, `0A000` for what Offtake does not do.
    pub sqlstate: &'static str,
    /// One line, in PostgreSQL's words where it has them.
    pub message: String,
    /// What the writer of the statement can do.
    pub hint: Option<String>,
    /// Where: the 1-based character within the SQL text that was parsed.
    pub position: Option<usize>,
    /// Where, before it is turned into a position.
    pub(crate) location: Option<Location>,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PlanError {}

impl PlanError {
    pub(crate) fn new(sqlstate: &'static str, message: impl Into<String>) -> PlanError {
        PlanError { sqlstate, message: message.into(), hint: None, position: None, location: None }
    }

    /// A feature that PostgreSQL has and Offtake does not.
    pub(crate) fn unsupported(what: impl fmt::Display, remedy: impl Into<String>) -> PlanError {
        PlanError::new("0A000", format!("{what} not supported by Offtake")).hint(remedy)
    }

    pub(crate) fn syntax(message: impl Into<String>) -> PlanError {
        PlanError::new("42601", message)
    }

    /// Something that the planner promises itself did not hold: a bug, reported and not a panic.
    pub(crate) fn internal(message: impl fmt::Display) -> PlanError {
        PlanError::new("XX000", format!("internal planner error: {message}"))
            .hint("please report this statement as a bug of Offtake")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> PlanError {
        let hint = hint.into();
        self.hint = (!hint.is_empty()).then_some(hint);
        self
    }

    pub(crate) fn at(mut self, span: Span) -> PlanError {
        if self.location.is_none() && span.start.line > 0 {
            self.location = Some(span.start);
        }
        self
    }

    /// Turns the location into a position within `text`, whose first character stands at line 1, column 1.
    pub(crate) fn positioned(mut self, text: &str) -> PlanError {
        if let Some(location) = self.location.take() {
            let (mut line, mut column) = (1, 1);
            for (index, character) in text.chars().enumerate() {
                if (line, column) == (location.line, location.column) {
                    self.position = Some(index + 1);
                    break;
                }
                if character == '\n' {
                    line += 1;
                    column = 1;
                } else {
                    column += 1;
                }
            }
        }
        self
    }
}
