//! `regexp_match`, `regexp_matches` and `regexp_split_to_array`, with the table functions that answer the same as rows. Source:
//! `setup_regexp_matches` in `regexp.c`.

use offtake_row::{ArrayBuilder, Datum};

use super::{Flags, each_match};
use crate::{arena::Arena, error::EvalError, scalar::eval::Value};

/// What the parentheses of each match captured, or the match where there are none: of the first match, with flag `g` of all. A function
/// that takes no `g` says its name.
pub(crate) fn matches<'a>(
    text: &'a str,
    pattern: &str,
    flags: &str,
    function: Option<&str>,
) -> Result<Vec<Vec<Option<&'a str>>>, EvalError> {
    let flags = match function {
        Some(function) => Flags::parse_for(flags, function)?,
        None => Flags::parse(flags)?,
    };
    let mut rows = Vec::new();
    each_match(text, pattern, flags.options, 0, true, &mut |chars, captures| {
        let wanted = if captures.len() > 1 { &captures[1..] } else { &captures[..] };
        rows.push(wanted.iter().map(|place| place.map(|place| chars.slice(text, place))).collect());
        flags.global
    })?;
    Ok(rows)
}

/// The parts between matches. An empty match at the start, at the end, or right behind another match divides nothing.
pub(crate) fn split<'a>(
    text: &'a str,
    pattern: &str,
    flags: &str,
    function: &str,
) -> Result<Vec<&'a str>, EvalError> {
    let flags = Flags::parse_for(flags, function)?;
    let mut parts = Vec::new();
    // Where the last match ended, and where the last one that divides did.
    let (mut last, mut divided) = (0, 0);
    let mut rest = text;
    each_match(text, pattern, flags.options, 0, false, &mut |chars, captures| {
        if let Some((begin, end)) = captures.first().copied().flatten() {
            if begin < chars.len() && end > last {
                parts.push(chars.slice(text, (divided, begin)));
                divided = end;
                rest = chars.slice(text, (end, chars.len()));
            }
            last = end;
        }
        true
    })?;
    parts.push(rest);
    Ok(parts)
}

/// `regexp_match`: an array, NULL without a match.
pub(super) fn first_match<'a>(text: &'a str, pattern: &str, flags: &str, arena: &'a Arena) -> Value<'a> {
    let rows = matches(text, pattern, flags, Some("regexp_match"))?;
    let Some(row) = rows.first() else { return Ok(Datum::Null) };
    Ok(array(row.iter().copied(), arena))
}

/// `regexp_split_to_array`.
pub(super) fn split_to_array<'a>(text: &'a str, pattern: &str, flags: &str, arena: &'a Arena) -> Value<'a> {
    let parts = split(text, pattern, flags, "regexp_split_to_array")?;
    Ok(array(parts.into_iter().map(Some), arena))
}

fn array<'a, 't>(texts: impl Iterator<Item = Option<&'t str>>, arena: &'a Arena) -> Datum<'a> {
    let mut builder = ArrayBuilder::new();
    texts.for_each(|text| builder.push(text.map_or(Datum::Null, Datum::Text)));
    Datum::Array(arena.array(builder.finish()))
}
