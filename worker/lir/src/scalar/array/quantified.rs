//! `value operator ANY (array)` and `ALL`. Source: `ExecEvalScalarArrayOp`.

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use super::ArrayFunc;
use crate::{
    arena::Arena,
    compare::Blanks,
    scalar::{
        Comparison, Func, call,
        eval::{Value, mismatch},
    },
};

/// An operator that answers a boolean: what a value and each element are tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Test {
    Compare(Comparison, Blanks),
    Like,
    NotLike,
    ILike,
    NotILike,
    StartsWith,
}

impl Test {
    /// The test that a function is, if it is one. `None` for all that answer something else, and for the rest.
    pub fn of(func: Func) -> Option<Test> {
        Some(match func {
            Func::Compare(comparison, blanks) => Test::Compare(comparison, blanks),
            Func::Like => Test::Like,
            Func::NotLike => Test::NotLike,
            Func::ILike => Test::ILike,
            Func::NotILike => Test::NotILike,
            Func::StartsWith => Test::StartsWith,
            _ => return None,
        })
    }

    fn func(self) -> Func {
        match self {
            Test::Compare(comparison, blanks) => Func::Compare(comparison, blanks),
            Test::Like => Func::Like,
            Test::NotLike => Func::NotLike,
            Test::ILike => Func::ILike,
            Test::NotILike => Func::NotILike,
            Test::StartsWith => Func::StartsWith,
        }
    }

    /// The operator with its quantifier.
    pub(super) fn words(self, all: bool) -> &'static str {
        match (self, all) {
            (Test::Compare(Comparison::Equal, _), false) => "= ANY",
            (Test::Compare(Comparison::NotEqual, _), false) => "<> ANY",
            (Test::Compare(Comparison::Less, _), false) => "< ANY",
            (Test::Compare(Comparison::LessOrEqual, _), false) => "<= ANY",
            (Test::Compare(Comparison::Greater, _), false) => "> ANY",
            (Test::Compare(Comparison::GreaterOrEqual, _), false) => ">= ANY",
            (Test::Like, false) => "LIKE ANY",
            (Test::NotLike, false) => "NOT LIKE ANY",
            (Test::ILike, false) => "ILIKE ANY",
            (Test::NotILike, false) => "NOT ILIKE ANY",
            (Test::StartsWith, false) => "^@ ANY",
            (Test::Compare(Comparison::Equal, _), true) => "= ALL",
            (Test::Compare(Comparison::NotEqual, _), true) => "<> ALL",
            (Test::Compare(Comparison::Less, _), true) => "< ALL",
            (Test::Compare(Comparison::LessOrEqual, _), true) => "<= ALL",
            (Test::Compare(Comparison::Greater, _), true) => "> ALL",
            (Test::Compare(Comparison::GreaterOrEqual, _), true) => ">= ALL",
            (Test::Like, true) => "LIKE ALL",
            (Test::NotLike, true) => "NOT LIKE ALL",
            (Test::ILike, true) => "ILIKE ALL",
            (Test::NotILike, true) => "NOT ILIKE ALL",
            (Test::StartsWith, true) => "^@ ALL",
        }
    }
}

/// Whether the test holds for one element, or for `all`: not known where it is not known for an element that decides.
pub(super) fn holds<'a>(
    test: Test,
    all: bool,
    value: Datum<'a>,
    array: Datum<'a>,
    arena: &'a Arena,
) -> Value<'a> {
    let array = match array {
        Datum::Null => return Ok(Datum::Null),
        Datum::Array(array) => array,
        _ => {
            let func = if all { ArrayFunc::All(test) } else { ArrayFunc::Any(test) };
            return Err(mismatch(Func::Array(func)));
        }
    };
    if array.is_empty() {
        return Ok(Datum::Bool(all));
    }
    if value.is_null() {
        return Ok(Datum::Null);
    }
    let mut answer = Datum::Bool(all);
    for element in array {
        if element.is_null() {
            answer = Datum::Null;
            continue;
        }
        if call::binary(test.func(), value, element, arena)? == Datum::Bool(!all) {
            return Ok(Datum::Bool(!all));
        }
    }
    Ok(answer)
}
