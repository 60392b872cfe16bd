//! Functions.

use offtake_row::Type::Timestamptz;
use offtake_row::Type::{self, Bool, Bytea, Date, Float4, Float8, Int2, Int4, Int8, Text, Time, Timestamp};

use super::{
    ArgumentTypes, ResolveError, Resolved, array, common_type, comparable, datetime, json, math, operators,
    refused, regex,
    resolve::{Choice, Entry, choose_function},
    string,
};
use crate::{
    compare::Blanks,
    scalar::{Func, Moment, Number},
};

const NUMERIC: Type = Type::Numeric(None);
const BPCHAR: Type = Type::Bpchar(None);

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: Func) -> Entry {
    Entry { name, args, result, func: Some(func) }
}

/// In PostgreSQL but not here.
const fn without(name: &'static str, args: &'static [Type], result: Type) -> Entry {
    Entry { name, args, result, func: None }
}

/// For the two types that have fractions.
macro_rules! fractions {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Float8], Float8, Func::$func(Number::Float8)),
            entry($name, &[NUMERIC], NUMERIC, Func::$func(Number::Numeric)),
        ]
    };
}

macro_rules! integers {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Int4, Int4], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int8, Int8], Int8, Func::$func(Number::Int8)),
        ]
    };
}

macro_rules! trims {
    ($name:literal, $func:ident) => {
        [entry($name, &[Text], Text, Func::$func), entry($name, &[Text, Text], Text, Func::$func)]
    };
}

macro_rules! substrings {
    ($name:literal) => {
        [
            entry($name, &[Text, Int4], Text, Func::Substring),
            entry($name, &[Text, Int4, Int4], Text, Func::Substring),
            entry($name, &[Bytea, Int4], Bytea, Func::SubstringBytes),
            entry($name, &[Bytea, Int4, Int4], Bytea, Func::SubstringBytes),
        ]
    };
}

macro_rules! moments {
    ($name:literal, $func:ident, $result:expr) => {
        [
            entry($name, &[Text, Date], $result, Func::$func(Moment::Date)),
            entry($name, &[Text, Time], $result, Func::$func(Moment::Time)),
            entry($name, &[Text, Timestamp], $result, Func::$func(Moment::Timestamp)),
            entry($name, &[Text, Timestamptz], $result, Func::$func(Moment::Timestamptz)),
        ]
    };
}

const TABLES: &[&[Entry]] = &[
    // --- numbers ---
    &[
        entry("abs", &[Int2], Int2, Func::Abs(Number::Int2)),
        entry("abs", &[Int4], Int4, Func::Abs(Number::Int4)),
        entry("abs", &[Int8], Int8, Func::Abs(Number::Int8)),
        entry("abs", &[Float4], Float4, Func::Abs(Number::Float4)),
        entry("mod", &[Int2, Int2], Int2, Func::Remainder(Number::Int2)),
        entry("mod", &[Int4, Int4], Int4, Func::Remainder(Number::Int4)),
        entry("mod", &[Int8, Int8], Int8, Func::Remainder(Number::Int8)),
        entry("mod", &[NUMERIC, NUMERIC], NUMERIC, Func::Remainder(Number::Numeric)),
        entry("div", &[NUMERIC, NUMERIC], NUMERIC, Func::Quotient),
        entry("round", &[NUMERIC, Int4], NUMERIC, Func::RoundTo),
        entry("trunc", &[NUMERIC, Int4], NUMERIC, Func::TruncTo),
    ],
    &fractions!("abs", Abs),
    &fractions!("ceil", Ceil),
    &fractions!("ceiling", Ceil),
    &fractions!("floor", Floor),
    &fractions!("round", Round),
    &fractions!("trunc", Trunc),
    &fractions!("sign", Sign),
    &integers!("gcd", GreatestCommonDivisor),
    &integers!("lcm", LeastCommonMultiple),
    &[
        entry("sqrt", &[Float8], Float8, Func::SquareRoot),
        entry("exp", &[Float8], Float8, Func::Exp),
        entry("ln", &[Float8], Float8, Func::Ln),
        entry("log", &[Float8], Float8, Func::Log10),
        entry("log10", &[Float8], Float8, Func::Log10),
        entry("cbrt", &[Float8], Float8, Func::CubeRoot),
        entry("degrees", &[Float8], Float8, Func::Degrees),
        entry("radians", &[Float8], Float8, Func::Radians),
        entry("power", &[Float8, Float8], Float8, Func::Power),
        entry("pow", &[Float8, Float8], Float8, Func::Power),
        entry("to_hex", &[Int4], Text, Func::ToHex(Number::Int4)),
        entry("to_hex", &[Int8], Text, Func::ToHex(Number::Int8)),
    ],
    // --- text and bytes ---
    &[
        entry("length", &[Text], Int4, Func::Length),
        entry("length", &[BPCHAR], Int4, Func::LengthTrimmed),
        entry("length", &[Bytea], Int4, Func::OctetLengthBytes),
        entry("char_length", &[Text], Int4, Func::Length),
        entry("char_length", &[BPCHAR], Int4, Func::LengthTrimmed),
        entry("character_length", &[Text], Int4, Func::Length),
        entry("character_length", &[BPCHAR], Int4, Func::LengthTrimmed),
        entry("octet_length", &[Text], Int4, Func::OctetLength),
        entry("octet_length", &[BPCHAR], Int4, Func::OctetLength),
        entry("octet_length", &[Bytea], Int4, Func::OctetLengthBytes),
        entry("bit_length", &[Text], Int4, Func::BitLength),
        entry("bit_length", &[Bytea], Int4, Func::BitLengthBytes),
        entry("lower", &[Text], Text, Func::Lower),
        entry("upper", &[Text], Text, Func::Upper),
        entry("left", &[Text, Int4], Text, Func::Left),
        entry("right", &[Text, Int4], Text, Func::Right),
        entry("strpos", &[Text, Text], Int4, Func::Position),
        entry("position", &[Text, Text], Int4, Func::Position),
        entry("position", &[Bytea, Bytea], Int4, Func::PositionBytes),
        entry("replace", &[Text, Text, Text], Text, Func::Replace),
        entry("translate", &[Text, Text, Text], Text, Func::Translate),
        entry("starts_with", &[Text, Text], Bool, Func::StartsWith),
        entry("reverse", &[Text], Text, Func::Reverse),
        entry("repeat", &[Text, Int4], Text, Func::Repeat),
        entry("lpad", &[Text, Int4], Text, Func::PadStart),
        entry("lpad", &[Text, Int4, Text], Text, Func::PadStart),
        entry("rpad", &[Text, Int4], Text, Func::PadEnd),
        entry("rpad", &[Text, Int4, Text], Text, Func::PadEnd),
        entry("split_part", &[Text, Text, Int4], Text, Func::SplitPart),
        entry("ascii", &[Text], Int4, Func::Ascii),
        entry("chr", &[Int4], Text, Func::Chr),
        entry("like_escape", &[Text, Text], Text, Func::LikeEscape),
        without("like_escape", &[Bytea, Bytea], Bytea),
    ],
    &trims!("btrim", Trim),
    &trims!("trim", Trim),
    &trims!("ltrim", TrimStart),
    &trims!("rtrim", TrimEnd),
    &substrings!("substring"),
    &substrings!("substr"),
    // --- JSON ---
    json::FUNCTIONS,
    math::FUNCTIONS,
    regex::FUNCTIONS,
    string::FUNCTIONS,
    // --- dates and times ---
    &moments!("extract", Extract, NUMERIC),
    &moments!("date_part", DatePart, Float8),
    &[
        entry("isfinite", &[Date], Bool, Func::IsFiniteDate),
        entry("isfinite", &[Timestamp], Bool, Func::IsFiniteTimestamp),
        entry("isfinite", &[Timestamptz], Bool, Func::IsFiniteTimestamp),
        entry("make_date", &[Int4, Int4, Int4], Date, Func::MakeDate),
        entry("to_timestamp", &[Float8], Timestamptz, Func::ToTimestamp),
    ],
];

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    let described = || format!("{name}({})", ArgumentTypes(args));
    match (name, args) {
        ("nullif", [_, _]) => return operators::null_if(args),
        // An unknown argument fits intervals (and others) too, so that PostgreSQL can not choose.
        ("extract" | "date_part" | "date_trunc", [field, None]) if field.is_none_or(is_string) => {
            return Err(ResolveError::AmbiguousFunction(described()));
        }
        ("isfinite" | "trunc", [None]) => {
            return Err(ResolveError::AmbiguousFunction(described()));
        }
        ("greatest", [_, ..]) => return extreme(args, Func::Greatest),
        ("least", [_, ..]) => return extreme(args, Func::Least),
        ("concat", [_, ..]) => {
            return Ok(Resolved {
                func: Func::ConcatAll,
                args: args.iter().map(|ty| printed(*ty)).collect(),
                result: Text,
            });
        }
        ("concat_ws", [separator, _, ..]) if separator.is_none_or(is_string) => {
            let mut types: Vec<Type> = args.iter().map(|ty| printed(*ty)).collect();
            types[0] = Text;
            return Ok(Resolved { func: Func::ConcatWith, args: types, result: Text });
        }
        _ => {}
    }
    if let Some(resolved) = array::resolve(name, args) {
        return resolved;
    }
    if let Some(resolved) = json::resolve(name, args)
        .or_else(|| string::resolve(name, args))
        .or_else(|| math::resolve(name, args))
    {
        return resolved;
    }
    let entries: Vec<&Entry> = TABLES
        .iter()
        .chain(datetime::FUNCTIONS)
        .copied()
        .flatten()
        .filter(|entry| entry.name == name)
        .collect();
    match choose_function(&entries, args) {
        Choice::One(entry) => match entry.func {
            Some(func) => Ok(entry.resolved(func)),
            None => Err(refused::function(name, entry.args, &described())),
        },
        Choice::Ambiguous => Err(ResolveError::AmbiguousFunction(described())),
        Choice::None => match refused::function_name(name) {
            Some(error) => Err(error),
            None => Err(ResolveError::NoFunction(described())),
        },
    }
}

fn is_string(ty: Type) -> bool {
    matches!(ty, Text | Type::Varchar(_) | Type::Bpchar(_))
}

fn extreme(args: &[Option<Type>], func: fn(Blanks) -> Func) -> Result<Resolved, ResolveError> {
    let ty = common_type(args)?;
    comparable(ty, true)?;
    Ok(Resolved { func: func(Blanks::of(ty)), args: vec![ty; args.len()], result: ty })
}

/// What an argument of `concat` is cast to: it prints values as output functions do, which differs from a cast to text for booleans
/// (`t`, not `true`) and `char(n)` (with its blanks); those it takes as they are.
pub(super) fn printed(ty: Option<Type>) -> Type {
    match ty {
        Some(ty @ (Bool | Type::Bpchar(_))) => ty.base(),
        _ => Text,
    }
}
