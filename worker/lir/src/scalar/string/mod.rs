//! Functions of text and bytes beyond the everyday ones of `text.rs`: formats, quoting, encodings, digests, single bytes and bits.

mod bytes;
mod encode;
mod format;
mod ident;
mod quote;
mod unicode;

use md5::{Digest, Md5};
use offtake_row::Datum;
use serde::{Deserialize, Serialize};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::{
    Func, Scalar,
    eval::{Value, mismatch},
    text::{characters, check_size},
};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

/// A function of text or bytes. Source: PostgreSQL documentation, 9.4 and 9.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StringFunc {
    /// `format(text, …)` over texts. Not strict.
    Format,
    /// `num_nulls(…)`. Not strict.
    NumNulls,
    /// `num_nonnulls(…)`. Not strict.
    NumNonnulls,
    InitCap,
    /// `md5(text)`.
    Md5,
    /// `md5(bytea)`.
    Md5Bytes,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Encode,
    Decode,
    /// `overlay(text PLACING text FROM integer [FOR integer])`.
    Overlay,
    OverlayBytes,
    QuoteIdent,
    QuoteLiteral,
    /// Not strict: NULL becomes the word.
    QuoteNullable,
    ParseIdent,
    ConvertFrom,
    ConvertTo,
    Unistr,
    /// `btrim(bytea, bytea)`.
    TrimBytes,
    TrimBytesStart,
    TrimBytesEnd,
    GetByte,
    SetByte,
    GetBit,
    SetBit,
    BitCount,
    /// `bytea LIKE bytea`.
    LikeBytes,
    NotLikeBytes,
}

impl StringFunc {
    /// Whether the function answers NULL as soon as one argument is NULL.
    pub(super) fn is_strict(self) -> bool {
        !matches!(
            self,
            StringFunc::Format | StringFunc::NumNulls | StringFunc::NumNonnulls | StringFunc::QuoteNullable
        )
    }

    /// How EXPLAIN calls it, and whether it is an operator.
    pub(super) fn name(self) -> (&'static str, bool) {
        match self {
            StringFunc::Format => ("format", false),
            StringFunc::NumNulls => ("num_nulls", false),
            StringFunc::NumNonnulls => ("num_nonnulls", false),
            StringFunc::InitCap => ("initcap", false),
            StringFunc::Md5 | StringFunc::Md5Bytes => ("md5", false),
            StringFunc::Sha224 => ("sha224", false),
            StringFunc::Sha256 => ("sha256", false),
            StringFunc::Sha384 => ("sha384", false),
            StringFunc::Sha512 => ("sha512", false),
            StringFunc::Encode => ("encode", false),
            StringFunc::Decode => ("decode", false),
            StringFunc::Overlay | StringFunc::OverlayBytes => ("overlay", false),
            StringFunc::QuoteIdent => ("quote_ident", false),
            StringFunc::QuoteLiteral => ("quote_literal", false),
            StringFunc::QuoteNullable => ("quote_nullable", false),
            StringFunc::ParseIdent => ("parse_ident", false),
            StringFunc::ConvertFrom => ("convert_from", false),
            StringFunc::ConvertTo => ("convert_to", false),
            StringFunc::Unistr => ("unistr", false),
            StringFunc::TrimBytes => ("btrim", false),
            StringFunc::TrimBytesStart => ("ltrim", false),
            StringFunc::TrimBytesEnd => ("rtrim", false),
            StringFunc::GetByte => ("get_byte", false),
            StringFunc::SetByte => ("set_byte", false),
            StringFunc::GetBit => ("get_bit", false),
            StringFunc::SetBit => ("set_bit", false),
            StringFunc::BitCount => ("bit_count", false),
            StringFunc::LikeBytes => ("LIKE", true),
            StringFunc::NotLikeBytes => ("NOT LIKE", true),
        }
    }
}

pub(super) fn unary<'a>(func: StringFunc, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let text = |text: &str| Ok(Datum::Text(arena.text(text)));
    let bytes = |bytes: &[u8]| Ok(Datum::Bytes(arena.bytes(bytes)));
    match (func, value) {
        (StringFunc::InitCap, Datum::Text(value)) => text(&unicode::init_cap(value)),
        (StringFunc::Md5, Datum::Text(value)) => text(&encode::hex(&Md5::digest(value))),
        (StringFunc::Md5Bytes, Datum::Bytes(value)) => text(&encode::hex(&Md5::digest(value))),
        (StringFunc::Sha224, Datum::Bytes(value)) => bytes(&Sha224::digest(value)),
        (StringFunc::Sha256, Datum::Bytes(value)) => bytes(&Sha256::digest(value)),
        (StringFunc::Sha384, Datum::Bytes(value)) => bytes(&Sha384::digest(value)),
        (StringFunc::Sha512, Datum::Bytes(value)) => bytes(&Sha512::digest(value)),
        (StringFunc::QuoteIdent, Datum::Text(value)) => text(&quote::ident(value)),
        (StringFunc::QuoteLiteral, Datum::Text(value)) => text(&quote::literal(value)),
        (StringFunc::ParseIdent, Datum::Text(value)) => ident::parse(value, true, arena),
        (StringFunc::Unistr, Datum::Text(value)) => text(&unicode::unistr(value)?),
        (StringFunc::BitCount, Datum::Bytes(value)) => {
            Ok(Datum::Int(value.iter().map(|byte| i64::from(byte.count_ones())).sum()))
        }
        (func, _) => Err(mismatch(Func::String(func))),
    }
}

pub(super) fn binary<'a>(func: StringFunc, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (func, left, right) {
        (StringFunc::Encode, Datum::Bytes(bytes), Datum::Text(name)) => {
            Ok(Datum::Text(arena.text(&encode::encode(bytes, name)?)))
        }
        (StringFunc::Decode, Datum::Text(text), Datum::Text(name)) => {
            Ok(Datum::Bytes(arena.bytes(&encode::decode(text, name)?)))
        }
        (StringFunc::ParseIdent, Datum::Text(text), Datum::Bool(strict)) => ident::parse(text, strict, arena),
        (StringFunc::ConvertFrom, Datum::Bytes(bytes), Datum::Text(name)) => {
            unicode::check_encoding(name)?;
            Ok(Datum::Text(unicode::convert_from(bytes)?))
        }
        (StringFunc::ConvertTo, Datum::Text(text), Datum::Text(name)) => {
            unicode::check_encoding(name)?;
            Ok(Datum::Bytes(text.as_bytes()))
        }
        (
            StringFunc::TrimBytes | StringFunc::TrimBytesStart | StringFunc::TrimBytesEnd,
            Datum::Bytes(bytes),
            Datum::Bytes(set),
        ) => Ok(Datum::Bytes(bytes::trim(func, bytes, set))),
        (StringFunc::GetByte, Datum::Bytes(bytes), Datum::Int(index)) => bytes::get_byte(bytes, index),
        (StringFunc::GetBit, Datum::Bytes(bytes), Datum::Int(index)) => bytes::get_bit(bytes, index),
        (StringFunc::LikeBytes, Datum::Bytes(bytes), Datum::Bytes(pattern)) => {
            Ok(Datum::Bool(bytes::like(bytes, pattern)?))
        }
        (StringFunc::NotLikeBytes, Datum::Bytes(bytes), Datum::Bytes(pattern)) => {
            Ok(Datum::Bool(!bytes::like(bytes, pattern)?))
        }
        (func, _, _) => Err(mismatch(Func::String(func))),
    }
}

pub(super) fn many<'a>(func: StringFunc, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    match (func, args) {
        (StringFunc::Overlay, [Datum::Text(text), Datum::Text(part), Datum::Int(from), rest @ ..]) => {
            let length = match rest {
                [Datum::Int(length)] => *length,
                _ => part.chars().count() as i64,
            };
            let behind = overlaid(*from, length)?;
            let start = characters(text, 0, from - 1);
            let end = characters(text, behind - 1, i64::MAX);
            check_size(start.len().saturating_add(part.len()).saturating_add(end.len()))?;
            Ok(Datum::Text(arena.text(&[start, part, end].concat())))
        }
        (
            StringFunc::OverlayBytes,
            [Datum::Bytes(bytes), Datum::Bytes(part), Datum::Int(from), rest @ ..],
        ) => {
            let length = match rest {
                [Datum::Int(length)] => *length,
                _ => part.len() as i64,
            };
            let behind = overlaid(*from, length)?;
            let place = |at: i64| usize::try_from(at - 1).unwrap_or(0).min(bytes.len());
            Ok(Datum::Bytes(arena.bytes(&[&bytes[..place(*from)], part, &bytes[place(behind)..]].concat())))
        }
        (StringFunc::SetByte, [Datum::Bytes(bytes), Datum::Int(index), Datum::Int(value)]) => {
            bytes::set_byte(bytes, *index, *value, arena)
        }
        (StringFunc::SetBit, [Datum::Bytes(bytes), Datum::Int(index), Datum::Int(value)]) => {
            bytes::set_bit(bytes, *index, *value, arena)
        }
        (func, _) => Err(mismatch(Func::String(func))),
    }
}

/// The position behind what is replaced.
fn overlaid(from: i64, length: i64) -> Result<i64, EvalError> {
    if from <= 0 {
        return Err(EvalError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    match i32::try_from(from + length) {
        Ok(behind) => Ok(behind.into()),
        Err(_) => Err(EvalError::out_of_range("integer")),
    }
}

/// Functions that look at NULLs themselves.
pub(super) fn lenient<'a>(
    func: StringFunc,
    args: &'a [Scalar],
    row: &[Datum<'a>],
    arena: &'a Arena,
) -> Value<'a> {
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        values.push(arg.eval(row, arena)?);
    }
    match (func, values.as_slice()) {
        (StringFunc::Format, [Datum::Null, ..]) => Ok(Datum::Null),
        (StringFunc::Format, [Datum::Text(pattern), rest @ ..]) => {
            Ok(Datum::Text(arena.text(&format::format(pattern, rest)?)))
        }
        (StringFunc::NumNulls, values) => {
            Ok(Datum::Int(values.iter().filter(|value| value.is_null()).count() as i64))
        }
        (StringFunc::NumNonnulls, values) => {
            Ok(Datum::Int(values.iter().filter(|value| !value.is_null()).count() as i64))
        }
        (StringFunc::QuoteNullable, [Datum::Null]) => Ok(Datum::Text("NULL")),
        (StringFunc::QuoteNullable, [Datum::Text(text)]) => {
            Ok(Datum::Text(arena.text(&quote::literal(text))))
        }
        (func, _) => Err(mismatch(Func::String(func))),
    }
}
