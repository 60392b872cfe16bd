//! Bit operations on integers.

use offtake_row::Datum;

use super::{
    Func, Number,
    eval::{Value, mismatch},
};

pub(super) fn binary<'a>(func: Func, left: Datum<'a>, right: Datum<'a>) -> Value<'a> {
    let (Datum::Int(a), Datum::Int(b)) = (left, right) else { return Err(mismatch(func)) };
    // A shift counts modulo its operand's width, as C's on the machines that PostgreSQL runs on; int2 is shifted as int4 and cut.
    let by = b as u32;
    Ok(Datum::Int(match func {
        Func::BitAnd => a & b,
        Func::BitOr => a | b,
        Func::BitXor => a ^ b,
        Func::ShiftLeft(Number::Int2) => i64::from((a as i32).wrapping_shl(by) as i16),
        Func::ShiftLeft(Number::Int4) => i64::from((a as i32).wrapping_shl(by)),
        Func::ShiftLeft(_) => a.wrapping_shl(by),
        Func::ShiftRight(Number::Int2) => i64::from((a as i32).wrapping_shr(by) as i16),
        Func::ShiftRight(Number::Int4) => i64::from((a as i32).wrapping_shr(by)),
        Func::ShiftRight(_) => a.wrapping_shr(by),
        func => return Err(mismatch(func)),
    }))
}
