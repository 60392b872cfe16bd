//! Operators.

use offtake_row::Type::{
    self, Bool, Bytea, Date, Float4, Float8, Int2, Int4, Int8, Jsonb, Text, Time, Timestamp,
};
use offtake_row::Type::{AclItem, Char, Interval, Name, Oid, OidVector, Timestamptz, Uuid, Xid};

use super::{
    ArgumentTypes, ResolveError, Resolved, array, comparable,
    conversion::{Category, category},
    datetime, json, math, refused, regex,
    resolve::{Choice, Entry, choose_operator},
    string,
};
use crate::{
    compare::Blanks,
    scalar::{Comparison, Func, Number},
};

const NUMERIC: Type = Type::Numeric(None);
const BPCHAR: Type = Type::Bpchar(None);

/// The pairs of types that PostgreSQL compares without a cast, and all six comparisons for each.
const COMPARED: &[[Type; 2]] = &[
    [Bool, Bool],
    [Int2, Int2],
    [Int2, Int4],
    [Int2, Int8],
    [Int4, Int2],
    [Int4, Int4],
    [Int4, Int8],
    [Int8, Int2],
    [Int8, Int4],
    [Int8, Int8],
    [Float4, Float4],
    [Float4, Float8],
    [Float8, Float4],
    [Float8, Float8],
    [NUMERIC, NUMERIC],
    [Text, Text],
    [BPCHAR, BPCHAR],
    [Bytea, Bytea],
    [Date, Date],
    [Date, Timestamp],
    [Date, Timestamptz],
    [Timestamp, Date],
    [Timestamp, Timestamp],
    [Timestamp, Timestamptz],
    [Timestamptz, Date],
    [Timestamptz, Timestamp],
    [Timestamptz, Timestamptz],
    [Time, Time],
    [Interval, Interval],
    [Oid, Oid],
    [Name, Name],
    [Name, Text],
    [Text, Name],
    [Char, Char],
    [OidVector, OidVector],
    [Uuid, Uuid],
    [Jsonb, Jsonb],
];

/// The pairs that have no order: only `=` and `<>`.
const EQUATED: &[[Type; 2]] = &[[Xid, Xid], [Xid, Int4], [AclItem, AclItem]];

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: Func) -> Entry {
    Entry { name, args, result, func: Some(func) }
}

/// The four operations on every pair of integer types: the result has the wider type.
macro_rules! integers {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Int2, Int2], Int2, Func::$func(Number::Int2)),
            entry($name, &[Int2, Int4], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int2, Int8], Int8, Func::$func(Number::Int8)),
            entry($name, &[Int4, Int2], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int4, Int4], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int4, Int8], Int8, Func::$func(Number::Int8)),
            entry($name, &[Int8, Int2], Int8, Func::$func(Number::Int8)),
            entry($name, &[Int8, Int4], Int8, Func::$func(Number::Int8)),
            entry($name, &[Int8, Int8], Int8, Func::$func(Number::Int8)),
        ]
    };
}

/// Floats mixed are float8: the cast is the resolution's.
macro_rules! fractions {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Float4, Float4], Float4, Func::$func(Number::Float4)),
            entry($name, &[Float4, Float8], Float8, Func::$func(Number::Float8)),
            entry($name, &[Float8, Float4], Float8, Func::$func(Number::Float8)),
            entry($name, &[Float8, Float8], Float8, Func::$func(Number::Float8)),
            entry($name, &[NUMERIC, NUMERIC], NUMERIC, Func::$func(Number::Numeric)),
        ]
    };
}

macro_rules! each_number {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Int2], Int2, Func::$func(Number::Int2)),
            entry($name, &[Int4], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int8], Int8, Func::$func(Number::Int8)),
            entry($name, &[Float4], Float4, Func::$func(Number::Float4)),
            entry($name, &[Float8], Float8, Func::$func(Number::Float8)),
            entry($name, &[NUMERIC], NUMERIC, Func::$func(Number::Numeric)),
        ]
    };
}

macro_rules! each_integer {
    ($name:literal, $func:expr) => {
        [
            entry($name, &[Int2, Int2], Int2, $func),
            entry($name, &[Int4, Int4], Int4, $func),
            entry($name, &[Int8, Int8], Int8, $func),
        ]
    };
}

macro_rules! shifts {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Int2, Int4], Int2, Func::$func(Number::Int2)),
            entry($name, &[Int4, Int4], Int4, Func::$func(Number::Int4)),
            entry($name, &[Int8, Int4], Int8, Func::$func(Number::Int8)),
        ]
    };
}

macro_rules! likes {
    ($name:literal, $func:ident) => {
        [entry($name, &[Text, Text], Bool, Func::$func), entry($name, &[BPCHAR, Text], Bool, Func::$func)]
    };
}

const TABLES: &[&[Entry]] = &[
    &integers!("+", Add),
    &integers!("-", Subtract),
    &integers!("*", Multiply),
    &integers!("/", Divide),
    &fractions!("+", Add),
    &fractions!("-", Subtract),
    &fractions!("*", Multiply),
    &fractions!("/", Divide),
    &[
        entry("%", &[Int2, Int2], Int2, Func::Remainder(Number::Int2)),
        entry("%", &[Int4, Int4], Int4, Func::Remainder(Number::Int4)),
        entry("%", &[Int8, Int8], Int8, Func::Remainder(Number::Int8)),
        entry("%", &[NUMERIC, NUMERIC], NUMERIC, Func::Remainder(Number::Numeric)),
        entry("^", &[Float8, Float8], Float8, Func::Power),
        entry("|/", &[Float8], Float8, Func::SquareRoot),
        entry("||/", &[Float8], Float8, Func::CubeRoot),
    ],
    &each_number!("-", Negate),
    &each_number!("@", Abs),
    &each_integer!("&", Func::BitAnd),
    &each_integer!("|", Func::BitOr),
    &each_integer!("#", Func::BitXor),
    &[
        entry("~", &[Int2], Int2, Func::BitNot),
        entry("~", &[Int4], Int4, Func::BitNot),
        entry("~", &[Int8], Int8, Func::BitNot),
    ],
    &shifts!("<<", ShiftLeft),
    &shifts!(">>", ShiftRight),
    &[
        entry("+", &[Date, Int4], Date, Func::AddDays),
        entry("+", &[Int4, Date], Date, Func::AddDays),
        entry("+", &[Date, Time], Timestamp, Func::DateAtTime),
        entry("+", &[Time, Date], Timestamp, Func::DateAtTime),
        entry("-", &[Date, Int4], Date, Func::SubtractDays),
        entry("-", &[Date, Date], Int4, Func::DaysBetween),
    ],
    datetime::OPERATORS,
    &[
        entry("||", &[Text, Text], Text, Func::Concat),
        entry("||", &[Bytea, Bytea], Bytea, Func::ConcatBytes),
        entry("^@", &[Text, Text], Bool, Func::StartsWith),
    ],
    json::OPERATORS,
    regex::OPERATORS[0],
    regex::OPERATORS[1],
    regex::OPERATORS[2],
    regex::OPERATORS[3],
    &likes!("~~", Like),
    &likes!("!~~", NotLike),
    &likes!("~~*", ILike),
    &likes!("!~~*", NotILike),
    string::OPERATORS,
    math::OPERATORS,
];

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    if let Some(resolved) = array::resolve_operator(name, args) {
        return resolved;
    }
    match (name, args) {
        ("LIKE", _) => return resolve("~~", args),
        ("NOT LIKE", _) => return resolve("!~~", args),
        ("ILIKE", _) => return resolve("~~*", args),
        ("NOT ILIKE", _) => return resolve("!~~*", args),
        ("!=", _) => return resolve("<>", args),
        ("NOT", [_]) => return truth(name, Func::Not, args),
        ("IS TRUE", [_]) => return truth(name, Func::IsTrue, args),
        ("IS NOT TRUE", [_]) => return truth(name, Func::IsNotTrue, args),
        ("IS FALSE", [_]) => return truth(name, Func::IsFalse, args),
        ("IS NOT FALSE", [_]) => return truth(name, Func::IsNotFalse, args),
        ("IS UNKNOWN", [_]) => return truth(name, Func::IsNull, args),
        ("IS NOT UNKNOWN", [_]) => return truth(name, Func::IsNotNull, args),
        ("IS NULL", [arg]) => return Ok(test(Func::IsNull, *arg)),
        ("IS NOT NULL", [arg]) => return Ok(test(Func::IsNotNull, *arg)),
        ("IS DISTINCT FROM", [_, _]) => return equality(args, Func::IsDistinct),
        ("IS NOT DISTINCT FROM", [_, _]) => return equality(args, Func::IsNotDistinct),
        // Unary plus is nothing but a check for a number.
        ("+", [Some(ty)]) if ty.is_numeric() => {
            let ty = ty.base();
            return Ok(Resolved { func: Func::Cast { from: ty, to: ty }, args: vec![ty], result: ty });
        }
        // An unknown operand fits intervals and money too, so that PostgreSQL can not choose.
        ("-", [None]) | ("*" | "/", [None, None]) => {
            return Err(ResolveError::AmbiguousOperator(described(name, args)));
        }
        // It fits `text || text` and `anynonarray || text` alike.
        ("||", [Some(Char), _] | [_, Some(Char)]) => {
            return Err(ResolveError::AmbiguousOperator(described(name, args)));
        }
        ("||", [left, right]) => {
            if let Some(resolved) = text_with_anything(*left, *right) {
                return Ok(resolved);
            }
        }
        _ => {}
    }
    if let Some(comparison) = comparison(name) {
        return compare(name, comparison, args);
    }
    let entries: Vec<&Entry> = TABLES.iter().copied().flatten().filter(|entry| entry.name == name).collect();
    let chosen = chosen(name, args, choose_operator(&entries, args))?;
    match chosen.func {
        Some(func) => Ok(chosen.resolved(func)),
        None => Err(refused::operator(name, chosen.args, &described(name, args))),
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Resolves a comparison; operands of two types are cast to the one that holds both.
fn compare(name: &str, comparison: Comparison, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    let [left, right] = compared(name, args)?;
    let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    // Vectors of objects are ordered by their length first, which the comparison of arrays does not know.
    if left == OidVector && !equality {
        return Err(refused::operator(name, &[left, right], &described(name, args)));
    }
    Ok(Resolved {
        func: Func::Compare(comparison, Blanks::of(left)),
        args: vec![held_in(left, right); 2],
        result: Bool,
    })
}

/// The types that a comparison takes its operands in.
fn compared(name: &str, args: &[Option<Type>]) -> Result<[Type; 2], ResolveError> {
    if let Some(array) = same_array(args) {
        comparable(array, !matches!(name, "=" | "<>"))?;
        return Ok([array, array]);
    }
    // The function does not matter for the choice.
    let unordered = if matches!(name, "=" | "<>") { EQUATED } else { &[] };
    let entries: Vec<Entry> = COMPARED
        .iter()
        .chain(unordered)
        .map(|args| entry("=", args, Bool, Func::Compare(Comparison::Equal, Blanks::Count)))
        .collect();
    let chosen = chosen(name, args, choose_operator(&entries.iter().collect::<Vec<_>>(), args))?;
    let [left, right] = *chosen.args else { return Err(ResolveError::NoOperator(described(name, args))) };
    if !super::has_equality(left) {
        return Err(refused::operator(name, chosen.args, &described(name, args)));
    }
    Ok([left, right])
}

/// The array type of both operands (PostgreSQL's `anyarray`), of which one may be unknown.
fn same_array(args: &[Option<Type>]) -> Option<Type> {
    let array = |ty: Type| ty.element().is_some() && ty != OidVector;
    match args {
        [Some(left), Some(right)] if left == right && array(*left) => Some(*left),
        [Some(one), None] | [None, Some(one)] if array(*one) => Some(*one),
        _ => None,
    }
}

/// `NULLIF`: the first operand as `=` takes it, which is not always the type that both can be compared in.
pub(super) fn null_if(args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    let [left, right] = compared("=", args)?;
    Ok(Resolved { func: Func::NullIf(Blanks::of(left)), args: vec![left, right], result: left })
}

/// The type that both operands of a comparison are cast to.
fn held_in(left: Type, right: Type) -> Type {
    match (left, right) {
        (Xid, _) => Xid,
        (Int8, _) | (_, Int8) => Int8,
        (Int4, _) | (_, Int4) => Int4,
        (Float8, _) | (_, Float8) => Float8,
        (Timestamptz, _) | (_, Timestamptz) => Timestamptz,
        (Timestamp, _) | (_, Timestamp) => Timestamp,
        // A text may be longer than a name.
        (Text, Name) => Text,
        (Name, right) => right,
        _ => left,
    }
}

/// An operator that is made from `=`.
fn equality(args: &[Option<Type>], func: fn(Blanks) -> Func) -> Result<Resolved, ResolveError> {
    let resolved = compare("=", Comparison::Equal, args)?;
    let blanks = resolved.args.first().map_or(Blanks::Count, |ty| Blanks::of(*ty));
    Ok(Resolved { func: func(blanks), ..resolved })
}

fn truth(name: &str, func: Func, args: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    match args {
        [None | Some(Bool)] => Ok(Resolved { func, args: vec![Bool], result: Bool }),
        [Some(ty)] => Err(ResolveError::NotBoolean { what: name.to_owned(), ty: *ty }),
        _ => Err(ResolveError::NoOperator(described(name, args))),
    }
}

fn test(func: Func, arg: Option<Type>) -> Resolved {
    Resolved { func, args: vec![arg.unwrap_or(Text)], result: Bool }
}

/// `text || anynonarray` and the reverse: the other operand is cast to text.
fn text_with_anything(left: Option<Type>, right: Option<Type>) -> Option<Resolved> {
    if [left, right].into_iter().flatten().any(|ty| category(ty) == Category::Array) {
        return None;
    }
    let string = |ty: Option<Type>| ty.is_some_and(|ty| category(ty) == Category::String);
    let other = |ty: Option<Type>| ty.is_none_or(|ty| !matches!(ty, Bytea | Jsonb));
    let loose = |ty: Option<Type>| ty.is_some() && other(ty);
    let wanted = (string(left) && (other(right) || right.is_some()))
        || (string(right) && (other(left) || left.is_some()))
        || (left.is_none() && loose(right))
        || (right.is_none() && loose(left))
        || (left.is_none() && right.is_none());
    wanted.then(|| Resolved { func: Func::Concat, args: vec![Text, Text], result: Text })
}

fn chosen<'e>(name: &str, args: &[Option<Type>], choice: Choice<'e>) -> Result<&'e Entry, ResolveError> {
    match choice {
        Choice::One(entry) => Ok(entry),
        Choice::Ambiguous => Err(ResolveError::AmbiguousOperator(described(name, args))),
        Choice::None => match refused::operator_name(name) {
            Some(error) => Err(error),
            None => Err(ResolveError::NoOperator(described(name, args))),
        },
    }
}

/// `integer + boolean`.
fn described(name: &str, args: &[Option<Type>]) -> String {
    match args {
        [left, right] => format!("{} {name} {}", ArgumentTypes(&[*left]), ArgumentTypes(&[*right])),
        _ => format!("{name} {}", ArgumentTypes(args)),
    }
}
