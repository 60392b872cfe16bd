//! Scalar expressions: what they are. How they are computed is in the modules below, one per family of functions.
//!
//! A new function is a variant of [`Func`], its computation in the family's module (reached from `call.rs`), and a row of the
//! tables in [`crate::functions`].

mod arithmetic;
mod array;
mod bits;
mod call;
mod cast;
mod datetime;
mod eval;
mod float;
mod format;
pub(crate) mod json;
mod like;
mod lookup;
mod math;
mod object_name;
mod print;
mod privilege;
pub(crate) mod regex;
mod rewrite;
mod string;
mod text;
mod type_name;

use std::sync::Arc;

use offtake_row::{Datum, Row, Type};
use serde::{Deserialize, Serialize};

pub(crate) use array::each_part;
pub use array::{ArrayFunc, Bounds, Test};
pub(crate) use cast::timestamp_of;
pub use datetime::TimeFunc;
pub(crate) use datetime::{Span, timestamp_minus, timestamp_plus};
pub use format::FormatFunc;
pub use lookup::{Lookup, Otherwise};
pub use privilege::Privilege;

use crate::compare::Blanks;

pub use json::{Form, JsonFunc, Strings, push_jsonb_order};
pub(crate) use json::{
    aggregate as json_aggregate, canonical as canonical_jsonb, compare as compare_jsonb, rows as json_rows,
};
pub use math::MathFunc;
pub use regex::RegexFunc;
pub(crate) use regex::split as regex_rows;
pub use string::StringFunc;

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
    /// A call of a function that is known by its answers.
    Lookup { lookup: Arc<Lookup>, args: Vec<Scalar> },
}

/// The type that arithmetic is done in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Number {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
}

/// `=`, `<>`, `<`, `<=`, `>`, `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A type of moments (or of intervals) that fields are extracted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Moment {
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
}

/// A function or operator with the types it is computed in. Strict unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Func {
    // --- comparisons and truth ---
    Compare(Comparison, Blanks),
    /// `IS DISTINCT FROM`. Not strict.
    IsDistinct(Blanks),
    /// `IS NOT DISTINCT FROM`. Not strict.
    IsNotDistinct(Blanks),
    /// Not strict.
    NullIf(Blanks),
    /// Any number of arguments; NULLs are passed over. Not strict.
    Greatest(Blanks),
    /// Any number of arguments; NULLs are passed over. Not strict.
    Least(Blanks),
    /// Not strict.
    IsNull,
    /// Not strict.
    IsNotNull,
    /// Not strict. `IS UNKNOWN` is [`Func::IsNull`].
    IsTrue,
    /// Not strict.
    IsNotTrue,
    /// Not strict.
    IsFalse,
    /// Not strict.
    IsNotFalse,
    Not,
    /// The canonical value of all that SQL takes for equal ([`crate::equality_key`]).
    EqualityKey(Blanks),

    // --- arithmetic ---
    Add(Number),
    Subtract(Number),
    Multiply(Number),
    Divide(Number),
    /// `%` and `mod`: the sign of the dividend.
    Remainder(Number),
    Negate(Number),
    Abs(Number),
    Sign(Number),
    Ceil(Number),
    Floor(Number),
    /// Half to even for floats, half away from zero for numerics.
    Round(Number),
    Trunc(Number),
    /// `round(numeric, integer)`.
    RoundTo,
    /// `trunc(numeric, integer)`.
    TruncTo,
    /// `div(numeric, numeric)`: the integer quotient, truncated.
    Quotient,
    GreatestCommonDivisor(Number),
    LeastCommonMultiple(Number),
    Power,
    SquareRoot,
    CubeRoot,
    Exp,
    Ln,
    Log10,
    Degrees,
    Radians,
    BitAnd,
    BitOr,
    BitXor,
    BitNot,
    ShiftLeft(Number),
    ShiftRight(Number),

    // --- text and bytes ---
    /// `text || text`.
    Concat,
    /// `bytea || bytea`.
    ConcatBytes,
    /// `concat(…)` over texts: NULLs are passed over. Not strict.
    ConcatAll,
    /// `concat_ws(separator, …)` over texts: NULL only if the separator is. Not strict.
    ConcatWith,
    /// In characters.
    Length,
    /// `length(char(n))`: trailing blanks do not count.
    LengthTrimmed,
    /// In bytes.
    OctetLength,
    OctetLengthBytes,
    BitLength,
    BitLengthBytes,
    Lower,
    Upper,
    /// `btrim`, with the characters to trim as second argument, a blank without.
    Trim,
    TrimStart,
    TrimEnd,
    /// `substring(text, from [, count])`, in characters from 1.
    Substring,
    SubstringBytes,
    Left,
    Right,
    /// `strpos(text, part)`, in characters from 1; 0 if it is not there.
    Position,
    PositionBytes,
    Replace,
    Translate,
    StartsWith,
    Reverse,
    Repeat,
    PadStart,
    PadEnd,
    SplitPart,
    Ascii,
    Chr,
    ToHex(Number),
    Like,
    NotLike,
    ILike,
    NotILike,
    /// Rewrites a pattern with another escape character to one with a backslash.
    LikeEscape,

    // --- dates and times ---
    /// `date + integer`.
    AddDays,
    /// `date - integer`.
    SubtractDays,
    /// `date - date`, in days.
    DaysBetween,
    /// `date + time` = `timestamp`.
    DateAtTime,
    /// `extract(field FROM …)`: numeric.
    Extract(Moment),
    /// `date_part(field, …)`: float8.
    DatePart(Moment),
    /// `date_trunc(field, timestamp)`; both timestamp types (the zone is UTC).
    DateTrunc,
    IsFiniteDate,
    IsFiniteTimestamp,
    MakeDate,
    /// `to_timestamp(float8)`: seconds since 1970.
    ToTimestamp,

    /// A function that formats by a template, or reads what was formatted.
    Format(FormatFunc),
    /// A function of arrays.
    Array(ArrayFunc),
    /// A function of intervals, zones, or moments and intervals.
    Time(TimeFunc),
    /// A function of `json` and `jsonb`.
    Json(JsonFunc),
    // --- the catalog's objects ---
    /// Of a text that names an object, the schema that it is qualified with; the empty text without one.
    ObjectSchema,
    /// Of a text that names an object, its name without the schema.
    ObjectName,
    /// The OID that a text has in place of an object's name; NULL if it is a name.
    ObjectOid,
    /// Of a text that names a type, the one spelling of that name.
    TypeName,
    /// `format_type`, of the type's name without modifier and the modifier (`integer`). Strict in the name only.
    FormatType,
    /// Whether everybody has one of the rights that a text lists.
    IsGranted(Privilege),

    /// A mathematical function beyond arithmetic.
    Math(MathFunc),
    /// A less usual function of text and bytes.
    String(StringFunc),
    /// A function of regular expressions.
    Regex(RegexFunc),

    /// A cast, with the length or precision of `to` enforced as by an explicit cast.
    Cast {
        from: Type,
        to: Type,
    },
}

impl Scalar {
    /// A constant.
    pub fn literal(datum: Datum<'_>, ty: Type) -> Scalar {
        Scalar::Literal { value: Row::pack([datum]), ty }
    }

    /// NULL of a type.
    pub fn null(ty: Type) -> Scalar {
        Scalar::literal(Datum::Null, ty)
    }

    /// A call.
    pub fn call(func: Func, args: impl IntoIterator<Item = Scalar>) -> Scalar {
        Scalar::Call { func, args: args.into_iter().collect() }
    }
}
