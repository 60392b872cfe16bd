//! Patterns made ready, kept for the next row: a few a thread.

use std::cell::RefCell;

use super::{matcher::Regex, options::Options};
use crate::error::EvalError;

/// How many a thread keeps. Each holds a megabyte at most.
const MOST: usize = 32;

struct Kept {
    pattern: Box<str>,
    options: Options,
    regex: Regex,
}

thread_local! {
    /// The one used last comes first.
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with the pattern made ready.
pub(super) fn with_regex<T>(
    pattern: &str,
    options: Options,
    f: impl FnOnce(&mut Regex) -> Result<T, EvalError>,
) -> Result<T, EvalError> {
    KEPT.with(|kept| {
        let mut kept = kept.borrow_mut();
        match kept.iter().position(|kept| kept.options == options && *kept.pattern == *pattern) {
            Some(0) => {}
            Some(place) => kept[..=place].rotate_right(1),
            None => {
                let regex = Regex::new(pattern, options)?;
                kept.truncate(MOST - 1);
                kept.insert(0, Kept { pattern: pattern.into(), options, regex });
            }
        }
        match kept.first_mut() {
            Some(first) => f(&mut first.regex),
            None => Err(EvalError::internal("a pattern is not kept")),
        }
    })
}
