//! What is wrong with a text, in PostgreSQL's words and codes.

use crate::{numeric::NumericError, time::TimeError, types::Type};

/// Why a text is no value of a type. `Display` is PostgreSQL's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("invalid input syntax for type {ty}: \"{text}\"")]
    Syntax { ty: Type, text: String },
    #[error("invalid input syntax for type {0}")]
    SyntaxUnquoted(Type),
    /// An integer that does not fit.
    #[error("value \"{text}\" is out of range for type {ty}")]
    IntegerRange { ty: Type, text: String },
    /// A floating-point number that is too great, or too small to be more than zero.
    #[error("\"{text}\" is out of range for type {ty}")]
    FloatRange { ty: Type, text: String },
    #[error("{error}")]
    Numeric { error: NumericError, ty: Type, infinite: bool },
    #[error("value too long for type {0}")]
    TooLong(Type),
    #[error("{}", time_message(error, *ty, text))]
    Time { error: TimeError, ty: Type, text: String },
    #[error("invalid hexadecimal digit: \"{0}\"")]
    HexDigit(char),
    #[error("invalid hexadecimal data: odd number of digits")]
    HexOdd,
    #[error("unsupported Unicode escape sequence")]
    JsonEscape,
    #[error("value overflows numeric format")]
    JsonNumber,
    #[error("stack depth limit exceeded")]
    JsonDepth,
    #[error("malformed array literal: \"{text}\"")]
    Array { text: String, detail: String },
    #[error("number of array dimensions ({0}) exceeds the maximum allowed (6)")]
    ArrayDimensions(usize),
    #[error("array size exceeds the maximum allowed (134217727)")]
    ArraySize,
    #[error("upper bound cannot be less than lower bound")]
    ArrayBounds,
    #[error("array lower bound is too large: {0}")]
    ArrayLowerBound(i32),
    #[error("{0} has too many elements")]
    VectorSize(Type),
    #[error("identifier too long")]
    NameTooLong,
    /// A value that PostgreSQL makes itself.
    #[error("cannot accept a value of type {0}")]
    NoInput(Type),
    /// An object by its name, which only who knows the catalog can find.
    #[error("{ty} \"{text}\" can not be found here: write its OID")]
    ObjectName { ty: Type, text: String },
    /// Text holds no zero byte.
    #[error("invalid byte sequence for encoding \"UTF8\": 0x00")]
    ZeroByte,
}

impl TextError {
    /// PostgreSQL's five-character error code.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            TextError::Syntax { .. } | TextError::SyntaxUnquoted(_) => "22P02",
            TextError::IntegerRange { .. } | TextError::FloatRange { .. } | TextError::JsonNumber => "22003",
            TextError::Numeric { error, .. } => error.sqlstate(),
            TextError::TooLong(_) => "22001",
            TextError::Time { error, .. } => match error {
                TimeError::Syntax => "22007",
                TimeError::Field
                | TimeError::MonthOrDay
                | TimeError::DateRange
                | TimeError::TimestampRange => "22008",
                TimeError::IntervalField => "22015",
                TimeError::IntervalRange => "22008",
                TimeError::ZoneDisplacement => "22009",
                TimeError::ZoneName(_) => "22023",
                TimeError::Clock(_) => "0A000",
            },
            TextError::HexDigit(_) | TextError::HexOdd | TextError::VectorSize(_) => "22023",
            TextError::Array { .. } => "22P02",
            TextError::ArrayDimensions(_) | TextError::ArraySize | TextError::ArrayLowerBound(_) => "54000",
            TextError::NameTooLong => "42622",
            TextError::ArrayBounds => "2202E",
            TextError::NoInput(_) | TextError::ObjectName { .. } => "0A000",
            TextError::JsonEscape => "22P05",
            TextError::JsonDepth => "54001",
            TextError::ZeroByte => "22021",
        }
    }

    /// PostgreSQL's hint.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            TextError::Time { error: TimeError::MonthOrDay, .. } => {
                Some("Perhaps you need a different \"datestyle\" setting.")
            }
            _ => None,
        }
    }

    /// PostgreSQL's detail.
    pub fn detail(&self) -> Option<String> {
        match self {
            TextError::Numeric {
                error: NumericError::FieldOverflow,
                ty: Type::Numeric(Some((precision, scale))),
                infinite,
            } => Some(overflow_detail(*precision, *scale, *infinite)),
            TextError::Array { detail, .. } => Some(detail.clone()),
            _ => None,
        }
    }
}

/// The detail of PostgreSQL's "numeric field overflow" for `numeric(precision, scale)`.
pub fn overflow_detail(precision: u16, scale: i16, infinite: bool) -> String {
    if infinite {
        return format!("A field with precision {precision}, scale {scale} cannot hold an infinite value.");
    }
    let limit = match i32::from(precision) - i32::from(scale) {
        0 => "1".to_owned(),
        digits => format!("10^{digits}"),
    };
    format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
    )
}

fn time_message(error: &TimeError, ty: Type, text: &str) -> String {
    match error {
        TimeError::Syntax => format!("invalid input syntax for type {}: \"{text}\"", error_name(ty)),
        TimeError::ZoneName(_) | TimeError::Clock(_) | TimeError::IntervalRange => error.to_string(),
        other => format!("{other}: \"{text}\""),
    }
}

/// The names by which the input functions of times call their types.
fn error_name(ty: Type) -> &'static str {
    match ty {
        Type::Date => "date",
        Type::Time => "time",
        Type::Timestamp => "timestamp",
        Type::Interval => "interval",
        _ => "timestamp with time zone",
    }
}
