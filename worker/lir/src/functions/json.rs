//! Functions and operators of `json` and `jsonb`.

use offtake_row::Element;
use offtake_row::Type::{self, Bool, Int4, Json, Jsonb, Text};

use super::{
    ArgumentTypes, ResolveError, Resolved,
    conversion::{Category, category},
    resolve::Entry,
};
use crate::scalar::{Form, Func, JsonFunc, Strings};

const TEXTS: Type = Type::Array(Element::Text);

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: JsonFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::Json(func)) }
}

pub(super) const OPERATORS: &[Entry] = &[
    entry("->", &[Json, Text], Json, JsonFunc::Member(Form::Json)),
    entry("->", &[Json, Int4], Json, JsonFunc::Element(Form::Json)),
    entry("->", &[Jsonb, Text], Jsonb, JsonFunc::Member(Form::Jsonb)),
    entry("->", &[Jsonb, Int4], Jsonb, JsonFunc::Element(Form::Jsonb)),
    entry("->>", &[Json, Text], Text, JsonFunc::MemberText(Form::Json)),
    entry("->>", &[Json, Int4], Text, JsonFunc::ElementText(Form::Json)),
    entry("->>", &[Jsonb, Text], Text, JsonFunc::MemberText(Form::Jsonb)),
    entry("->>", &[Jsonb, Int4], Text, JsonFunc::ElementText(Form::Jsonb)),
    entry("#>", &[Json, TEXTS], Json, JsonFunc::Path(Form::Json)),
    entry("#>", &[Jsonb, TEXTS], Jsonb, JsonFunc::Path(Form::Jsonb)),
    entry("#>>", &[Json, TEXTS], Text, JsonFunc::PathText(Form::Json)),
    entry("#>>", &[Jsonb, TEXTS], Text, JsonFunc::PathText(Form::Jsonb)),
    entry("@>", &[Jsonb, Jsonb], Bool, JsonFunc::Contains),
    entry("<@", &[Jsonb, Jsonb], Bool, JsonFunc::Contained),
    entry("?", &[Jsonb, Text], Bool, JsonFunc::HasKey),
    entry("?|", &[Jsonb, TEXTS], Bool, JsonFunc::HasAnyKey),
    entry("?&", &[Jsonb, TEXTS], Bool, JsonFunc::HasAllKeys),
    entry("||", &[Jsonb, Jsonb], Jsonb, JsonFunc::Concat),
    entry("-", &[Jsonb, Text], Jsonb, JsonFunc::DeleteKey),
    entry("-", &[Jsonb, TEXTS], Jsonb, JsonFunc::DeleteKeys),
    entry("-", &[Jsonb, Int4], Jsonb, JsonFunc::DeleteElement),
    entry("#-", &[Jsonb, TEXTS], Jsonb, JsonFunc::DeletePath),
];

pub(super) const FUNCTIONS: &[Entry] = &[
    entry("json_typeof", &[Json], Text, JsonFunc::TypeOf),
    entry("jsonb_typeof", &[Jsonb], Text, JsonFunc::TypeOf),
    entry("json_array_length", &[Json], Int4, JsonFunc::ArrayLength),
    entry("jsonb_array_length", &[Jsonb], Int4, JsonFunc::ArrayLength),
    entry("json_strip_nulls", &[Json], Json, JsonFunc::StripNulls(Form::Json)),
    entry("jsonb_strip_nulls", &[Jsonb], Jsonb, JsonFunc::StripNulls(Form::Jsonb)),
    entry("jsonb_set", &[Jsonb, TEXTS, Jsonb], Jsonb, JsonFunc::Set),
    entry("jsonb_set", &[Jsonb, TEXTS, Jsonb, Bool], Jsonb, JsonFunc::Set),
    entry("jsonb_insert", &[Jsonb, TEXTS, Jsonb], Jsonb, JsonFunc::Insert),
    entry("jsonb_insert", &[Jsonb, TEXTS, Jsonb, Bool], Jsonb, JsonFunc::Insert),
    entry("json_object", &[TEXTS], Json, JsonFunc::Object(Form::Json)),
    entry("json_object", &[TEXTS, TEXTS], Json, JsonFunc::Object(Form::Json)),
    entry("jsonb_object", &[TEXTS], Jsonb, JsonFunc::Object(Form::Jsonb)),
    entry("jsonb_object", &[TEXTS, TEXTS], Jsonb, JsonFunc::Object(Form::Jsonb)),
    entry("jsonb_pretty", &[Jsonb], Text, JsonFunc::Pretty),
];

/// Functions that take values of any type, or any number of them. `None` where the name is no such function's.
pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
    Some(match name {
        "to_json" => from_value(Form::Json, args, name),
        "to_jsonb" => from_value(Form::Jsonb, args, name),
        "array_to_json" => match args {
            [Some(ty)] | [Some(ty), None | Some(Bool)] if let Some(element) = array_element(*ty) => {
                Ok(Resolved {
                    func: Func::Json(JsonFunc::ArrayToJson(element)),
                    args: [*ty, Bool].into_iter().take(args.len()).collect(),
                    result: Json,
                })
            }
            [None] | [None, None | Some(Bool)] => Err(ResolveError::Undetermined),
            _ => Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)))),
        },
        "json_build_array" => build(Form::Json, args, JsonFunc::BuildArray),
        "jsonb_build_array" => build(Form::Jsonb, args, JsonFunc::BuildArray),
        "json_build_object" | "jsonb_build_object" => {
            if args
                .iter()
                .step_by(2)
                .any(|key| key.is_some_and(|key| matches!(key, Json | Jsonb) || key.element().is_some()))
            {
                return Some(Err(ResolveError::Refused {
                    what: format!("a key of {name} that is json or an array"),
                    remedy: "PostgreSQL refuses it too; take a text with ->> or #>>".to_owned(),
                }));
            }
            let form = if name == "json_build_object" { Form::Json } else { Form::Jsonb };
            build(form, args, JsonFunc::BuildObject)
        }
        "json_extract_path" => path(Form::Json, args, name, Json, JsonFunc::ExtractPath),
        "jsonb_extract_path" => path(Form::Jsonb, args, name, Jsonb, JsonFunc::ExtractPath),
        "json_extract_path_text" => path(Form::Json, args, name, Text, JsonFunc::ExtractPathText),
        "jsonb_extract_path_text" => path(Form::Jsonb, args, name, Text, JsonFunc::ExtractPathText),
        _ => return None,
    })
}

/// `to_json(anyelement)`.
fn from_value(form: Form, args: &[Option<Type>], name: &str) -> Result<Resolved, ResolveError> {
    match args {
        [Some(ty)] if is_named(*ty) => Err(named_object()),
        [Some(ty)] => Ok(Resolved {
            func: Func::Json(JsonFunc::From(form, ty.base())),
            args: vec![*ty],
            result: of(form),
        }),
        [None] => Err(ResolveError::Undetermined),
        _ => Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)))),
    }
}

/// An array's elements' type, if it is one.
fn array_element(ty: Type) -> Option<Type> {
    if let Type::Array(element) = ty { Some(element.into()) } else { None }
}

/// Whether values are printed as names, which only who knows a catalog can.
pub(super) fn is_named(ty: Type) -> bool {
    let ty = ty.element().unwrap_or(ty);
    ty.is_object() && ty != Type::Oid
}

pub(super) fn named_object() -> ResolveError {
    ResolveError::Refused {
        what: "JSON of names of the catalog".to_owned(),
        remedy: "cast the value to text".to_owned(),
    }
}

/// Texts stay what they are, everything else is cast to JSON.
fn build(
    form: Form,
    args: &[Option<Type>],
    func: fn(Form, Strings) -> JsonFunc,
) -> Result<Resolved, ResolveError> {
    if args.len() > Strings::MOST {
        return Err(ResolveError::TooManyArguments(Strings::MOST));
    }
    if args.iter().flatten().any(|ty| is_named(*ty)) {
        return Err(named_object());
    }
    let is_string = |ty: &Option<Type>| ty.is_none_or(|ty| ty.is_textual() && !matches!(ty, Json | Jsonb));
    Ok(Resolved {
        func: Func::Json(func(form, Strings::of(args.iter().map(is_string)))),
        args: args
            .iter()
            .map(|ty| match ty {
                None => Text,
                Some(textual) if is_string(ty) => *textual,
                Some(_) => of(form),
            })
            .collect(),
        result: of(form),
    })
}

/// `jsonb_extract_path(jsonb, VARIADIC text[])`, called with texts; with an array it is the operator `#>`.
fn path(
    form: Form,
    args: &[Option<Type>],
    name: &str,
    result: Type,
    func: fn(Form) -> JsonFunc,
) -> Result<Resolved, ResolveError> {
    let is_string = |ty: &Option<Type>| ty.is_none_or(|ty| category(ty) == Category::String);
    match args {
        [json, steps @ ..]
            if json.is_none_or(|ty| ty == of(form)) && !steps.is_empty() && steps.iter().all(is_string) =>
        {
            let mut types = vec![Text; args.len()];
            types[0] = of(form);
            Ok(Resolved { func: Func::Json(func(form)), args: types, result })
        }
        _ => Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)))),
    }
}

fn of(form: Form) -> Type {
    match form {
        Form::Json => Json,
        Form::Jsonb => Jsonb,
    }
}
