//! `numeric`: exact decimals of up to 38 significant digits.

/// A PostgreSQL `numeric` value.
///
/// The scale is the display scale (`dscale`): `1.50` and `1.5` are equal in SQL but print differently, and both are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numeric {
    /// `mantissa / 10^scale`.
    Finite { mantissa: i128, scale: u8 },
    NaN,
    Infinity,
    NegativeInfinity,
}

/// Why an operation on numerics has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumericError {
    #[error("division by zero")]
    DivisionByZero,
    /// PostgreSQL would answer with more than the 38 digits that Offtake keeps.
    #[error("numeric value needs more than the 38 digits that Offtake keeps")]
    TooManyDigits,
    /// The value does not fit `numeric(precision, scale)`.
    #[error("numeric field overflow")]
    FieldOverflow,
}
