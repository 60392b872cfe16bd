//! Functions that make rows: what may stand in FROM.
//!
//! Rows are made one after the other, so that a series without an end costs nothing but the time until somebody has had enough.

mod array;
mod series;
mod text;

use std::fmt;

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use crate::{
    arena::Arena,
    error::EvalError,
    scalar::{Form, json_rows},
};

/// A function that makes any number of rows of its arguments. Strict, a NULL argument makes no row, unless it says otherwise.
///
/// Source: PostgreSQL documentation, 9.26 and where it says `setof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TableFunction {
    /// `generate_series(int4 | int8, …)`: start, stop and step (1 without).
    GenerateSeriesInt,
    /// `generate_series(numeric, …)`: start, stop and step (1 without).
    GenerateSeriesNumeric,
    /// `generate_series(timestamp | timestamptz, …)`: start, stop and step, an interval.
    GenerateSeriesTimestamp,
    /// `generate_subscripts(array, dimension [, reverse])`.
    GenerateSubscripts,
    /// `unnest(array, …)`: a column for each of so many arrays, NULL behind its last element. Not strict.
    Unnest { arrays: u16 },
    /// `json_each`, `jsonb_each` and, as `text`, `json_each_text`, `jsonb_each_text`.
    JsonEach { form: Form, text: bool },
    /// `json_array_elements`, `jsonb_array_elements` and, as `text`, `json_array_elements_text`, `jsonb_array_elements_text`.
    JsonElements { form: Form, text: bool },
    /// `json_object_keys`, `jsonb_object_keys`.
    JsonKeys(Form),
    /// `regexp_matches(text, pattern [, flags])`: arrays.
    RegexpMatches,
    /// `regexp_split_to_table(text, pattern [, flags])`.
    RegexpSplit,
    /// `string_to_table(text, delimiter [, null])`. Strict in the text only.
    StringToTable,
}

/// Takes the columns of each row.
pub type Give<'g> = dyn FnMut(&[Datum<'_>]) -> Result<(), EvalError> + 'g;

impl TableFunction {
    /// How many columns its rows have.
    pub fn arity(self) -> usize {
        match self {
            TableFunction::GenerateSeriesInt
            | TableFunction::GenerateSeriesNumeric
            | TableFunction::GenerateSeriesTimestamp
            | TableFunction::GenerateSubscripts
            | TableFunction::JsonElements { .. }
            | TableFunction::JsonKeys(_)
            | TableFunction::RegexpMatches
            | TableFunction::RegexpSplit
            | TableFunction::StringToTable => 1,
            TableFunction::JsonEach { .. } => 2,
            TableFunction::Unnest { arrays } => arrays.into(),
        }
    }

    /// Hands out the rows in order, until there are no more or `give` refuses one. There may be more than anybody wants.
    ///
    /// # Errors
    /// PostgreSQL's, and those of `give`.
    pub fn rows(self, args: &[Datum<'_>], give: &mut Give<'_>) -> Result<(), EvalError> {
        let strict = match self {
            TableFunction::Unnest { .. } | TableFunction::StringToTable => args.len().min(1),
            TableFunction::GenerateSeriesInt
            | TableFunction::GenerateSeriesNumeric
            | TableFunction::GenerateSeriesTimestamp
            | TableFunction::GenerateSubscripts
            | TableFunction::JsonEach { .. }
            | TableFunction::JsonElements { .. }
            | TableFunction::JsonKeys(_)
            | TableFunction::RegexpMatches
            | TableFunction::RegexpSplit => args.len(),
        };
        let several = matches!(self, TableFunction::Unnest { arrays: 2.. });
        if !several && args[..strict].iter().any(Datum::is_null) {
            return Ok(());
        }
        match (self, args) {
            (TableFunction::GenerateSeriesInt, [Datum::Int(start), Datum::Int(stop), step @ ..]) => {
                series::integers(*start, *stop, step, give)
            }
            (
                TableFunction::GenerateSeriesNumeric,
                [Datum::Numeric(start), Datum::Numeric(stop), step @ ..],
            ) => series::numerics(*start, *stop, step, give),
            (
                TableFunction::GenerateSeriesTimestamp,
                [Datum::Timestamp(start), Datum::Timestamp(stop), step],
            ) => series::timestamps(*start, *stop, *step, give),
            (TableFunction::GenerateSubscripts, [Datum::Array(array), Datum::Int(dimension), rest @ ..]) => {
                let reverse = rest.first() == Some(&Datum::Bool(true));
                array::subscripts(*array, *dimension, reverse, give)
            }
            (TableFunction::Unnest { .. }, arrays) => array::unnest(arrays, give),
            (TableFunction::JsonEach { form, text }, [Datum::Text(json)]) => {
                json_rows::each(form, text, json, &Arena::new(), give)
            }
            (TableFunction::JsonElements { form, text }, [Datum::Text(json)]) => {
                json_rows::elements(form, text, json, &Arena::new(), give)
            }
            (TableFunction::JsonKeys(form), [Datum::Text(json)]) => json_rows::keys(form, json, give),
            (TableFunction::RegexpMatches, [Datum::Text(text), Datum::Text(pattern), flags @ ..]) => {
                text::matches(text, pattern, flags, give)
            }
            (TableFunction::RegexpSplit, [Datum::Text(text), Datum::Text(pattern), flags @ ..]) => {
                text::split(text, pattern, flags, give)
            }
            (TableFunction::StringToTable, [Datum::Text(text), delimiter, null @ ..]) => {
                text::parts(text, *delimiter, null.first().copied(), give)
            }
            _ => {
                Err(EvalError::internal(format!("a plan calls {self} with arguments that it does not take")))
            }
        }
    }
}

impl fmt::Display for TableFunction {
    /// Its SQL name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = |form: &Form, name: &str| match form {
            Form::Json => format!("json_{name}"),
            Form::Jsonb => format!("jsonb_{name}"),
        };
        match self {
            TableFunction::GenerateSeriesInt
            | TableFunction::GenerateSeriesNumeric
            | TableFunction::GenerateSeriesTimestamp => f.write_str("generate_series"),
            TableFunction::GenerateSubscripts => f.write_str("generate_subscripts"),
            TableFunction::Unnest { .. } => f.write_str("unnest"),
            TableFunction::JsonEach { form, text: false } => f.write_str(&json(form, "each")),
            TableFunction::JsonEach { form, text: true } => f.write_str(&json(form, "each_text")),
            TableFunction::JsonElements { form, text: false } => f.write_str(&json(form, "array_elements")),
            TableFunction::JsonElements { form, text: true } => {
                f.write_str(&json(form, "array_elements_text"))
            }
            TableFunction::JsonKeys(form) => f.write_str(&json(form, "object_keys")),
            TableFunction::RegexpMatches => f.write_str("regexp_matches"),
            TableFunction::RegexpSplit => f.write_str("regexp_split_to_table"),
            TableFunction::StringToTable => f.write_str("string_to_table"),
        }
    }
}
