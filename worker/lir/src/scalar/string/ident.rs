//! `parse_ident`. Source: `parse_ident` in `misc.c`.

use offtake_row::{ArrayBuilder, Datum};

use crate::{arena::Arena, error::EvalError, scalar::eval::Value};

/// The names that a qualified identifier is made of; `strict`, nothing may stand behind them.
pub(super) fn parse<'a>(text: &str, strict: bool, arena: &'a Arena) -> Value<'a> {
    let invalid = || EvalError::invalid_parameter(format!("string is not a valid identifier: \"{text}\""));
    let blank = |c: char| matches!(c, ' ' | '\t'..='\r');
    let mut names = ArrayBuilder::new();
    let mut rest = text.trim_start_matches(blank);
    loop {
        let name = if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut inner = quoted;
            loop {
                let (part, behind) = inner.split_once('"').ok_or_else(invalid)?;
                name.push_str(part);
                match behind.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        inner = more;
                    }
                    None => {
                        rest = behind;
                        break;
                    }
                }
            }
            if name.is_empty() {
                return Err(invalid());
            }
            name
        } else {
            let starts = |c: char| c == '_' || c.is_ascii_alphabetic() || !c.is_ascii();
            let inside = |c: char| starts(c) || c.is_ascii_digit() || c == '$';
            if !rest.starts_with(starts) {
                return Err(invalid());
            }
            let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            rest = behind;
            name.to_ascii_lowercase()
        };
        names.push(Datum::Text(&name));
        rest = rest.trim_start_matches(blank);
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind.trim_start_matches(blank),
            None if rest.is_empty() || !strict => break,
            None => return Err(invalid()),
        }
    }
    Ok(Datum::Array(arena.array(names.finish())))
}
