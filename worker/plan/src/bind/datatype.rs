//! Type names in SQL.

use offtake_row::Type;
use sqlparser::ast::{ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

use super::name;
use crate::error::PlanError;

/// The type that a type name means.
pub(crate) fn resolve(name: &DataType) -> Result<Type, PlanError> {
    Ok(match name {
        DataType::Bool | DataType::Boolean => Type::Bool,
        DataType::SmallInt(None) | DataType::Int2(None) => Type::Int2,
        DataType::Int(None) | DataType::Int4(None) | DataType::Integer(None) => Type::Int4,
        DataType::BigInt(None) | DataType::Int8(None) => Type::Int8,
        DataType::Real | DataType::Float4 => Type::Float4,
        DataType::DoublePrecision | DataType::Float8 | DataType::Float(ExactNumberInfo::None) => Type::Float8,
        DataType::Float(ExactNumberInfo::Precision(digits)) => match digits {
            1..=24 => Type::Float4,
            25..=53 => Type::Float8,
            0 => return Err(invalid("precision for type float must be at least 1 bit")),
            _ => return Err(invalid("precision for type float must be less than 54 bits")),
        },
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => Type::Text,
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            Type::Varchar(length.as_ref().map(|length| characters(length, "varchar")).transpose()?)
        }
        DataType::Char(length) | DataType::Character(length) => {
            Type::Bpchar(Some(length.as_ref().map_or(Ok(1), |length| characters(length, "char"))?))
        }
        DataType::Date => Type::Date,
        DataType::Time(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            full_precision(name, *precision)?;
            Type::Time
        }
        DataType::Timestamp(precision, zone) => {
            full_precision(name, *precision)?;
            match zone {
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => Type::Timestamp,
                TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => Type::Timestamptz,
            }
        }
        DataType::TimestampNtz(None) => Type::Timestamp,
        DataType::Uuid => Type::Uuid,
        DataType::Bytea => Type::Bytea,
        DataType::JSON => Type::Json,
        DataType::JSONB => Type::Jsonb,
        DataType::Regclass => Type::Regclass,
        DataType::Interval { fields: None, precision: None } => Type::Interval,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => match resolve(element)? {
            // Of several dimensions the type is the same.
            array @ Type::Array(_) => array,
            element => element.array().ok_or_else(|| unknown(name))?,
        },
        DataType::Custom(custom, modifiers) => {
            let mut parts = name::parts(custom);
            if parts.len() == 2 && parts.first().is_some_and(|schema| schema == "pg_catalog") {
                parts.remove(0);
            }
            let modifiers: Option<Vec<u64>> =
                modifiers.iter().map(|modifier| modifier.trim().parse().ok()).collect();
            let ([single], Some(modifiers)) = (parts.as_slice(), modifiers) else {
                return Err(unknown(name));
            };
            match (single.as_str(), modifiers.as_slice()) {
                ("numeric", [p]) => numeric(&ExactNumberInfo::Precision(*p))?,
                ("numeric", [p, s]) => {
                    numeric(&ExactNumberInfo::PrecisionAndScale(*p, i64::try_from(*s).unwrap_or(i64::MAX)))?
                }
                ("varchar", [n]) => Type::Varchar(Some(count(*n, "varchar")?)),
                ("bpchar", [n]) => Type::Bpchar(Some(count(*n, "char")?)),
                (known, []) => Type::from_name(known).ok_or_else(|| unknown(name))?,
                _ => return Err(unknown(name)),
            }
        }
        _ => return Err(unknown(name)),
    })
}

/// The type's name in `pg_type`, as PostgreSQL names a column after a cast.
pub(crate) fn catalog_name(name: &DataType) -> String {
    match resolve(name) {
        Ok(ty) => ty.name(),
        Err(_) => name.to_string().to_lowercase(),
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<Type, PlanError> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => return Ok(Type::Numeric(None)),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    if !(1..=1000).contains(&precision) {
        return Err(invalid(format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(invalid(format!("NUMERIC scale {scale} must be between -1000 and 1000")));
    }
    if precision > 38 {
        return Err(PlanError::unsupported(
            format!("numeric({precision},{scale}) is"),
            "numerics of up to 38 digits are kept: use numeric(38,…) or plain numeric",
        ));
    }
    Ok(Type::Numeric(Some((precision as u16, scale as i16))))
}

fn characters(length: &CharacterLength, what: &str) -> Result<u32, PlanError> {
    match length {
        CharacterLength::IntegerLength { length, .. } => count(*length, what),
        CharacterLength::Max => Err(PlanError::syntax("syntax error at or near \"max\"")),
    }
}

fn count(length: u64, what: &str) -> Result<u32, PlanError> {
    match u32::try_from(length) {
        Ok(0) => Err(invalid(format!("length for type {what} must be at least 1"))),
        Ok(length) if length <= 10_485_760 => Ok(length),
        _ => Err(invalid(format!("length for type {what} cannot exceed 10485760"))),
    }
}

fn full_precision(name: &DataType, precision: Option<u64>) -> Result<(), PlanError> {
    match precision {
        None | Some(6..) => Ok(()),
        Some(_) => Err(PlanError::unsupported(
            format!("the type {} is", name.to_string().to_lowercase()),
            "leave the precision out, and use date_trunc to round down",
        )),
    }
}

fn invalid(message: impl Into<String>) -> PlanError {
    PlanError::new("22023", message)
}

fn unknown(name: &DataType) -> PlanError {
    PlanError::unsupported(
        format!("the type {} is", name.to_string().to_lowercase()),
        "types kept: boolean, smallint, integer, bigint, real, double precision, numeric, text, varchar, char, date, time, \
         timestamp, timestamptz, uuid, bytea, json, jsonb",
    )
}

/// `INTERVAL '5' DAY` as the text that means the same.
pub(super) fn with_fields(text: &str, first: &str, last: Option<&str>) -> Result<String, PlanError> {
    let bare = text.trim();
    let number = !bare.is_empty()
        && bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    match (number, last) {
        (true, None) => Ok(format!("{bare} {}", first.to_lowercase())),
        _ => Err(PlanError::unsupported(
            format!("INTERVAL '{text}' {first} is"),
            "write the units into the text: INTERVAL '1 day 02:00'",
        )),
    }
}

/// The type that a function call with its name casts to.
pub(super) fn by_function_name(name: &str) -> Option<Type> {
    match Type::from_name(name)? {
        // These are names of the grammar, and need a modifier or quotes.
        Type::Time | Type::Timestamp | Type::Interval | Type::Char | Type::Array(_) => None,
        ty => Some(ty),
    }
}
