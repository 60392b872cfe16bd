//! `regexp_replace`. Source: `replace_text_regexp` in `varlena.c`.

use offtake_row::Datum;

use super::{Captures, Flags, Fuel, Func, RegexFunc, check, with_regex};
use crate::{
    arena::Arena,
    error::EvalError,
    scalar::{
        eval::{Value, mismatch},
        text::check_size,
    },
};

/// The arguments behind the pattern: the replacement, and flags or numbers.
pub(super) fn replace<'a>(text: &'a str, pattern: &str, rest: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    let [Datum::Text(replacement), rest @ ..] = rest else {
        return Err(mismatch(Func::Regex(RegexFunc::Replace)));
    };
    // 0 is every match.
    let (start, nth, flags) = match rest {
        [] => (1, 1, Flags::default()),
        [Datum::Text(letters)] => {
            if letters.starts_with(|c: char| c.is_ascii_digit()) {
                let first = &letters[..1];
                let message = format!("invalid regular expression option: \"{first}\"");
                return Err(EvalError::invalid_parameter(message));
            }
            let flags = Flags::parse(letters)?;
            (1, usize::from(!flags.global), flags)
        }
        [Datum::Int(start)] => (check("start", *start, 1)?, 1, Flags::default()),
        [Datum::Int(start), Datum::Int(nth)] => {
            (check("start", *start, 1)?, check("n", *nth, 0)?, Flags::default())
        }
        [Datum::Int(start), Datum::Int(nth), Datum::Text(letters)] => {
            let (start, nth) = (check("start", *start, 1)?, check("n", *nth, 0)?);
            (start, nth, Flags::parse(letters)?)
        }
        _ => return Err(mismatch(Func::Regex(RegexFunc::Replace))),
    };
    let replacement = Replacement::parse(replacement);
    let answer = with_regex(pattern, flags.options, |regex| {
        let mut chars = regex.text(text);
        let mut captures = Captures::new();
        let mut fuel = Fuel::new();
        let mut out: Option<String> = None;
        let (mut copied, mut from, mut count) = (0, start - 1, 0);
        while from <= chars.len() {
            let wanted = replacement.captures.then_some(&mut captures);
            let Some((begin, end)) = regex.find(&mut chars, from, wanted, &mut fuel)? else { break };
            count += 1;
            from = if begin == end { end + 1 } else { end };
            if nth > 0 && count != nth {
                continue;
            }
            let out = out.get_or_insert_default();
            out.push_str(chars.slice(text, (copied, begin)));
            for piece in &replacement.pieces {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Match => out.push_str(chars.slice(text, (begin, end))),
                    Piece::Group(group) => {
                        if let Some(place) = captures.get(*group).copied().flatten() {
                            out.push_str(chars.slice(text, place));
                        }
                    }
                }
            }
            check_size(out.len())?;
            copied = end;
            if nth > 0 {
                break;
            }
        }
        if let Some(out) = &mut out {
            out.push_str(chars.slice(text, (copied, chars.len())));
            check_size(out.len())?;
        }
        Ok(out)
    })?;
    Ok(Datum::Text(match answer {
        Some(answer) => arena.text(&answer),
        None => text,
    }))
}

enum Piece<'r> {
    Text(&'r str),
    Match,
    Group(usize),
}

struct Replacement<'r> {
    pieces: Vec<Piece<'r>>,
    captures: bool,
}

impl<'r> Replacement<'r> {
    /// `\1` to `\9`, `\&` and `\\`; any other backslash stands for itself.
    fn parse(text: &'r str) -> Replacement<'r> {
        let mut pieces = Vec::new();
        let mut captures = false;
        let mut rest = text;
        let mut searched = 0;
        while let Some(at) = rest[searched..].find('\\').map(|at| at + searched) {
            let piece = match rest.as_bytes().get(at + 1) {
                Some(digit @ b'1'..=b'9') => {
                    captures = true;
                    Piece::Group(usize::from(digit - b'0'))
                }
                Some(b'&') => Piece::Match,
                Some(b'\\') => Piece::Text("\\"),
                _ => {
                    searched = at + 1;
                    continue;
                }
            };
            pieces.push(Piece::Text(&rest[..at]));
            pieces.push(piece);
            rest = &rest[at + 2..];
            searched = 0;
        }
        pieces.push(Piece::Text(rest));
        Replacement { pieces, captures }
    }
}
