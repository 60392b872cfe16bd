//! Less usual functions of text and bytes.

use offtake_row::Element;
use offtake_row::Type::{self, Bool, Bytea, Int4, Int8, Name, Text};

use super::{ArgumentTypes, ResolveError, Resolved, builtin::printed, resolve::Entry};
use crate::scalar::{Func, StringFunc};

const TEXTS: Type = Type::Array(Element::Text);

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: StringFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::String(func)) }
}

pub(super) const OPERATORS: &[Entry] = &[
    entry("~~", &[Bytea, Bytea], Bool, StringFunc::LikeBytes),
    entry("!~~", &[Bytea, Bytea], Bool, StringFunc::NotLikeBytes),
];

pub(super) const FUNCTIONS: &[Entry] = &[
    entry("initcap", &[Text], Text, StringFunc::InitCap),
    entry("md5", &[Text], Text, StringFunc::Md5),
    entry("md5", &[Bytea], Text, StringFunc::Md5Bytes),
    entry("sha224", &[Bytea], Bytea, StringFunc::Sha224),
    entry("sha256", &[Bytea], Bytea, StringFunc::Sha256),
    entry("sha384", &[Bytea], Bytea, StringFunc::Sha384),
    entry("sha512", &[Bytea], Bytea, StringFunc::Sha512),
    entry("encode", &[Bytea, Text], Text, StringFunc::Encode),
    entry("decode", &[Text, Text], Bytea, StringFunc::Decode),
    entry("overlay", &[Text, Text, Int4], Text, StringFunc::Overlay),
    entry("overlay", &[Text, Text, Int4, Int4], Text, StringFunc::Overlay),
    entry("overlay", &[Bytea, Bytea, Int4], Bytea, StringFunc::OverlayBytes),
    entry("overlay", &[Bytea, Bytea, Int4, Int4], Bytea, StringFunc::OverlayBytes),
    entry("quote_ident", &[Text], Text, StringFunc::QuoteIdent),
    entry("parse_ident", &[Text], TEXTS, StringFunc::ParseIdent),
    entry("parse_ident", &[Text, Bool], TEXTS, StringFunc::ParseIdent),
    entry("convert_from", &[Bytea, Name], Text, StringFunc::ConvertFrom),
    entry("convert_to", &[Text, Name], Bytea, StringFunc::ConvertTo),
    entry("unistr", &[Text], Text, StringFunc::Unistr),
    entry("btrim", &[Bytea, Bytea], Bytea, StringFunc::TrimBytes),
    entry("trim", &[Bytea, Bytea], Bytea, StringFunc::TrimBytes),
    entry("ltrim", &[Bytea, Bytea], Bytea, StringFunc::TrimBytesStart),
    entry("rtrim", &[Bytea, Bytea], Bytea, StringFunc::TrimBytesEnd),
    entry("get_byte", &[Bytea, Int4], Int4, StringFunc::GetByte),
    entry("set_byte", &[Bytea, Int4, Int4], Bytea, StringFunc::SetByte),
    entry("get_bit", &[Bytea, Int8], Int4, StringFunc::GetBit),
    entry("set_bit", &[Bytea, Int8, Int4], Bytea, StringFunc::SetBit),
    entry("bit_count", &[Bytea], Int8, StringFunc::BitCount),
];

/// Functions that take values of any type, or any number of them. `None` where the name is no such function's.
pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
    let resolved = |func: StringFunc, args: Vec<Type>, result: Type| {
        Some(Ok(Resolved { func: Func::String(func), args, result }))
    };
    let missing = || Some(Err(ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)))));
    match (name, args) {
        ("format", [pattern, ..]) if pattern.is_none_or(is_string) => {
            let mut types: Vec<Type> = args.iter().map(|ty| printed(*ty)).collect();
            types[0] = Text;
            resolved(StringFunc::Format, types, Text)
        }
        ("num_nulls" | "num_nonnulls", [_, ..]) => {
            let func = if name == "num_nulls" { StringFunc::NumNulls } else { StringFunc::NumNonnulls };
            resolved(func, args.iter().map(|ty| ty.unwrap_or(Text)).collect(), Int4)
        }
        ("quote_literal", [_]) => resolved(StringFunc::QuoteLiteral, vec![Text], Text),
        ("quote_nullable", [_]) => resolved(StringFunc::QuoteNullable, vec![Text], Text),
        ("format" | "num_nulls" | "num_nonnulls" | "quote_literal" | "quote_nullable", _) => missing(),
        _ => None,
    }
}

/// Whether a type is `text` or implicitly cast to it.
fn is_string(ty: Type) -> bool {
    matches!(ty, Text | Type::Varchar(_) | Type::Bpchar(_) | Name)
}
