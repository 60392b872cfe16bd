//! Formatting by template: `to_char`, `to_date`, `to_timestamp` and `to_number`. Source: `formatting.c` of PostgreSQL 15, whose answers
//! these are also where they are odd. The locale is C: months and days are English, the point is a point and the thousands' separator a
//! comma.

mod found;
mod input;
mod julian;
mod moment;
mod names;
mod number;
mod number_print;
mod number_read;
mod places;
mod reader;
mod template;

use offtake_row::{Datum, Numeric};
use serde::{Deserialize, Serialize};

use super::{
    Func,
    datetime::{finite_timestamp, span_fields},
    eval::{Value, mismatch},
};
use crate::arena::Arena;

/// A function that formats, or reads what was formatted. Strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FormatFunc {
    /// `to_char(timestamp, template)`.
    Timestamp,
    /// `to_char(timestamptz, template)`.
    Timestamptz,
    /// `to_char(interval, template)`.
    Interval,
    /// `to_char(integer, template)`.
    Int4,
    /// `to_char(bigint, template)`.
    Int8,
    /// `to_char(numeric, template)`.
    Numeric,
    /// `to_char(real, template)`.
    Float4,
    /// `to_char(double precision, template)`.
    Float8,
    /// `to_date(text, template)`.
    ToDate,
    /// `to_timestamp(text, template)`.
    ToTimestamp,
    /// `to_number(text, template)`.
    ToNumber,
}

impl FormatFunc {
    pub(super) fn name(self) -> &'static str {
        match self {
            FormatFunc::Timestamp
            | FormatFunc::Timestamptz
            | FormatFunc::Interval
            | FormatFunc::Int4
            | FormatFunc::Int8
            | FormatFunc::Numeric
            | FormatFunc::Float4
            | FormatFunc::Float8 => "to_char",
            FormatFunc::ToDate => "to_date",
            FormatFunc::ToTimestamp => "to_timestamp",
            FormatFunc::ToNumber => "to_number",
        }
    }
}

pub(super) fn call<'a>(
    func: FormatFunc,
    value: Datum<'a>,
    template: Datum<'a>,
    arena: &'a Arena,
) -> Value<'a> {
    let Datum::Text(template) = template else { return Err(mismatch(Func::Format(func))) };
    let shown = |text: String| Ok(Datum::Text(arena.text(&text)));
    match (func, value) {
        // PostgreSQL answers NULL to an empty template, and for what no calendar shows.
        (FormatFunc::Timestamp | FormatFunc::Timestamptz | FormatFunc::Interval, _)
            if template.is_empty() =>
        {
            Ok(Datum::Null)
        }
        (FormatFunc::Timestamp | FormatFunc::Timestamptz, Datum::Timestamp(micros)) => {
            if !finite_timestamp(micros) {
                return Ok(Datum::Null);
            }
            let zone = (func == FormatFunc::Timestamptz).then_some("UTC");
            shown(moment::print(&moment::Fields::of_timestamp(micros, zone), template)?)
        }
        (FormatFunc::Interval, span) => match span_fields(span) {
            Some(fields) => shown(moment::print(&moment::Fields::of_interval(fields), template)?),
            None => Err(mismatch(Func::Format(func))),
        },
        (FormatFunc::Int4, Datum::Int(value)) => shown(number_print::int4(value, template)?),
        (FormatFunc::Int8, Datum::Int(value)) => shown(number_print::int8(value, template)?),
        (FormatFunc::Numeric, Datum::Numeric(value)) => shown(number_print::numeric(value, template)?),
        (FormatFunc::Float4, Datum::Float4(value)) => shown(number_print::float4(value, template)?),
        (FormatFunc::Float8, Datum::Float8(value)) => shown(number_print::float8(value, template)?),
        (FormatFunc::ToDate, Datum::Text(text)) => found::date(text, template).map(Datum::Date),
        (FormatFunc::ToTimestamp, Datum::Text(text)) => {
            found::timestamp(text, template).map(Datum::Timestamp)
        }
        (FormatFunc::ToNumber, Datum::Text(_)) if template.is_empty() => Ok(Datum::Null),
        (FormatFunc::ToNumber, Datum::Text(text)) => {
            let value: Numeric = number_read::read(text, template)?;
            Ok(Datum::Numeric(value))
        }
        _ => Err(mismatch(Func::Format(func))),
    }
}
