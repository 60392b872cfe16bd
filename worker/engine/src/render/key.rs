//! Keys of joins.

use offtake_lir::KeyOf;
use offtake_row::Row;

use super::{Collection, map::fallible, moment::Moment};
use crate::command::Key;

impl Key {
    pub fn evaluator(&self) -> KeyOf {
        KeyOf::joining(&self.scalars, &self.nulls_meet)
    }
}

/// What has a key, and the errors of keys.
type Halves<'s, D, T> = (Collection<'s, D, i64, T>, Collection<'s, Row, i64, T>);

/// Rows under their key, without those that meet nothing.
pub(super) fn keyed<'s, T: Moment>(
    rows: Collection<'s, Row, i64, T>,
    key: &Key,
) -> Halves<'s, (Row, Row), T> {
    let mut key = key.evaluator();
    fallible("Key", rows, move |row: Row, diff| match key.of(&row) {
        Ok(key) => Ok(key.map(|key| ((key, row), diff))),
        Err(error) => Err(error.to_row()),
    })
}
