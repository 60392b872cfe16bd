//! Texts as rows.

use offtake_row::{ArrayBuilder, Datum};

use super::Give;
use crate::{
    error::EvalError,
    scalar::{each_part, regex_rows},
};

/// `regexp_matches`: what the parentheses captured, or the match; all matches with flag `g`.
pub(super) fn matches(
    text: &str,
    pattern: &str,
    flags: &[Datum<'_>],
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let mut captured = ArrayBuilder::new();
    for row in regex_rows::matches(text, pattern, letters(flags), None)? {
        row.into_iter().for_each(|part| captured.push(part.map_or(Datum::Null, Datum::Text)));
        give(&[Datum::Array(captured.finish())])?;
    }
    Ok(())
}

/// `regexp_split_to_table`: the parts between matches.
pub(super) fn split(
    text: &str,
    pattern: &str,
    flags: &[Datum<'_>],
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let parts = regex_rows::split(text, pattern, letters(flags), "regexp_split_to_table")?;
    parts.into_iter().try_for_each(|part| give(&[Datum::Text(part)]))
}

/// `string_to_table`: the parts between delimiters. A part that is `null` becomes NULL.
pub(super) fn parts(
    text: &str,
    delimiter: Datum<'_>,
    null: Option<Datum<'_>>,
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let mut result = Ok(());
    each_part(text, delimiter, &mut |part| {
        let datum = Datum::Text(part);
        if result.is_ok() {
            result = give(&[if null == Some(datum) { Datum::Null } else { datum }]);
        }
    });
    result
}

fn letters<'a>(flags: &[Datum<'a>]) -> &'a str {
    match flags {
        [Datum::Text(flags)] => flags,
        _ => "",
    }
}
