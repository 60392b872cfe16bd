//! SIMILAR TO: its patterns as regular expressions. Source: `similar_escape_internal` in `regexp.c`.

use crate::error::{EvalError, SqlState};

/// The escape character of an ESCAPE clause; none where it is empty.
pub(super) fn escape(text: &str) -> Result<Option<char>, EvalError> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (escape, None) => Ok(escape),
        _ => Err(EvalError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")),
    }
}

/// Where in a bracket expression a character stands.
#[derive(Clone, Copy, PartialEq)]
enum Bracket {
    Outside,
    /// Nothing but perhaps `^` stands before it: a closing bracket is a plain character here.
    Start,
    Inside,
}

/// The expression, which matches whole texts; parts divided by the escape character and a double quote say what SUBSTRING gives.
pub(super) fn translate(pattern: &str, escape: Option<char>) -> Result<String, EvalError> {
    let mut out = String::with_capacity(pattern.len() + 16);
    out.push_str("^(?:");
    let mut escaped = false;
    let mut quotes = 0;
    let mut bracket = Bracket::Outside;
    // Brackets within a bracket expression, as of `[:alpha:]`.
    let mut depth = 0usize;
    for c in pattern.chars() {
        if escaped {
            if c == '"' && bracket == Bracket::Outside {
                out.push_str(match quotes {
                    // The first part takes as little as it can, the second as much as is left.
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => {
                        let message =
                            "SQL regular expression may not contain more than two escape-double-quote separators";
                        return Err(EvalError::new(SqlState::ESCAPE_USE, message));
                    }
                });
                quotes += 1;
            } else {
                out.push('\\');
                out.push(c);
                if bracket == Bracket::Start {
                    bracket = Bracket::Inside;
                }
            }
            escaped = false;
        } else if Some(c) == escape {
            escaped = true;
        } else if bracket != Bracket::Outside {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            match c {
                ']' if bracket == Bracket::Inside && depth == 0 => bracket = Bracket::Outside,
                ']' if bracket == Bracket::Inside => depth -= 1,
                '[' => {
                    depth += 1;
                    bracket = Bracket::Inside;
                }
                '^' if bracket == Bracket::Start => {}
                _ => bracket = Bracket::Inside,
            }
        } else {
            match c {
                '[' => {
                    out.push('[');
                    bracket = Bracket::Start;
                    depth = 0;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}
