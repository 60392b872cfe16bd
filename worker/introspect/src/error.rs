//! Why a catalog query has no answer.

use datafusion::{error::DataFusionError, sql::sqlparser::parser::ParserError};
use thiserror::Error;

/// A catalog query failed.
#[derive(Debug, Error)]
pub enum IntrospectError {
    #[error("{0}")]
    Syntax(String),
    #[error("exactly one catalog query is expected")]
    NotOne,
    #[error("{0}")]
    Unsupported(String),
    #[error("there is no parameter ${0}")]
    NoParameter(usize),
    #[error("setting up the catalog: {0}")]
    Setup(String),
}

impl IntrospectError {
    /// Source: PostgreSQL documentation, appendix A.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            IntrospectError::Syntax(_) => "42601",
            IntrospectError::NotOne | IntrospectError::Unsupported(_) => "0A000",
            IntrospectError::NoParameter(_) => "42P02",
            IntrospectError::Setup(_) => "XX000",
        }
    }
}

impl From<ParserError> for IntrospectError {
    fn from(error: ParserError) -> IntrospectError {
        let (ParserError::TokenizerError(text) | ParserError::ParserError(text)) = error else {
            return IntrospectError::Syntax("the query is nested too deeply".to_owned());
        };
        IntrospectError::Syntax(text)
    }
}

impl From<DataFusionError> for IntrospectError {
    fn from(error: DataFusionError) -> IntrospectError {
        IntrospectError::Unsupported(format!(
            "this catalog query is not supported: {}",
            error.strip_backtrace()
        ))
    }
}
