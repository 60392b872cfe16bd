//! `string_agg` and `array_agg`.

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Dimension, MAX_DIMENSIONS, MAX_ELEMENTS, RowPacker};

use crate::error::{EvalError, SqlState};

/// PostgreSQL's longest text or bytes (`MaxAllocSize`).
const MOST_BYTES: usize = 0x3fff_ffff;

/// Each row a text or bytes and the separator before it.
pub(super) fn string_agg<'a>(
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let (mut joined, mut text, mut any) = (Vec::new(), true, false);
    for row in rows {
        let separator = if any { row.get(1) } else { None };
        for datum in separator.into_iter().chain(row.first()) {
            match datum {
                Datum::Text(value) => joined.extend_from_slice(value.as_bytes()),
                Datum::Bytes(value) => {
                    text = false;
                    joined.extend_from_slice(value);
                }
                _ => {}
            }
        }
        any = true;
        if joined.len() > MOST_BYTES {
            return Err(EvalError::new(SqlState::PROGRAM_LIMIT, "out of memory"));
        }
    }
    packer.push(match std::str::from_utf8(&joined) {
        _ if !any => Datum::Null,
        Ok(joined) if text => Datum::Text(joined),
        _ => Datum::Bytes(&joined),
    });
    Ok(())
}

/// Each row an element.
pub(super) fn array_agg<'a>(
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let mut elements = ArrayBuilder::new();
    for row in rows {
        elements.push(row.first().copied().unwrap_or(Datum::Null));
        check_size(&elements)?;
    }
    packer.push(if elements.is_empty() { Datum::Null } else { Datum::Array(elements.finish()) });
    Ok(())
}

fn check_size(elements: &ArrayBuilder) -> Result<(), EvalError> {
    if elements.len() <= MAX_ELEMENTS {
        return Ok(());
    }
    let message = format!("array size exceeds the maximum allowed ({MAX_ELEMENTS})");
    Err(EvalError::new(SqlState::PROGRAM_LIMIT, message))
}

/// Each row an array, all of the same dimensions: one array with a dimension more. Source: `accumArrayResultArr`.
pub(super) fn array_agg_arrays<'a>(
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let (mut elements, mut count) = (ArrayBuilder::new(), 0);
    let mut first: Option<ArrayRef<'_>> = None;
    for row in rows {
        let array = match row.first() {
            Some(Datum::Array(array)) => *array,
            _ => return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, "cannot accumulate null arrays")),
        };
        match first {
            None if array.is_empty() => return Err(subscripts("cannot accumulate empty arrays")),
            None if array.ndims() >= MAX_DIMENSIONS => {
                let most = MAX_DIMENSIONS;
                return Err(EvalError::new(
                    SqlState::PROGRAM_LIMIT,
                    format!("number of array dimensions ({}) exceeds the maximum allowed ({most})", most + 1),
                ));
            }
            None => first = Some(array),
            Some(first) if !first.dimensions().eq(array.dimensions()) => {
                return Err(subscripts("cannot accumulate arrays of different dimensionality"));
            }
            Some(_) => {}
        }
        array.iter().for_each(|element| elements.push(element));
        check_size(&elements)?;
        count += 1;
    }
    match first {
        Some(first) => {
            let dimensions: Vec<Dimension> =
                std::iter::once(Dimension::new(count)).chain(first.dimensions()).collect();
            packer.push(Datum::Array(elements.finish_with(&dimensions)));
        }
        None => packer.push(Datum::Null),
    }
    Ok(())
}

fn subscripts(message: &str) -> EvalError {
    EvalError::new(SqlState::ARRAY_SUBSCRIPT, message)
}
