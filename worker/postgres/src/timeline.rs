//! Timelines: which branch of history a server's log belongs to.
//!
//! Every recovery to an earlier state and every promotion begins a new timeline at some position of its parent's. What a consumer read of
//! the parent beyond that position never happened on the new timeline.
//!
//! Source: PostgreSQL documentation, section 25.3.6 (Timelines) and 53.4 (TIMELINE_HISTORY).

use offtake_contract::Lsn;

/// Where a timeline's history left `ancestor`: what lies before is common to both. `None` where it never was on it.
///
/// `history` is a timeline history file: lines of an ancestor's number, the position at which it was left, and a reason.
pub fn left(history: &str, ancestor: u32) -> Option<Lsn> {
    history.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let timeline: u32 = fields.next()?.parse().ok()?;
        (timeline == ancestor).then(|| fields.next()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_tells_where_each_ancestor_was_left() {
        let history = "# promoted\n1\t0/3000060\tno recovery target specified\n\n2\t0/5000000\tbefore 2026-11-01 10:00:00+00\n";
        assert_eq!(left(history, 1), Some(Lsn(0x300_0060)));
        assert_eq!(left(history, 2), Some(Lsn(0x500_0000)));
        assert_eq!(left(history, 3), None);
    }
}
