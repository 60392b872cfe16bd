//! What a column of an expression stands for while its SELECT is bound.
//!
//! Aggregates, window functions, subqueries and set-returning functions get their columns only when their nodes are built. Until then
//! each is a [`Scalar::Column`] whose number tells what it is.

use offtake_lir::Scalar;

const STEP: usize = 1 << 40;

/// What stands at a column's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A column of what FROM gives.
    Input(usize),
    Aggregate(usize),
    Window(usize),
    Subquery(usize),
    /// A column of a set-returning function in the select list.
    Set(usize),
    /// A column of the right side of the join that a subquery becomes.
    Right(usize),
}

impl Place {
    pub(crate) fn of(column: usize) -> Place {
        let number = column % STEP;
        match column / STEP {
            0 => Place::Input(number),
            1 => Place::Aggregate(number),
            2 => Place::Window(number),
            3 => Place::Subquery(number),
            4 => Place::Set(number),
            _ => Place::Right(number),
        }
    }

    pub(crate) fn column(self) -> usize {
        match self {
            Place::Input(number) => number,
            Place::Aggregate(number) => STEP + number,
            Place::Window(number) => 2 * STEP + number,
            Place::Subquery(number) => 3 * STEP + number,
            Place::Set(number) => 4 * STEP + number,
            Place::Right(number) => 5 * STEP + number,
        }
    }

    pub(crate) fn scalar(self) -> Scalar {
        Scalar::Column(self.column())
    }
}
