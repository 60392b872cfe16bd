//! How many rows a [`TopK`] passes over and takes.

use offtake_row::Datum;

use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    node::TopK,
    scalar::Scalar,
};

/// Of each group's rows, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub skip: u64,
    /// `None` is all.
    pub take: Option<u64>,
}

impl TopK {
    /// Evaluates the limit and the offset. Source: PostgreSQL's `recompute_limits` in nodeLimit.c, which looks at the offset first.
    pub fn bounds(&self) -> Result<Bounds, EvalError> {
        let skip = count(&self.offset, SqlState::INVALID_OFFSET, "OFFSET must not be negative")?;
        let take = count(&self.limit, SqlState::INVALID_LIMIT, "LIMIT must not be negative")?;
        Ok(Bounds { skip: skip.unwrap_or(0), take })
    }
}

/// A count of rows; `None` for NULL.
fn count(scalar: &Option<Scalar>, code: SqlState, negative: &str) -> Result<Option<u64>, EvalError> {
    let Some(scalar) = scalar else { return Ok(None) };
    match scalar.eval(&[], &Arena::new())? {
        Datum::Null => Ok(None),
        Datum::Int(count) => match u64::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(EvalError::new(code, negative)),
        },
        _ => Err(EvalError::internal("a number of rows that is no integer")),
    }
}
