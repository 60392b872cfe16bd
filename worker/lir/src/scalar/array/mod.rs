//! Functions and operators of arrays: their names, and from a call to its computation. Source: `arrayfuncs.c` and `array_userfuncs.c` of
//! PostgreSQL 15.
//!
//! What an element's type means for a computation is in the function: how texts are compared, how values are printed.

mod build;
mod change;
mod quantified;
mod search;
mod subscript;
mod text;

pub(crate) use text::each_part;

use offtake_row::{Datum, Element};
use serde::{Deserialize, Serialize};

pub use quantified::Test;

use super::{
    Func, Scalar,
    eval::{Value, mismatch},
};
use crate::{arena::Arena, compare::Blanks};

/// A function or operator of arrays. Strict unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ArrayFunc {
    /// `ARRAY[…]` of elements. Not strict.
    Make,
    /// `ARRAY[…]` of arrays: one dimension more. Not strict.
    Nest,
    /// `array[i][j]`, a subscript for each dimension.
    Subscript,
    /// `array[i:j][k:]`: the array, and for each subscript the bounds that are given, the lower first. Not strict.
    Slice(Bounds),
    /// `array_length(array, dimension)`.
    Length,
    Cardinality,
    Ndims,
    Dims,
    Lower,
    Upper,
    /// `array_position(array, element [, start])`. Not strict.
    Position(Blanks),
    /// Not strict.
    Positions(Blanks),
    /// Not strict.
    Append,
    /// Not strict.
    Prepend,
    /// `array_cat` and `array || array`. Not strict.
    Concat,
    /// Not strict.
    Remove(Blanks),
    /// Not strict.
    Replace(Blanks),
    /// `array_to_string(array, separator [, null])` of elements of a type. Not strict in the last.
    ToText(Element),
    /// `string_to_array(text, separator [, null])`. Not strict.
    FromText,
    Trim,
    /// `@>`.
    Contains(Blanks),
    /// `<@`.
    IsContained(Blanks),
    /// `&&`.
    Overlaps(Blanks),
    /// `value operator ANY (array)`. Not strict.
    Any(Test),
    /// `value operator ALL (array)`. Not strict.
    All(Test),
}

/// Which bounds of a slice are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bounds {
    /// How many subscripts there are.
    count: u8,
    /// Two bits a subscript: its lower bound, its upper bound.
    given: u16,
}

impl Bounds {
    /// Of each subscript, whether its lower and its upper bound are given; `None` for more than arrays have dimensions.
    pub fn new(subscripts: &[(bool, bool)]) -> Option<Bounds> {
        if subscripts.len() > offtake_row::array::MAX_DIMENSIONS {
            return None;
        }
        let bits = subscripts
            .iter()
            .enumerate()
            .map(|(index, (lower, upper))| (u16::from(*lower) | u16::from(*upper) << 1) << (2 * index));
        Some(Bounds { count: subscripts.len() as u8, given: bits.fold(0, |given, bits| given | bits) })
    }

    /// Of each subscript, whether its lower and its upper bound are given.
    fn subscripts(self) -> impl Iterator<Item = (bool, bool)> {
        (0..self.count).map(move |index| {
            let bits = self.given >> (2 * index);
            (bits & 1 != 0, bits & 2 != 0)
        })
    }
}

/// How a call is written.
pub(super) enum Form {
    Infix(&'static str),
    Named(&'static str),
}

impl ArrayFunc {
    pub(super) fn is_strict(self) -> bool {
        match self {
            ArrayFunc::Subscript
            | ArrayFunc::Length
            | ArrayFunc::Cardinality
            | ArrayFunc::Ndims
            | ArrayFunc::Dims
            | ArrayFunc::Lower
            | ArrayFunc::Upper
            | ArrayFunc::Trim
            | ArrayFunc::Contains(_)
            | ArrayFunc::IsContained(_)
            | ArrayFunc::Overlaps(_) => true,
            ArrayFunc::Make
            | ArrayFunc::Nest
            | ArrayFunc::Slice(_)
            | ArrayFunc::Position(_)
            | ArrayFunc::Positions(_)
            | ArrayFunc::Append
            | ArrayFunc::Prepend
            | ArrayFunc::Concat
            | ArrayFunc::Remove(_)
            | ArrayFunc::Replace(_)
            | ArrayFunc::ToText(_)
            | ArrayFunc::FromText
            | ArrayFunc::Any(_)
            | ArrayFunc::All(_) => false,
        }
    }

    pub(super) fn form(self) -> Form {
        use Form::{Infix, Named};
        match self {
            ArrayFunc::Make | ArrayFunc::Nest => Named("array"),
            ArrayFunc::Subscript => Named("array_subscript"),
            ArrayFunc::Slice(_) => Named("array_slice"),
            ArrayFunc::Length => Named("array_length"),
            ArrayFunc::Cardinality => Named("cardinality"),
            ArrayFunc::Ndims => Named("array_ndims"),
            ArrayFunc::Dims => Named("array_dims"),
            ArrayFunc::Lower => Named("array_lower"),
            ArrayFunc::Upper => Named("array_upper"),
            ArrayFunc::Position(_) => Named("array_position"),
            ArrayFunc::Positions(_) => Named("array_positions"),
            ArrayFunc::Append => Named("array_append"),
            ArrayFunc::Prepend => Named("array_prepend"),
            ArrayFunc::Concat => Infix("||"),
            ArrayFunc::Remove(_) => Named("array_remove"),
            ArrayFunc::Replace(_) => Named("array_replace"),
            ArrayFunc::ToText(_) => Named("array_to_string"),
            ArrayFunc::FromText => Named("string_to_array"),
            ArrayFunc::Trim => Named("trim_array"),
            ArrayFunc::Contains(_) => Infix("@>"),
            ArrayFunc::IsContained(_) => Infix("<@"),
            ArrayFunc::Overlaps(_) => Infix("&&"),
            ArrayFunc::Any(test) => Infix(test.words(false)),
            ArrayFunc::All(test) => Infix(test.words(true)),
        }
    }
}

/// A strict function, with arguments that are not NULL.
pub(super) fn call<'a>(func: ArrayFunc, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    let wrong = || Err(mismatch(Func::Array(func)));
    let [Datum::Array(array), rest @ ..] = args else { return wrong() };
    match (func, rest) {
        (ArrayFunc::Subscript, subscripts) => match subscript::integers(subscripts) {
            Some(subscripts) => Ok(subscript::element(*array, &subscripts)),
            None => wrong(),
        },
        (ArrayFunc::Length | ArrayFunc::Lower | ArrayFunc::Upper, [Datum::Int(dimension)]) => {
            let dimension = usize::try_from(*dimension - 1).ok().and_then(|index| array.dimension(index));
            Ok(dimension.map_or(Datum::Null, |dimension| {
                Datum::Int(match func {
                    ArrayFunc::Lower => dimension.lower.into(),
                    ArrayFunc::Upper => dimension.upper(),
                    _ => dimension.length.into(),
                })
            }))
        }
        (ArrayFunc::Cardinality, []) => Ok(Datum::Int(array.len() as i64)),
        (ArrayFunc::Ndims, []) => {
            Ok(if array.is_empty() { Datum::Null } else { Datum::Int(array.ndims() as i64) })
        }
        (ArrayFunc::Dims, []) if array.is_empty() => Ok(Datum::Null),
        (ArrayFunc::Dims, []) => {
            let bounds = array.dimensions().map(|dim| format!("[{}:{}]", dim.lower, dim.upper()));
            Ok(Datum::Text(arena.text(&bounds.collect::<String>())))
        }
        (ArrayFunc::Trim, [Datum::Int(count)]) => subscript::trim(*array, *count, arena),
        (ArrayFunc::Contains(blanks), [Datum::Array(part)]) => {
            Ok(Datum::Bool(search::contains(blanks, *array, *part)))
        }
        (ArrayFunc::IsContained(blanks), [Datum::Array(whole)]) => {
            Ok(Datum::Bool(search::contains(blanks, *whole, *array)))
        }
        (ArrayFunc::Overlaps(blanks), [Datum::Array(other)]) => {
            Ok(Datum::Bool(search::overlap(blanks, *array, *other)))
        }
        _ => wrong(),
    }
}

/// Functions that look at NULLs themselves.
pub(super) fn lenient<'a>(
    func: ArrayFunc,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    // Most calls have few arguments, only constructors have many.
    let args: Vec<Datum<'a>> = args.iter().map(|arg| arg.eval(row, arena)).collect::<Result<_, _>>()?;
    let wrong = || Err(mismatch(Func::Array(func)));
    match (func, args.as_slice()) {
        (ArrayFunc::Make, elements) => Ok(build::make(elements, arena)),
        (ArrayFunc::Nest, arrays) => build::nest(arrays, arena),
        (ArrayFunc::Slice(bounds), [array, given @ ..]) => subscript::slice(bounds, *array, given, arena),
        (ArrayFunc::Position(blanks), [array, element]) => search::position(blanks, *array, *element, None),
        (ArrayFunc::Position(blanks), [array, element, start]) => {
            search::position(blanks, *array, *element, Some(*start))
        }
        (ArrayFunc::Positions(blanks), [array, element]) => {
            search::positions(blanks, *array, *element, arena)
        }
        (ArrayFunc::Append, [array, element]) => change::append(*array, *element, arena),
        (ArrayFunc::Prepend, [element, array]) => change::prepend(*element, *array, arena),
        (ArrayFunc::Concat, [left, right]) => change::concat(*left, *right, arena),
        (ArrayFunc::Remove(blanks), [array, element]) => change::remove(blanks, *array, *element, arena),
        (ArrayFunc::Replace(blanks), [array, from, to]) => {
            Ok(change::replace(blanks, *array, *from, *to, arena))
        }
        (ArrayFunc::ToText(element), [array, separator, null @ ..]) => {
            Ok(text::join(element.into(), *array, *separator, null.first().copied(), arena))
        }
        (ArrayFunc::FromText, [text, separator, null @ ..]) => {
            Ok(text::split(*text, *separator, null.first().copied(), arena))
        }
        (ArrayFunc::Any(test), [value, array]) => quantified::holds(test, false, *value, *array, arena),
        (ArrayFunc::All(test), [value, array]) => quantified::holds(test, true, *value, *array, arena),
        _ => wrong(),
    }
}
