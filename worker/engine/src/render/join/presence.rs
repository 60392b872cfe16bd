//! Which rows of one side of a join have a partner on the other.

use offtake_lir::Mfp;
use offtake_row::Row;

use super::{Keyed, meet};
use crate::render::{Bundle, Collection, arrange, err_mark, map::mfp_rows, moment::Moment};

/// Rows, told apart by whether they have a partner. They keep their multiplicities, however many partners they have.
pub(super) enum Presence<'s, T: Moment> {
    /// A partner is any row with the same key, of which there is one in `keys`.
    Key { rows: Box<Keyed<'s, T>>, all: Collection<'s, Row, i64, T>, keys: Box<Keyed<'s, T>> },
    /// Each row comes in `partners` once for each partner.
    Row { all: Collection<'s, Row, i64, T>, partners: Collection<'s, Row, i64, T> },
}

impl<'s, T: Moment> Presence<'s, T> {
    /// Where the keys alone decide. `keys` are the other side's, each once.
    pub fn by_key(
        rows: Keyed<'s, T>,
        all: Collection<'s, Row, i64, T>,
        keys: Keyed<'s, T>,
    ) -> Presence<'s, T> {
        Presence::Key { rows: Box::new(rows), all, keys: Box::new(keys) }
    }

    /// Where there are other conditions, so that it depends on the whole row.
    pub fn by_row(
        all: Collection<'s, Row, i64, T>,
        partners: Collection<'s, Row, i64, T>,
    ) -> Presence<'s, T> {
        Presence::Row { all, partners }
    }

    /// What `closure` makes of rows with a partner.
    pub fn with(self, closure: Mfp) -> Bundle<'s, T> {
        match self {
            Presence::Key { rows, keys, .. } => meet(*rows, *keys, closure),
            Presence::Row { all, partners } => mfp_rows(chosen(all, partners, true), closure),
        }
    }

    /// What `closure` makes of rows without a partner.
    pub fn without(self, closure: Mfp) -> Bundle<'s, T> {
        match self {
            Presence::Key { rows, all, keys } => {
                let every = mfp_rows(all, closure.clone());
                let others = meet(*rows, *keys, closure);
                Bundle {
                    oks: every.oks.concat(others.oks.negate()),
                    errs: every.errs.concat(others.errs.negate()),
                }
            }
            Presence::Row { all, partners } => mfp_rows(chosen(all, partners, false), closure),
        }
    }
}

/// The rows that have partners, or that have none.
fn chosen<'s, T: Moment>(
    all: Collection<'s, Row, i64, T>,
    partners: Collection<'s, Row, i64, T>,
    wanted: bool,
) -> Collection<'s, Row, i64, T> {
    let rows = all.map(|row| (row, Row::empty()));
    let marked = partners.map(|row| (row, err_mark()));
    T::group(arrange(rows.concat(marked), "Partners"), "Partners", move |row, members, made| {
        let (mut count, mut partners) = (0, 0);
        for (mark, sum) in members {
            if mark.as_bytes().is_empty() {
                count = sum;
            } else {
                partners = sum;
            }
        }
        if count > 0 && (partners > 0) == wanted {
            made.push((row.clone(), count));
        }
    })
}
