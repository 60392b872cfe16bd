//! Functions that make rows.

use offtake_row::{
    Element,
    Type::{self, Bool, Int4, Int8, Interval, Json, Jsonb, Text, Timestamp, Timestamptz},
};

use super::{
    ArgumentTypes, ResolveError, ResolvedTableFunction,
    conversion::{CastContext, context},
    refused,
    resolve::{Choice, Entry, choose_function},
};
use crate::{scalar::Form, table_function::TableFunction};

const NUMERIC: Type = Type::Numeric(None);
const TEXTS: Type = Type::Array(Element::Text);

struct Candidate {
    entry: Entry,
    function: TableFunction,
    /// Other names than the function's own, where it has some.
    columns: &'static [(&'static str, Type)],
}

const fn one(name: &'static str, args: &'static [Type], result: Type, function: TableFunction) -> Candidate {
    Candidate { entry: Entry { name, args, result, func: None }, function, columns: &[] }
}

const fn named(
    name: &'static str,
    args: &'static [Type],
    columns: &'static [(&'static str, Type)],
    function: TableFunction,
) -> Candidate {
    Candidate { entry: Entry { name, args, result: Text, func: None }, function, columns }
}

const fn each(form: Form, text: bool) -> TableFunction {
    TableFunction::JsonEach { form, text }
}

const fn elements(form: Form, text: bool) -> TableFunction {
    TableFunction::JsonElements { form, text }
}

const INTEGERS: TableFunction = TableFunction::GenerateSeriesInt;
const NUMERICS: TableFunction = TableFunction::GenerateSeriesNumeric;
const TIMESTAMPS: TableFunction = TableFunction::GenerateSeriesTimestamp;

static TABLE: &[Candidate] = &[
    one("generate_series", &[Int4, Int4], Int4, INTEGERS),
    one("generate_series", &[Int4, Int4, Int4], Int4, INTEGERS),
    one("generate_series", &[Int8, Int8], Int8, INTEGERS),
    one("generate_series", &[Int8, Int8, Int8], Int8, INTEGERS),
    one("generate_series", &[NUMERIC, NUMERIC], NUMERIC, NUMERICS),
    one("generate_series", &[NUMERIC, NUMERIC, NUMERIC], NUMERIC, NUMERICS),
    one("generate_series", &[Timestamp, Timestamp, Interval], Timestamp, TIMESTAMPS),
    one("generate_series", &[Timestamptz, Timestamptz, Interval], Timestamptz, TIMESTAMPS),
    named("json_each", &[Json], &[("key", Text), ("value", Json)], each(Form::Json, false)),
    named("json_each_text", &[Json], &[("key", Text), ("value", Text)], each(Form::Json, true)),
    named("jsonb_each", &[Jsonb], &[("key", Text), ("value", Jsonb)], each(Form::Jsonb, false)),
    named("jsonb_each_text", &[Jsonb], &[("key", Text), ("value", Text)], each(Form::Jsonb, true)),
    named("json_array_elements", &[Json], &[("value", Json)], elements(Form::Json, false)),
    named("json_array_elements_text", &[Json], &[("value", Text)], elements(Form::Json, true)),
    named("jsonb_array_elements", &[Jsonb], &[("value", Jsonb)], elements(Form::Jsonb, false)),
    named("jsonb_array_elements_text", &[Jsonb], &[("value", Text)], elements(Form::Jsonb, true)),
    one("json_object_keys", &[Json], Text, TableFunction::JsonKeys(Form::Json)),
    one("jsonb_object_keys", &[Jsonb], Text, TableFunction::JsonKeys(Form::Jsonb)),
    one("regexp_matches", &[Text, Text], TEXTS, TableFunction::RegexpMatches),
    one("regexp_matches", &[Text, Text, Text], TEXTS, TableFunction::RegexpMatches),
    one("regexp_split_to_table", &[Text, Text], Text, TableFunction::RegexpSplit),
    one("regexp_split_to_table", &[Text, Text, Text], Text, TableFunction::RegexpSplit),
    one("string_to_table", &[Text, Text], Text, TableFunction::StringToTable),
    one("string_to_table", &[Text, Text, Text], Text, TableFunction::StringToTable),
];

/// Also true of those that PostgreSQL has and Offtake refuses.
pub(super) fn exists(name: &str) -> bool {
    is_listed(name) || refused::is_table_function(name)
}

/// Only of those that are kept.
pub(super) fn is_listed(name: &str) -> bool {
    TABLE.iter().any(|candidate| candidate.entry.name == name)
        || matches!(name, "unnest" | "generate_subscripts")
}

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<ResolvedTableFunction, ResolveError> {
    let described = || format!("{name}({})", ArgumentTypes(args));
    match (name, args) {
        ("unnest", [_, ..]) => return unnest(args),
        ("generate_subscripts", [Some(array), dimension, reverse @ ..])
            if array.element().is_some()
                && fits(*dimension, Int4)
                && reverse.len() <= 1
                && reverse.iter().all(|reverse| fits(*reverse, Bool)) =>
        {
            let args = [array.base(), Int4, Bool].into_iter().take(args.len()).collect();
            let columns = vec![(name.to_owned(), Int4)];
            let function = TableFunction::GenerateSubscripts;
            return Ok(ResolvedTableFunction { function, args, columns, named: false });
        }
        ("generate_subscripts", [None, ..]) => return Err(ResolveError::Undetermined),
        _ => {}
    }
    let candidates: Vec<&Candidate> = TABLE.iter().filter(|candidate| candidate.entry.name == name).collect();
    let entries: Vec<&Entry> = candidates.iter().map(|candidate| &candidate.entry).collect();
    let chosen = match choose_function(&entries, args) {
        Choice::One(entry) => candidates.iter().find(|candidate| std::ptr::eq(&candidate.entry, entry)),
        Choice::Ambiguous => return Err(ResolveError::AmbiguousFunction(described())),
        Choice::None => match refused::function_name(name) {
            Some(error) if !is_listed(name) => return Err(error),
            _ => None,
        },
    };
    let Some(Candidate { entry, function, columns }) = chosen else {
        return Err(ResolveError::NoFunction(described()));
    };
    let named = !columns.is_empty();
    let columns = match columns {
        [] => vec![(name.to_owned(), entry.result)],
        columns => columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect(),
    };
    Ok(ResolvedTableFunction { function: *function, args: entry.args.to_vec(), columns, named })
}

/// Any number of arrays, a column each.
fn unnest(args: &[Option<Type>]) -> Result<ResolvedTableFunction, ResolveError> {
    let described = |arg: Option<Type>| format!("unnest({})", ArgumentTypes(&[arg]));
    let mut types = Vec::with_capacity(args.len());
    let mut columns = Vec::with_capacity(args.len());
    for arg in args {
        // PostgreSQL has one for arrays and others for types that Offtake does not keep.
        let ty = arg.ok_or_else(|| ResolveError::AmbiguousFunction(described(*arg)))?;
        let element = ty.element().ok_or_else(|| ResolveError::NoFunction(described(*arg)))?;
        types.push(ty.base());
        columns.push(("unnest".to_owned(), element));
    }
    let arrays =
        u16::try_from(args.len()).map_err(|_| ResolveError::TooManyArguments(usize::from(u16::MAX)))?;
    let function = TableFunction::Unnest { arrays };
    Ok(ResolvedTableFunction { function, args: types, columns, named: false })
}

fn fits(arg: Option<Type>, to: Type) -> bool {
    arg.is_none_or(|ty| context(ty, to) == Some(CastContext::Implicit))
}
