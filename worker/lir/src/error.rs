//! Errors of evaluation: data, not failures. A view carries them beside its rows and heals when the offending row is gone.

use std::{fmt, str};

use offtake_row::{Datum, NumericError, Row};
use serde::{Deserialize, Serialize};

/// A five-character SQLSTATE. Source: PostgreSQL documentation, appendix A.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    pub const FEATURE_NOT_SUPPORTED: SqlState = SqlState(*b"0A000");
    pub const DATA_EXCEPTION: SqlState = SqlState(*b"22000");
    pub const ARRAY_SUBSCRIPT: SqlState = SqlState(*b"2202E");
    pub const CARDINALITY_VIOLATION: SqlState = SqlState(*b"21000");
    pub const NUMERIC_VALUE_OUT_OF_RANGE: SqlState = SqlState(*b"22003");
    pub const NULL_NOT_ALLOWED: SqlState = SqlState(*b"22004");
    pub const INVALID_DATETIME_FORMAT: SqlState = SqlState(*b"22007");
    pub const ZONE_DISPLACEMENT: SqlState = SqlState(*b"22009");
    pub const DATETIME_OVERFLOW: SqlState = SqlState(*b"22008");
    pub const SUBSTRING_ERROR: SqlState = SqlState(*b"22011");
    pub const DIVISION_BY_ZERO: SqlState = SqlState(*b"22012");
    pub const INVALID_FRAME_OFFSET: SqlState = SqlState(*b"22013");
    pub const INVALID_NTILE: SqlState = SqlState(*b"22014");
    pub const INVALID_NTH_VALUE: SqlState = SqlState(*b"22016");
    pub const INVALID_ESCAPE: SqlState = SqlState(*b"22019");
    pub const INVALID_LOGARITHM: SqlState = SqlState(*b"2201E");
    pub const INVALID_POWER: SqlState = SqlState(*b"2201F");
    pub const INVALID_PARAMETER: SqlState = SqlState(*b"22023");
    pub const INVALID_ESCAPE_SEQUENCE: SqlState = SqlState(*b"22025");
    pub const NOT_IN_REPERTOIRE: SqlState = SqlState(*b"22021");
    pub const SYNTAX: SqlState = SqlState(*b"42601");
    pub const INVALID_WIDTH_BUCKET: SqlState = SqlState(*b"2201G");
    pub const ESCAPE_USE: SqlState = SqlState(*b"2200C");
    pub const INVALID_REGEX: SqlState = SqlState(*b"2201B");
    pub const UNTRANSLATABLE: SqlState = SqlState(*b"22P05");
    pub const STACK_DEPTH: SqlState = SqlState(*b"54001");
    pub const SYNTAX_ERROR: SqlState = SqlState(*b"42601");
    pub const INVALID_TEXT: SqlState = SqlState(*b"22P02");
    pub const INVALID_LIMIT: SqlState = SqlState(*b"2201W");
    pub const INVALID_OFFSET: SqlState = SqlState(*b"2201X");
    pub const OUT_OF_MEMORY: SqlState = SqlState(*b"53200");
    pub const PROGRAM_LIMIT: SqlState = SqlState(*b"54000");
    pub const TOO_COMPLEX: SqlState = SqlState(*b"54001");
    pub const INTERNAL: SqlState = SqlState(*b"XX000");

    /// The code from its text; anything that is not five ASCII characters is an internal error.
    pub fn new(code: &str) -> SqlState {
        <[u8; 5]>::try_from(code.as_bytes())
            .ok()
            .filter(|code| code.is_ascii())
            .map_or(SqlState::INTERNAL, SqlState)
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an expression has no value for a row: PostgreSQL's SQLSTATE and its words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    pub code: SqlState,
    pub message: String,
}

impl EvalError {
    pub fn new(code: SqlState, message: impl Into<String>) -> EvalError {
        EvalError { code, message: message.into() }
    }

    pub fn division_by_zero() -> EvalError {
        EvalError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
    }

    /// `what` is a type's SQL name: "integer out of range".
    pub fn out_of_range(what: impl fmt::Display) -> EvalError {
        EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{what} out of range"))
    }

    /// A float result too large for its type.
    pub fn overflow() -> EvalError {
        EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
    }

    /// A float result that is not zero but too small for its type.
    pub fn underflow() -> EvalError {
        EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
    }

    pub fn invalid_parameter(message: impl Into<String>) -> EvalError {
        EvalError::new(SqlState::INVALID_PARAMETER, message)
    }

    /// A recursion that finds rows after the last round that it may have.
    pub fn rounds(limit: u64) -> EvalError {
        EvalError::new(
            SqlState::TOO_COMPLEX,
            format!(
                "statement is too complex: the recursive query still finds rows after {limit} rounds (end it with a condition, or with \
                 UNION instead of UNION ALL)"
            ),
        )
    }

    /// A row that is there so many times that they cannot be counted.
    pub fn copies() -> EvalError {
        EvalError::new(SqlState::PROGRAM_LIMIT, "a row comes more often than can be counted")
    }

    /// A plan whose types do not fit its functions: a bug in whoever made the plan, reported and never a panic.
    pub fn internal(message: impl Into<String>) -> EvalError {
        EvalError::new(SqlState::INTERNAL, message)
    }

    /// The error as a row of two texts, so that it can travel as rows do.
    pub fn to_row(&self) -> Row {
        Row::pack([Datum::Text(self.code.as_str()), Datum::Text(&self.message)])
    }

    /// Reads what [`EvalError::to_row`] wrote.
    pub fn from_row(row: &Row) -> EvalError {
        let mut datums = row.iter();
        match (datums.next(), datums.next()) {
            (Some(Datum::Text(code)), Some(Datum::Text(message))) => {
                EvalError::new(SqlState::new(code), message)
            }
            _ => EvalError::internal("an error that cannot be read"),
        }
    }
}

impl From<NumericError> for EvalError {
    fn from(error: NumericError) -> EvalError {
        match error {
            NumericError::DivisionByZero => EvalError::division_by_zero(),
            other => EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, other.to_string()),
        }
    }
}
