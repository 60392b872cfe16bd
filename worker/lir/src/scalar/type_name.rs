//! Names of types as texts: `'timestamp(3) with time zone'::regtype` and `format_type`.

use offtake_row::Datum;

use super::eval::Value;
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

/// A type's name in one spelling: folded, single blanks, without modifiers and fields, arrays as one `[]`. A name that needs quotes keeps
/// them: `"char"` is another type than `char`.
///
/// Source: PostgreSQL documentation, chapter 8, and `SimpleTypename` in `gram.y`.
pub(super) fn canonical<'a>(text: &str, arena: &'a Arena) -> Value<'a> {
    let name = spelled(text)
        .ok_or_else(|| EvalError::new(SqlState(*b"42601"), format!("invalid type name \"{text}\"")))?;
    Ok(Datum::Text(arena.text(&name)))
}

fn spelled(text: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut modifier: Option<String> = None;
    let mut dotted = false;
    let mut array = false;
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        match first {
            '"' => {
                let (name, after) = quoted(&rest[1..])?;
                push(&mut words, &mut dotted, quote(&name));
                rest = after;
            }
            '.' => {
                if words.is_empty() || dotted {
                    return None;
                }
                dotted = true;
                rest = &rest[1..];
            }
            '(' if modifier.is_none() && !array => {
                let (inside, after) = rest[1..].split_once(')')?;
                let digits = |part: &str| {
                    let part = part.trim();
                    let part = part.strip_prefix(['-', '+']).unwrap_or(part);
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
                };
                if !inside.split(',').all(digits) {
                    return None;
                }
                modifier = Some(inside.trim().to_owned());
                rest = after;
            }
            '[' => {
                let (inside, after) = rest[1..].split_once(']')?;
                if !inside.trim().bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                array = true;
                rest = after;
            }
            first if first.is_alphabetic() || first == '_' => {
                let end =
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let word = rest[..end].to_ascii_lowercase();
                rest = &rest[end..];
                if word == "array" && !words.is_empty() && !dotted {
                    array = true;
                } else if array {
                    return None;
                } else {
                    push(&mut words, &mut dotted, word);
                }
            }
            _ => return None,
        }
        rest = rest.trim_start();
    }
    if words.is_empty() || dotted {
        return None;
    }
    let mut name = words.join(" ");
    match (name.as_str(), modifier.as_deref()) {
        ("float", Some(bits)) => {
            name = match bits.parse::<u32>().ok()? {
                1..=24 => "real",
                25..=53 => "double precision",
                _ => return None,
            }
            .to_owned();
        }
        // The fields of an interval are a modifier.
        (other, _) if other.starts_with("interval ") => name = "interval".to_owned(),
        _ => {}
    }
    if array {
        name.push_str("[]");
    }
    Some(name)
}

/// Appends to the words, or after the dot to the last one.
fn push(words: &mut Vec<String>, dotted: &mut bool, word: String) {
    match words.last_mut() {
        Some(last) if *dotted => {
            last.push('.');
            last.push_str(&word);
        }
        _ => words.push(word),
    }
    *dotted = false;
}

/// The name up to the closing quote, and what follows it.
fn quoted(mut rest: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (!name.is_empty()).then_some((name, after)),
        }
    }
}

/// A quoted name without its quotes where it means the same without them.
fn quote(name: &str) -> String {
    const KEYWORDS: [&str; 14] = [
        "array",
        "bigint",
        "bit",
        "boolean",
        "char",
        "character",
        "dec",
        "decimal",
        "float",
        "int",
        "integer",
        "real",
        "smallint",
        "nchar",
    ];
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !KEYWORDS.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `format_type` of a type that without modifier is printed as `name`. `None` for the modifier is NULL: none is known, where -1 says that
/// there is none.
///
/// Source: `format_type_extended` in `format_type.c`, and the `typmodout` functions.
pub(super) fn format<'a>(name: &'a str, modifier: Option<i64>, arena: &'a Arena) -> Datum<'a> {
    let (element, array) = match name.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (name, ""),
    };
    let text = |printed: String| Datum::Text(arena.text(&format!("{printed}{array}")));
    match (element, modifier) {
        ("character", Some(..0)) => return text("bpchar".to_owned()),
        ("bit", Some(..0)) => return text("\"bit\"".to_owned()),
        (_, None | Some(..0)) => return Datum::Text(name),
        _ => {}
    }
    let modifier = modifier.unwrap_or(-1);
    text(match element {
        "boolean" | "smallint" | "integer" | "bigint" | "real" | "double precision" | "-" | "???" => {
            element.to_owned()
        }
        "character" | "character varying" if modifier > 4 => format!("{element}({})", modifier - 4),
        "character" | "character varying" => element.to_owned(),
        "numeric" if modifier >= 4 => {
            let scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
            format!("numeric({},{scale})", ((modifier - 4) >> 16) & 0xffff)
        }
        "numeric" => element.to_owned(),
        "time without time zone"
        | "time with time zone"
        | "timestamp without time zone"
        | "timestamp with time zone" => {
            let (kind, zone) = element.split_once(' ').unwrap_or((element, ""));
            format!("{kind}({modifier}) {zone}")
        }
        "interval" => interval(modifier),
        _ => format!("{element}({modifier})"),
    })
}

/// Source: `intervaltypmodout` in `timestamp.c`.
fn interval(modifier: i64) -> String {
    const FIELDS: [(&str, u32); 6] =
        [("year", 2), ("month", 1), ("day", 3), ("hour", 10), ("minute", 11), ("second", 12)];
    const ALL: i64 = 0x7fff;
    let (fields, precision) = ((modifier >> 16) & ALL, modifier & 0xffff);
    let mut printed = "interval".to_owned();
    if fields != ALL {
        let named = || FIELDS.iter().filter(|(_, bit)| fields & (1 << bit) != 0).map(|(name, _)| *name);
        if let (Some(first), Some(last)) = (named().next(), named().next_back()) {
            printed.push_str(&format!(" {first}"));
            if first != last {
                printed.push_str(&format!(" to {last}"));
            }
        }
    }
    if precision != 0xffff {
        printed.push_str(&format!("({precision})"));
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_one_spelling() {
        for (text, expected) in [
            ("int4", Some("int4")),
            (" TIMESTAMP (3)  with time  zone ", Some("timestamp with time zone")),
            ("character varying(10)[]", Some("character varying[]")),
            ("int array[3]", Some("int[]")),
            ("pg_catalog.int4", Some("pg_catalog.int4")),
            ("\"char\"", Some("\"char\"")),
            ("\"int4\"[][]", Some("int4[]")),
            ("float(24)", Some("real")),
            ("float(25)", Some("double precision")),
            ("interval day to second(3)", Some("interval")),
            ("numeric(10, -2)", Some("numeric")),
            ("", None),
            ("int4)", None),
            ("int4[", None),
            ("a.", None),
            ("float(99)", None),
        ] {
            assert_eq!(spelled(text).as_deref(), expected, "{text}");
        }
    }

    /// PostgreSQL's answers.
    #[test]
    fn modifiers_are_printed() {
        let arena = Arena::new();
        for (name, modifier, expected) in [
            ("character", Some(-1), "bpchar"),
            ("character", None, "character"),
            ("character", Some(3), "character"),
            ("character[]", Some(7), "character(3)[]"),
            ("bit", Some(-1), "\"bit\""),
            ("bit", Some(3), "bit(3)"),
            ("character varying[]", Some(14), "character varying(10)[]"),
            ("numeric", Some(3), "numeric"),
            ("numeric[]", Some(655366), "numeric(10,2)[]"),
            ("interval", Some(2147418115), "interval(3)"),
            ("interval", Some(327679), "interval year"),
            ("interval", Some(470351871), "interval day to second"),
            ("timestamp without time zone", Some(3), "timestamp(3) without time zone"),
            ("time with time zone", Some(-1), "time with time zone"),
            ("integer", Some(7), "integer"),
            ("text", Some(5), "text(5)"),
            ("text[]", Some(7), "text(7)[]"),
            ("???", Some(7), "???"),
        ] {
            assert_eq!(format(name, modifier, &arena), Datum::Text(expected), "{name} {modifier:?}");
        }
    }
}
