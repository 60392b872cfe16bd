//! Operators and functions of intervals, zones, and moments and intervals together; and formatting by template.

use offtake_row::Type::{self, Date, Float8, Int4, Interval, Text, Time, Timestamp, Timestamptz};

use super::resolve::Entry;
use crate::scalar::{FormatFunc, Func, Moment, TimeFunc};

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: TimeFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::Time(func)) }
}

const fn format(name: &'static str, args: &'static [Type], result: Type, func: FormatFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::Format(func)) }
}

/// In PostgreSQL but not here.
const fn without(name: &'static str, args: &'static [Type], result: Type) -> Entry {
    Entry { name, args, result, func: None }
}

pub(super) const OPERATORS: &[Entry] = &[
    entry("+", &[Interval, Interval], Interval, TimeFunc::Plus),
    entry("+", &[Date, Interval], Timestamp, TimeFunc::Plus),
    entry("+", &[Time, Interval], Time, TimeFunc::Plus),
    entry("+", &[Timestamp, Interval], Timestamp, TimeFunc::Plus),
    entry("+", &[Timestamptz, Interval], Timestamptz, TimeFunc::Plus),
    entry("+", &[Interval, Date], Timestamp, TimeFunc::Plus),
    entry("+", &[Interval, Time], Time, TimeFunc::Plus),
    entry("+", &[Interval, Timestamp], Timestamp, TimeFunc::Plus),
    entry("+", &[Interval, Timestamptz], Timestamptz, TimeFunc::Plus),
    entry("-", &[Interval, Interval], Interval, TimeFunc::Minus),
    entry("-", &[Date, Interval], Timestamp, TimeFunc::Minus),
    entry("-", &[Time, Interval], Time, TimeFunc::Minus),
    entry("-", &[Timestamp, Interval], Timestamp, TimeFunc::Minus),
    entry("-", &[Timestamptz, Interval], Timestamptz, TimeFunc::Minus),
    entry("-", &[Time, Time], Interval, TimeFunc::Minus),
    entry("-", &[Timestamp, Timestamp], Interval, TimeFunc::Minus),
    entry("-", &[Timestamptz, Timestamptz], Interval, TimeFunc::Minus),
    entry("-", &[Interval], Interval, TimeFunc::Negate),
    entry("*", &[Interval, Float8], Interval, TimeFunc::Times),
    entry("*", &[Float8, Interval], Interval, TimeFunc::Times),
    entry("/", &[Interval, Float8], Interval, TimeFunc::Over),
];

/// The four ways of saying two periods of a type of moments.
macro_rules! overlaps {
    ($moment:expr) => {
        [
            entry("overlaps", &[$moment, $moment, $moment, $moment], Type::Bool, TimeFunc::Overlaps),
            entry("overlaps", &[$moment, Interval, $moment, Interval], Type::Bool, TimeFunc::Overlaps),
            entry("overlaps", &[$moment, Interval, $moment, $moment], Type::Bool, TimeFunc::Overlaps),
            entry("overlaps", &[$moment, $moment, $moment, Interval], Type::Bool, TimeFunc::Overlaps),
        ]
    };
}

pub(super) const FUNCTIONS: &[&[Entry]] = &[
    &[
        Entry {
            name: "extract",
            args: &[Text, Interval],
            result: NUMERIC,
            func: Some(Func::Extract(Moment::Interval)),
        },
        Entry {
            name: "date_part",
            args: &[Text, Interval],
            result: Float8,
            func: Some(Func::DatePart(Moment::Interval)),
        },
        Entry {
            name: "isfinite",
            args: &[Interval],
            result: Type::Bool,
            func: Some(Func::IsFiniteTimestamp),
        },
        Entry {
            name: "date_trunc",
            args: &[Text, Timestamp],
            result: Timestamp,
            func: Some(Func::DateTrunc),
        },
        entry("date_trunc", &[Text, Timestamptz], Timestamptz, TimeFunc::TruncateUtc),
        entry("date_trunc", &[Text, Interval], Interval, TimeFunc::TruncateInterval),
        entry("date_trunc", &[Text, Timestamptz, Text], Timestamptz, TimeFunc::TruncateIn),
        entry("date_bin", &[Interval, Timestamp, Timestamp], Timestamp, TimeFunc::DateBin),
        entry("date_bin", &[Interval, Timestamptz, Timestamptz], Timestamptz, TimeFunc::DateBin),
        entry("age", &[Timestamp, Timestamp], Interval, TimeFunc::Age),
        entry("age", &[Timestamptz, Timestamptz], Interval, TimeFunc::Age),
        entry("justify_days", &[Interval], Interval, TimeFunc::JustifyDays),
        entry("justify_hours", &[Interval], Interval, TimeFunc::JustifyHours),
        entry("justify_interval", &[Interval], Interval, TimeFunc::JustifyInterval),
        entry("make_interval", &[], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4; 2], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4; 3], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4; 4], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4; 5], Interval, TimeFunc::MakeInterval),
        entry("make_interval", &[Int4; 6], Interval, TimeFunc::MakeInterval),
        entry(
            "make_interval",
            &[Int4, Int4, Int4, Int4, Int4, Int4, Float8],
            Interval,
            TimeFunc::MakeInterval,
        ),
        entry("make_time", &[Int4, Int4, Float8], Time, TimeFunc::MakeTime),
        entry("make_timestamp", MOMENT, Timestamp, TimeFunc::MakeTimestamp),
        entry("make_timestamptz", MOMENT, Timestamptz, TimeFunc::MakeTimestamp),
        entry("make_timestamptz", MOMENT_IN, Timestamptz, TimeFunc::MakeTimestampIn),
        entry("timezone", &[Text, Timestamp], Timestamptz, TimeFunc::FromZone),
        entry("timezone", &[Text, Timestamptz], Timestamp, TimeFunc::ToZone),
        entry("timezone", &[Interval, Timestamp], Timestamptz, TimeFunc::FromZone),
        entry("timezone", &[Interval, Timestamptz], Timestamp, TimeFunc::ToZone),
        // A time with a zone is not on the list.
        without("timezone", &[Text, Time], Time),
        without("timezone", &[Interval, Time], Time),
    ],
    &[
        format("to_char", &[Timestamp, Text], Text, FormatFunc::Timestamp),
        format("to_char", &[Timestamptz, Text], Text, FormatFunc::Timestamptz),
        format("to_char", &[Interval, Text], Text, FormatFunc::Interval),
        format("to_char", &[Int4, Text], Text, FormatFunc::Int4),
        format("to_char", &[Type::Int8, Text], Text, FormatFunc::Int8),
        format("to_char", &[NUMERIC, Text], Text, FormatFunc::Numeric),
        format("to_char", &[Type::Float4, Text], Text, FormatFunc::Float4),
        format("to_char", &[Float8, Text], Text, FormatFunc::Float8),
        format("to_date", &[Text, Text], Date, FormatFunc::ToDate),
        format("to_timestamp", &[Text, Text], Timestamptz, FormatFunc::ToTimestamp),
        format("to_number", &[Text, Text], NUMERIC, FormatFunc::ToNumber),
    ],
    &overlaps!(Time),
    &overlaps!(Timestamp),
    &overlaps!(Timestamptz),
];

const NUMERIC: Type = Type::Numeric(None);
const MOMENT: &[Type] = &[Int4, Int4, Int4, Int4, Int4, Float8];
const MOMENT_IN: &[Type] = &[Int4, Int4, Int4, Int4, Int4, Float8, Text];
