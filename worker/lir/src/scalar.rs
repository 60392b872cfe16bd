//! Scalar expressions. PLACEHOLDER signatures; the library is written in `scalar/`.

use offtake_row::{Datum, Row, RowPacker, Type};
use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// A scalar expression over one row. Types are resolved: every operand is already cast to what the function takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scalar {
    /// The input's column at this position.
    Column(usize),
    /// A constant, packed as a row of one datum.
    Literal { value: Row, ty: Type },
    /// A parameter of a prepared statement, from 0. Replaced by a literal before a plan runs.
    Parameter { index: usize, ty: Type },
    /// A function or operator. Strict ones (all but those that say otherwise) answer NULL when an argument is NULL.
    Call { func: Func, args: Vec<Scalar> },
    /// Three-valued AND; stops at the first false.
    And(Vec<Scalar>),
    /// Three-valued OR; stops at the first true.
    Or(Vec<Scalar>),
    /// `CASE WHEN … THEN … ELSE … END`; only the branch taken is evaluated.
    Case { branches: Vec<(Scalar, Scalar)>, otherwise: Box<Scalar> },
    /// The first argument that is not NULL; later ones are not evaluated.
    Coalesce(Vec<Scalar>),
}
