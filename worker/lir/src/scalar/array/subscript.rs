//! Elements and slices of arrays. Source: `array_get_element`, `array_get_slice` and `trim_array`.

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Dimension};

use super::{ArrayFunc, Bounds};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
    scalar::{
        Func,
        eval::{Value, mismatch},
    },
};

pub(super) fn integers(datums: &[Datum<'_>]) -> Option<Vec<i64>> {
    let integer = |datum: &Datum<'_>| match datum {
        Datum::Int(value) => Some(*value),
        _ => None,
    };
    datums.iter().map(integer).collect()
}

/// NULL where there is no such element, and where there are not as many subscripts as dimensions.
pub(super) fn element<'a>(array: ArrayRef<'a>, subscripts: &[i64]) -> Datum<'a> {
    if subscripts.is_empty() || subscripts.len() != array.ndims() {
        return Datum::Null;
    }
    let mut place: usize = 0;
    for (dimension, subscript) in array.dimensions().zip(subscripts) {
        let offset = subscript - i64::from(dimension.lower);
        if !(0..i64::from(dimension.length)).contains(&offset) {
            return Datum::Null;
        }
        place = place * dimension.length as usize + offset as usize;
    }
    array.iter().nth(place).unwrap_or(Datum::Null)
}

/// `array[i:j]`. `given` are the bounds that `bounds` says; NULL if one of them is.
pub(super) fn slice<'a>(
    bounds: Bounds,
    array: Datum<'a>,
    given: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let array = match array {
        Datum::Null => return Ok(Datum::Null),
        Datum::Array(array) => array,
        _ => return Err(mismatch(Func::Array(ArrayFunc::Slice(bounds)))),
    };
    if given.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    let Some(given) = integers(given) else { return Err(mismatch(Func::Array(ArrayFunc::Slice(bounds)))) };
    let mut given = given.into_iter();
    let mut next = |is_given: bool| if is_given { given.next() } else { None };
    let ranges: Vec<(Option<i64>, Option<i64>)> =
        bounds.subscripts().map(|(lower, upper)| (next(lower), next(upper))).collect();
    Ok(Datum::Array(cut(array, &ranges, arena)))
}

/// The part within inclusive ranges of subscripts, as far as there is one. Dimensions without a range stay whole; all count from 1.
fn cut<'a>(array: ArrayRef<'a>, ranges: &[(Option<i64>, Option<i64>)], arena: &'a Arena) -> ArrayRef<'a> {
    if array.ndims() < ranges.len() {
        return ArrayRef::empty();
    }
    let mut offsets = Vec::with_capacity(array.ndims());
    for (index, dimension) in array.dimensions().enumerate() {
        let (lower, upper) = ranges.get(index).copied().unwrap_or((None, None));
        let first = i64::from(dimension.lower);
        let lower = lower.map_or(first, |lower| lower.max(first));
        let upper = upper.map_or(dimension.upper(), |upper| upper.min(dimension.upper()));
        if lower > upper {
            return ArrayRef::empty();
        }
        offsets.push(((lower - first) as usize, (upper - first) as usize, dimension.length as usize));
    }
    let mut builder = ArrayBuilder::new();
    for (place, element) in array.iter().enumerate() {
        let mut rest = place;
        // From the innermost dimension outwards.
        let within = offsets.iter().rev().all(|(lower, upper, length)| {
            let at = rest % length;
            rest /= length;
            (lower..=upper).contains(&&at)
        });
        if within {
            builder.push(element);
        }
    }
    let dimensions: Vec<Dimension> =
        offsets.iter().map(|(lower, upper, _)| Dimension::new(upper - lower + 1)).collect();
    arena.array(builder.finish_with(&dimensions))
}

/// The array without its last `count` parts.
pub(super) fn trim<'a>(array: ArrayRef<'a>, count: i64, arena: &'a Arena) -> Value<'a> {
    let outer = array.dimension(0);
    let length = outer.map_or(0, |dimension| i64::from(dimension.length));
    if !(0..=length).contains(&count) {
        return Err(EvalError::new(
            SqlState::ARRAY_SUBSCRIPT,
            format!("number of elements to trim must be between 0 and {length}"),
        ));
    }
    let upper = outer.map(|dimension| dimension.upper() - count);
    Ok(Datum::Array(if upper.is_some() { cut(array, &[(None, upper)], arena) } else { array }))
}
