//! Orders of rows.

use std::cmp::Ordering;

use offtake_row::{Datum, Type};
use serde::{Deserialize, Serialize};

use crate::compare::compare;

/// One key of an ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// Among the columns of the rows that are ordered.
    pub column: usize,
    pub ty: Type,
    pub descending: bool,
    /// PostgreSQL's default is first if descending, last otherwise.
    pub nulls_first: bool,
}

impl Order {
    /// The order of two values of the column.
    pub fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> Ordering {
        directed(self.ty, self.descending, self.nulls_first, a, b)
    }
}

/// The order of two values of one type, ascending or descending.
pub(crate) fn directed(
    ty: Type,
    descending: bool,
    nulls_first: bool,
    a: Datum<'_>,
    b: Datum<'_>,
) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => compare(ty, b, a),
        (false, false) => compare(ty, a, b),
    }
}
