//! PostgreSQL's binary forms: what its send functions write and its receive functions read.
//!
//! Payloads only, without their length word.

mod array;

use bytes::{BufMut, BytesMut};

use crate::{
    datum::Datum,
    numeric::{LIMIT, Numeric, NumericError, POW10},
    row::RowPacker,
    text::{self, TextError},
    time,
    types::Type,
};

/// Why bytes are no value of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// Too few or too many bytes.
    #[error("incorrect binary data format for type {0}")]
    Length(Type),
    #[error("invalid {0} in external \"numeric\" value")]
    NumericFormat(&'static str),
    #[error("{0}")]
    Numeric(NumericError),
    #[error("invalid byte sequence for encoding \"UTF8\"")]
    Utf8,
    #[error("{} out of range", range_name(*.0))]
    Range(Type),
    #[error("unsupported jsonb version number {0}")]
    JsonbVersion(u8),
    /// A text that is no value of its type, or is too long for it.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An array's header that is none.
    #[error("{0}")]
    Array(String),
    #[error("wrong element type")]
    ElementType,
    #[error("insufficient data left in message")]
    Insufficient,
    #[error("improper binary format in array element {0}")]
    Element(usize),
}

impl BinaryError {
    /// PostgreSQL's five-character error code.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            BinaryError::Length(_) | BinaryError::NumericFormat(_) => "22P03",
            BinaryError::Numeric(error) => error.sqlstate(),
            BinaryError::Utf8 => "22021",
            BinaryError::Range(_) => "22008",
            BinaryError::JsonbVersion(_) => "XX000",
            BinaryError::Text(error) => error.sqlstate(),
            BinaryError::Array(_) | BinaryError::Insufficient | BinaryError::Element(_) => "22P03",
            BinaryError::ElementType => "42804",
        }
    }
}

fn range_name(ty: Type) -> &'static str {
    match ty {
        Type::Date => "date",
        Type::Time => "time",
        _ => "timestamp",
    }
}

/// Reads a value that a PostgreSQL server sent and packs it. Nothing is packed on error.
///
/// `json` and `jsonb` are taken as they come: the server has checked and normalised them. For bytes of a client use
/// [`read_parameter`].
pub fn read(ty: Type, bytes: &[u8], out: &mut RowPacker) -> Result<(), BinaryError> {
    let length = || BinaryError::Length(ty);
    let datum = match ty {
        Type::Bool => {
            let [byte] = bytes else { return Err(length()) };
            Datum::Bool(*byte != 0)
        }
        Type::Int2 => Datum::Int(i64::from(i16::from_be_bytes(bytes.try_into().map_err(|_| length())?))),
        Type::Int4 => Datum::Int(i64::from(i32::from_be_bytes(bytes.try_into().map_err(|_| length())?))),
        Type::Int8 => Datum::Int(i64::from_be_bytes(bytes.try_into().map_err(|_| length())?)),
        Type::Float4 => Datum::Float4(f32::from_be_bytes(bytes.try_into().map_err(|_| length())?)),
        Type::Float8 => Datum::Float8(f64::from_be_bytes(bytes.try_into().map_err(|_| length())?)),
        Type::Numeric(modifier) => {
            let value = read_numeric(bytes, ty)?;
            Datum::Numeric(match modifier {
                Some((precision, scale)) if !fits(&value, precision, scale) => {
                    value.rescale(precision, scale).map_err(|error| {
                        BinaryError::Text(TextError::Numeric { error, ty, infinite: value.is_special() })
                    })?
                }
                _ => value,
            })
        }
        Type::Text | Type::Json => Datum::Text(utf8(bytes)?),
        Type::Jsonb => match bytes {
            [1, text @ ..] => Datum::Text(utf8(text)?),
            [version, ..] => return Err(BinaryError::JsonbVersion(*version)),
            [] => return Err(length()),
        },
        Type::Varchar(limit) => Datum::Text(text::clip(ty, utf8(bytes)?, limit)?),
        Type::Bpchar(limit) => {
            text::pad(text::clip(ty, utf8(bytes)?, limit)?, limit, out)?;
            return Ok(());
        }
        Type::Bytea => Datum::Bytes(bytes),
        Type::Date => {
            let days = i32::from_be_bytes(bytes.try_into().map_err(|_| length())?);
            let infinite = matches!(days, time::DATE_INFINITY | time::DATE_NEGATIVE_INFINITY);
            if !infinite && !time::is_finite_date(days) {
                return Err(BinaryError::Range(ty));
            }
            Datum::Date(days)
        }
        Type::Time => {
            let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| length())?);
            if !(0..=time::DAY).contains(&micros) {
                return Err(BinaryError::Range(ty));
            }
            Datum::Time(micros)
        }
        Type::Timestamp | Type::Timestamptz => {
            let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| length())?);
            let infinite = matches!(micros, time::TIMESTAMP_INFINITY | time::TIMESTAMP_NEGATIVE_INFINITY);
            if !infinite && !time::is_finite_timestamp(micros) {
                return Err(BinaryError::Range(ty));
            }
            Datum::Timestamp(micros)
        }
        Type::Interval => {
            let bytes: [u8; 16] = bytes.try_into().map_err(|_| length())?;
            let [micros @ .., _, _, _, _, _, _, _, _] = bytes;
            let [_, _, _, _, _, _, _, _, days @ .., _, _, _, _] = bytes;
            let [_, _, _, _, _, _, _, _, _, _, _, _, months @ ..] = bytes;
            Datum::Interval {
                months: i32::from_be_bytes(months),
                days: i32::from_be_bytes(days),
                micros: i64::from_be_bytes(micros),
            }
        }
        Type::Oid
        | Type::Xid
        | Type::Regclass
        | Type::Regtype
        | Type::Regproc
        | Type::Regnamespace
        | Type::Regrole => Datum::Int(u32::from_be_bytes(bytes.try_into().map_err(|_| length())?).into()),
        Type::Name => {
            let name = utf8(bytes)?;
            if text::clip_name(name) != name {
                return Err(BinaryError::Text(TextError::NameTooLong));
            }
            Datum::Text(name)
        }
        Type::Char => {
            let [byte] = bytes else { return Err(length()) };
            let value = text::char_of(*byte).map(String::from).unwrap_or_default();
            out.push(Datum::Text(&value));
            return Ok(());
        }
        Type::PgNodeTree | Type::AclItem => return Err(BinaryError::Text(TextError::NoInput(ty))),
        Type::Int2Vector | Type::OidVector | Type::Array(_) => return array::read_array(ty, bytes, out),
        Type::Uuid => Datum::Uuid(bytes.try_into().map_err(|_| length())?),
    };
    out.push(datum);
    Ok(())
}

/// Reads a value that a client sent: as [`read`], with `json` checked and `jsonb` brought to its normal form.
pub fn read_parameter(ty: Type, bytes: &[u8], out: &mut RowPacker) -> Result<(), BinaryError> {
    match (ty, bytes) {
        (Type::Array(_), bytes) => array::read_parameter(ty, bytes, out),
        (Type::Json, text) | (Type::Jsonb, [1, text @ ..]) => Ok(text::parse(ty, utf8(text)?, out)?),
        _ => read(ty, bytes, out),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, BinaryError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BinaryError::Utf8)?;
    if bytes.contains(&0) { Err(TextError::ZeroByte.into()) } else { Ok(text) }
}

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// Whether a numeric is already what `numeric(precision, scale)` would make of it.
fn fits(value: &Numeric, precision: u16, scale: i16) -> bool {
    match *value {
        Numeric::Finite { mantissa, scale: at } => {
            i16::from(at) == scale
                && POW10
                    .get(usize::from(precision))
                    .is_none_or(|limit| mantissa.unsigned_abs() < *limit as u128)
        }
        Numeric::NaN => true,
        Numeric::Infinity | Numeric::NegativeInfinity => false,
    }
}

/// Four words (count of digits, weight of the first, sign, display scale), then digits in base 10,000.
fn read_numeric(bytes: &[u8], ty: Type) -> Result<Numeric, BinaryError> {
    let (head, digits) = bytes.split_first_chunk::<8>().ok_or(BinaryError::Length(ty))?;
    let count = usize::from(u16::from_be_bytes([head[0], head[1]]));
    let weight = i64::from(i16::from_be_bytes([head[2], head[3]]));
    let sign = u16::from_be_bytes([head[4], head[5]]);
    let scale = i64::from(u16::from_be_bytes([head[6], head[7]]));
    if digits.len() != 2 * count {
        return Err(BinaryError::Length(ty));
    }
    match sign {
        POSITIVE | NEGATIVE => {}
        NAN => return Ok(Numeric::NaN),
        INFINITY => return Ok(Numeric::Infinity),
        NEGATIVE_INFINITY => return Ok(Numeric::NegativeInfinity),
        _ => return Err(BinaryError::NumericFormat("sign")),
    }
    if scale > 0x3fff {
        return Err(BinaryError::NumericFormat("scale"));
    }
    // The place of the next digit, in powers of ten of the scaled mantissa.
    let mut place = weight * 4 + scale;
    let mut narrow: u64 = 0;
    let mut wide: u128 = 0;
    let too_many = || BinaryError::Numeric(NumericError::TooManyDigits);
    for (index, pair) in digits.chunks_exact(2).enumerate() {
        let digit = u16::from_be_bytes([pair[0], pair[1]]);
        if digit > 9999 {
            return Err(BinaryError::NumericFormat("digit"));
        }
        // The last digit may reach beyond the scale: only its upper part counts.
        let (by, part) = match place {
            0.. => (10_000, digit),
            -1 => (1_000, digit / 10),
            -2 => (100, digit / 100),
            -3 => (10, digit / 1_000),
            _ => (1, 0),
        };
        if index < 4 {
            narrow = narrow * by + u64::from(part);
        } else {
            if index == 4 {
                wide = u128::from(narrow);
            }
            wide = wide
                .checked_mul(u128::from(by))
                .and_then(|wide| wide.checked_add(u128::from(part)))
                .ok_or_else(too_many)?;
        }
        place -= 4;
    }
    let mut magnitude = if count > 4 { wide } else { u128::from(narrow) };
    // The place of the digit that was read last.
    let last = place + 4;
    if last > 0 && magnitude != 0 {
        let power = POW10.get(last as usize).ok_or_else(too_many)?;
        magnitude = magnitude.checked_mul(*power as u128).ok_or_else(too_many)?;
    }
    if magnitude >= LIMIT {
        return Err(too_many());
    }
    let mantissa = if sign == NEGATIVE { -(magnitude as i128) } else { magnitude as i128 };
    Numeric::finite(mantissa, scale).map_err(BinaryError::Numeric)
}

fn write_numeric(value: &Numeric, out: &mut BytesMut) {
    let special = |sign: u16, scale: u16, out: &mut BytesMut| {
        out.put_u32(0);
        out.put_u16(sign);
        out.put_u16(scale);
    };
    let (mantissa, scale) = match *value {
        Numeric::NaN => return special(NAN, 0, out),
        // The server reads the scale of an infinity out of its header's flags and sends what it finds.
        Numeric::Infinity => return special(INFINITY, 0x20, out),
        Numeric::NegativeInfinity => return special(NEGATIVE_INFINITY, 0x20, out),
        Numeric::Finite { mantissa, scale } => (mantissa, scale),
    };
    let mut rest = mantissa.unsigned_abs();
    // Backwards from the last digit: at most 39 digits make 11 of base 10,000, unaligned.
    let mut digits = [0u16; 12];
    let mut at = digits.len();
    let mut push = |digit: u16| {
        at -= 1;
        digits[at] = digit;
    };
    let unaligned = scale % 4;
    if unaligned > 0 {
        let unit = POW10[usize::from(unaligned)] as u128;
        push((rest % unit) as u16 * POW10[usize::from(4 - unaligned)] as u16);
        rest /= unit;
    }
    while rest >> 64 != 0 {
        push((rest % 10_000) as u16);
        rest /= 10_000;
    }
    let mut narrow = rest as u64;
    while narrow != 0 {
        push((narrow % 10_000) as u16);
        narrow /= 10_000;
    }
    let total = digits.len() - at;
    let mut weight = total as i16 - 1 - i16::from(scale.div_ceil(4));
    let mut shown = &digits[at..];
    while let [0, tail @ ..] = shown {
        shown = tail;
        weight -= 1;
    }
    while let [head @ .., 0] = shown {
        shown = head;
    }
    if shown.is_empty() {
        weight = 0;
    }
    out.reserve(8 + 2 * shown.len());
    out.put_u16(shown.len() as u16);
    out.put_i16(weight);
    out.put_u16(if mantissa < 0 { NEGATIVE } else { POSITIVE });
    out.put_u16(u16::from(scale));
    for digit in shown {
        out.put_u16(*digit);
    }
}

/// Appends what the send function of `ty` writes for a value of it; nothing for `Null`.
///
/// A `smallint` and an `integer` are cut to their width: their datums are within it.
pub fn write(ty: Type, datum: Datum<'_>, out: &mut BytesMut) {
    match datum {
        Datum::Null => {}
        Datum::Bool(value) => out.put_u8(u8::from(value)),
        Datum::Int(value) => match ty {
            Type::Int2 => out.put_i16(value as i16),
            Type::Int4 => out.put_i32(value as i32),
            Type::Oid
            | Type::Xid
            | Type::Regclass
            | Type::Regtype
            | Type::Regproc
            | Type::Regnamespace
            | Type::Regrole => out.put_u32(value as u32),
            _ => out.put_i64(value),
        },
        Datum::Float4(value) => out.put_f32(value),
        Datum::Float8(value) => out.put_f64(value),
        Datum::Numeric(value) => write_numeric(&value, out),
        Datum::Text(value) if ty == Type::Char => {
            out.put_u8(value.chars().next().map_or(0, |char| u32::from(char) as u8));
        }
        Datum::Text(value) => {
            if ty == Type::Jsonb {
                out.put_u8(1);
            }
            out.put_slice(value.as_bytes());
        }
        Datum::Bytes(value) => out.put_slice(value),
        Datum::Date(days) => out.put_i32(days),
        Datum::Time(micros) | Datum::Timestamp(micros) => out.put_i64(micros),
        Datum::Interval { months, days, micros } => {
            out.put_i64(micros);
            out.put_i32(days);
            out.put_i32(months);
        }
        Datum::Uuid(value) => out.put_slice(&value),
        Datum::Array(value) => array::write_array(ty, value, out),
    }
}
