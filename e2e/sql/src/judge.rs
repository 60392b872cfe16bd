//! Whether an answer is right.

use crate::{
    answer::{Answer, minus},
    file::Notes,
};

/// What is wrong with an answer, in words; `None` if nothing is.
pub fn fault(notes: &Notes, theirs: &Answer, ours: &Answer, ordered: bool) -> Option<String> {
    let same = if ordered { ours == theirs } else { ours.clone().unordered() == theirs.clone().unordered() };
    if same {
        return None;
    }
    match (theirs.state(), ours.state()) {
        (None, Some(state)) if notes.eager && is_of_rows(state) => return None,
        (Some("0A000"), None) if notes.beyond => return None,
        (Some(state), None) if notes.lazy && is_of_rows(state) => return None,
        _ => {}
    }
    let mut text = format!("    PostgreSQL: {theirs:?}\n    Offtake:    {ours:?}");
    let (lacks, extra) = (minus(theirs, ours), minus(ours, theirs));
    if !lacks.is_empty() || !extra.is_empty() {
        text += &format!("\n    lacks {lacks:?}\n    has besides {extra:?}");
    }
    Some(text)
}

/// Whether a refusal is the one that was noted.
pub fn unrefused(state: &str, theirs: &Answer, ours: &Answer) -> Option<String> {
    if ours.state() == Some(state) && theirs.state() != Some(state) {
        return None;
    }
    Some(format!(
        "    the note says {state}, which is not so any more\n    PostgreSQL: {theirs:?}\n    Offtake:    {ours:?}"
    ))
}

/// Whether an error is one of a row: class 22 and a subquery's second row.
fn is_of_rows(state: &str) -> bool {
    state.starts_with("22") || state == "21000"
}
