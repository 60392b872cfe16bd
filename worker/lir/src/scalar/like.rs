//! LIKE and ILIKE. Source of the order in which errors are noticed: `like_match.c`.

use offtake_row::Datum;

use super::{
    Func,
    eval::{Value, mismatch},
    text::lower,
};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

pub(super) fn binary<'a>(func: Func, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let (Datum::Text(text), Datum::Text(pattern)) = (left, right) else { return Err(mismatch(func)) };
    match func {
        Func::Like => Ok(Datum::Bool(matches(text, pattern)?)),
        Func::NotLike => Ok(Datum::Bool(!matches(text, pattern)?)),
        Func::ILike => Ok(Datum::Bool(matches(lower(text, arena), lower(pattern, arena))?)),
        Func::NotILike => Ok(Datum::Bool(!matches(lower(text, arena), lower(pattern, arena))?)),
        Func::LikeEscape => escaped(text, pattern, arena),
        func => Err(mismatch(func)),
    }
}

/// Matches bytes, for in UTF-8 no character is part of another; only `_` has to know where characters end. Goes back to the last `%`
/// only, which is enough, and does not recurse, whatever the pattern.
fn matches(text: &str, pattern: &str) -> Result<bool, EvalError> {
    let trailing = || {
        EvalError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
    };
    let (t, p) = (text.as_bytes(), pattern.as_bytes());
    let after = |at: usize| {
        let mut next = at + 1;
        while next < t.len() && !text.is_char_boundary(next) {
            next += 1;
        }
        next
    };
    let (mut ti, mut pi) = (0, 0);
    // The pattern after the last `%`, and where in the text it is tried.
    let mut retry: Option<(usize, usize)> = None;
    while ti < t.len() {
        match p.get(pi) {
            Some(b'\\') => {
                let literal = p.get(pi + 1).ok_or_else(trailing)?;
                if *literal == t[ti] {
                    (ti, pi) = (ti + 1, pi + 2);
                    continue;
                }
            }
            Some(b'%') => {
                loop {
                    match p.get(pi) {
                        Some(b'%') => pi += 1,
                        Some(b'_') if ti < t.len() => (ti, pi) = (after(ti), pi + 1),
                        Some(b'_') => return Ok(false),
                        Some(b'\\') if pi + 1 == p.len() => return Err(trailing()),
                        Some(_) => break,
                        None => return Ok(true),
                    }
                }
                retry = Some((pi, ti));
                continue;
            }
            Some(b'_') => {
                (ti, pi) = (after(ti), pi + 1);
                continue;
            }
            Some(literal) if *literal == t[ti] => {
                (ti, pi) = (ti + 1, pi + 1);
                continue;
            }
            _ => {}
        }
        let Some((pattern_start, text_start)) = retry else { return Ok(false) };
        let next = after(text_start);
        retry = Some((pattern_start, next));
        (ti, pi) = (next, pattern_start);
    }
    Ok(p[pi..].iter().all(|byte| *byte == b'%'))
}

/// `like_escape`: the pattern with a backslash in place of its own escape character.
fn escaped<'a>(pattern: &'a str, escape: &str, arena: &'a Arena) -> Value<'a> {
    let mut characters = escape.chars();
    let escape = characters.next();
    if characters.next().is_some() {
        return Err(EvalError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string"));
    }
    if escape == Some('\\') {
        return Ok(Datum::Text(pattern));
    }
    let mut rewritten = String::with_capacity(pattern.len() + 8);
    let mut after_escape = false;
    for c in pattern.chars() {
        if Some(c) == escape && !after_escape {
            rewritten.push('\\');
            after_escape = true;
            continue;
        }
        if c == '\\' && !after_escape {
            rewritten.push('\\');
        }
        rewritten.push(c);
        after_escape = false;
    }
    Ok(Datum::Text(arena.text(&rewritten)))
}
