//! From a [`Func`] to its computation: strict functions, with arguments that are not NULL.

use offtake_row::Datum;

use super::{
    Comparison, Func, arithmetic, array, bits, cast, datetime, eval::Value, eval::mismatch, float, format,
    json, like, math, object_name, privilege, regex, string, text, type_name,
};
use crate::{
    arena::Arena,
    compare::{canonical, compare_datums},
};

#[inline]
pub(super) fn unary<'a>(func: Func, arg: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (func, arg) {
        (Func::Math(func), value) => math::unary(func, value),
        (Func::String(func), value) => string::unary(func, value, arena),
        (Func::Regex(func), value) => regex::unary(func, value, arena),
        (Func::Array(func), value) => array::call(func, &[value], arena),
        (Func::Time(func), value) => datetime::call(func, &[value]),
        (Func::Json(func), value) => json::unary(func, value, arena),
        (Func::Not, Datum::Bool(value)) => Ok(Datum::Bool(!value)),
        (Func::EqualityKey(blanks), value) => Ok(canonical(blanks, value, arena)),
        (Func::Cast { from, to }, value) => cast::cast(from, to, value, arena),
        (Func::Negate(number), value) => arithmetic::negate(number, value),
        (Func::Abs(number), value) => arithmetic::abs(number, value),
        (Func::Sign(_) | Func::Ceil(_) | Func::Floor(_) | Func::Round(_) | Func::Trunc(_), value) => {
            arithmetic::rounded(func, value)
        }
        (Func::BitNot, Datum::Int(value)) => Ok(Datum::Int(!value)),
        (
            Func::SquareRoot
            | Func::CubeRoot
            | Func::Exp
            | Func::Ln
            | Func::Log10
            | Func::Degrees
            | Func::Radians,
            Datum::Float8(value),
        ) => float::unary(func, value),
        (Func::ToHex(number), Datum::Int(value)) => Ok(text::to_hex(number, value, arena)),
        (Func::OctetLengthBytes, Datum::Bytes(bytes)) => Ok(Datum::Int(bytes.len() as i64)),
        (Func::BitLengthBytes, Datum::Bytes(bytes)) => Ok(Datum::Int(bytes.len() as i64 * 8)),
        (Func::IsFiniteDate | Func::IsFiniteTimestamp, value) => datetime::is_finite(value),
        (Func::ToTimestamp, Datum::Float8(seconds)) => datetime::to_timestamp(seconds),
        (Func::Chr, Datum::Int(code)) => text::chr(code, arena),
        (Func::ObjectSchema, Datum::Text(name)) => object_name::schema(name, arena),
        (Func::ObjectName, Datum::Text(name)) => object_name::object(name, arena),
        (Func::ObjectOid, Datum::Text(name)) => object_name::oid(name),
        (Func::TypeName, Datum::Text(name)) => type_name::canonical(name, arena),
        (Func::IsGranted(privilege), Datum::Text(list)) => privilege::granted(privilege, list),
        (func, Datum::Text(value)) => text::unary(func, value, arena),
        (func, _) => Err(mismatch(func)),
    }
}

#[inline]
pub(super) fn binary<'a>(func: Func, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match func {
        Func::Compare(comparison, blanks) => {
            let order = compare_datums(blanks, left, right);
            Ok(Datum::Bool(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            }))
        }
        Func::Math(func) => math::binary(func, left, right),
        Func::String(func) => string::binary(func, left, right, arena),
        Func::Regex(func) => regex::binary(func, left, right, arena),
        Func::Json(func) => json::binary(func, left, right, arena),
        Func::Add(number) => arithmetic::add(number, left, right),
        Func::Subtract(number) => arithmetic::subtract(number, left, right),
        Func::Multiply(number) => arithmetic::multiply(number, left, right),
        Func::Divide(number) => arithmetic::divide(number, left, right),
        Func::Remainder(number) => arithmetic::remainder(number, left, right),
        Func::RoundTo | Func::TruncTo | Func::Quotient => arithmetic::numeric(func, left, right),
        Func::GreatestCommonDivisor(number) => arithmetic::gcd(number, left, right),
        Func::LeastCommonMultiple(number) => arithmetic::lcm(number, left, right),
        Func::Power => float::power(left, right),
        Func::BitAnd | Func::BitOr | Func::BitXor | Func::ShiftLeft(_) | Func::ShiftRight(_) => {
            bits::binary(func, left, right)
        }
        Func::Like | Func::NotLike | Func::ILike | Func::NotILike | Func::LikeEscape => {
            like::binary(func, left, right, arena)
        }
        Func::AddDays | Func::DateAtTime if !matches!(left, Datum::Date(_)) => {
            datetime::arithmetic(func, right, left)
        }
        Func::AddDays | Func::SubtractDays | Func::DaysBetween | Func::DateAtTime => {
            datetime::arithmetic(func, left, right)
        }
        Func::Format(func) => format::call(func, left, right, arena),
        Func::Array(func) => array::call(func, &[left, right], arena),
        Func::Time(func) => datetime::call(func, &[left, right]),
        Func::Extract(moment) => datetime::extract(moment, left, right),
        Func::DatePart(moment) => datetime::date_part(moment, left, right),
        Func::DateTrunc => datetime::date_trunc(left, right),
        func => text::binary(func, left, right, arena),
    }
}

pub(super) fn many<'a>(func: Func, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    match (func, args) {
        (Func::Array(func), args) => array::call(func, args, arena),
        (Func::Time(func), args) => datetime::call(func, args),
        (Func::MakeDate, [Datum::Int(year), Datum::Int(month), Datum::Int(day)]) => {
            datetime::make_date(*year, *month, *day)
        }
        (Func::Json(func), args) => json::many(func, args, arena),
        (Func::Math(func), args) => math::many(func, args),
        (Func::String(func), args) => string::many(func, args, arena),
        (Func::Regex(func), args) => regex::many(func, args, arena),
        (func, args) => text::many(func, args, arena),
    }
}
