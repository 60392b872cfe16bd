//! A change of one row, decoded for one SourceTable: what is applied to a running table, and what waits in the store while it is copied.

use offtake_postgres::{
    pgoutput::{Change, OldTuple},
    shape::{Shape, ValueError},
};
use offtake_row::{Datum, Row, RowPacker};

use super::{
    applier::LONGEST_KEY,
    staged::{Before, Mismatch, Staged},
};

/// A row change in a table's own columns.
///
/// `old` is the old key for a table with a key (present when it changed), the whole old row for one without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    Insert {
        new: Row,
    },
    /// `unchanged` lists the columns that the stream left out because their TOAST value did not change; they are NULL in `new`.
    Update {
        old: Option<Row>,
        new: Row,
        unchanged: Vec<usize>,
    },
    Delete {
        old: Row,
    },
    Truncate,
    /// Some change, which came under a description that does not fit the table: of a time before its snapshot, or after it was altered.
    Undescribed,
}

/// Which columns of a row are its key; empty for a table that is a bag.
pub type Key = [usize];

impl RowChange {
    /// Decodes a change of the stream. `None` for a change that concerns no rows.
    ///
    /// # Errors
    /// A value that its column's type cannot hold here (for example a numeric of more than 38 digits).
    pub fn decode(
        change: &Change,
        shape: &Shape,
        key: &Key,
        packer: &mut RowPacker,
    ) -> Result<RowChange, ValueError> {
        let old_row = |old: &OldTuple, packer: &mut RowPacker| match old {
            OldTuple::Full(tuple) if key.is_empty() => shape.decode(tuple, None, packer),
            OldTuple::Key(tuple) | OldTuple::Full(tuple) => shape.decode_key(tuple, packer),
        };
        Ok(match change {
            Change::Insert { new, .. } => RowChange::Insert { new: shape.decode(new, None, packer)? },
            Change::Update { old, new, .. } => {
                let old = old.as_ref().map(|old| old_row(old, packer)).transpose()?;
                if shape.has_unchanged(new) {
                    let unchanged = shape.unchanged(new);
                    let row = shape.decode(new, Some(&Row::empty()), packer)?;
                    RowChange::Update { old, new: row, unchanged }
                } else {
                    RowChange::Update { old, new: shape.decode(new, None, packer)?, unchanged: Vec::new() }
                }
            }
            Change::Delete { old, .. } => RowChange::Delete { old: old_row(old, packer)? },
            Change::Truncate { .. } => RowChange::Truncate,
        })
    }

    /// Applies the change to a batch. The inner error says that the table and the stream disagree: something was missed.
    pub fn apply<B: Before>(
        self,
        staged: &mut Staged,
        before: &B,
        table: u64,
        key: &Key,
        packer: &mut RowPacker,
    ) -> Result<Result<(), Mismatch>, B::Error> {
        if key.is_empty() {
            self.apply_bag(staged, before, table, packer)
        } else {
            self.apply_keyed(staged, before, table, key, packer)
        }
    }

    fn apply_keyed<B: Before>(
        self,
        staged: &mut Staged,
        before: &B,
        table: u64,
        key: &Key,
        packer: &mut RowPacker,
    ) -> Result<Result<(), Mismatch>, B::Error> {
        match self {
            RowChange::Insert { new } => {
                let mut slot = staged.slot(before, table, project(&new, key, packer))?;
                if slot.row().is_some() {
                    return Ok(Err(Mismatch::DuplicateKey));
                }
                slot.set(Some(new));
            }
            RowChange::Update { old, new, unchanged } => {
                let old_key = old.unwrap_or_else(|| project(&new, key, packer));
                let mut slot = staged.slot(before, table, old_key.clone())?;
                let Some(was) = slot.row() else {
                    return Ok(Err(Mismatch::MissingRow));
                };
                // A long key column may itself be left out of the new row; the server sends the old key then.
                let new = if unchanged.is_empty() { new } else { fill(&new, was, &unchanged, packer) };
                let new_key = project(&new, key, packer);
                if old_key == new_key {
                    slot.set(Some(new));
                } else {
                    let mut to = staged.slot(before, table, new_key)?;
                    if to.row().is_some() {
                        return Ok(Err(Mismatch::DuplicateKey));
                    }
                    to.set(Some(new));
                    staged.slot(before, table, old_key)?.set(None);
                }
            }
            RowChange::Delete { old } => {
                let mut slot = staged.slot(before, table, old)?;
                if slot.row().is_none() {
                    return Ok(Err(Mismatch::MissingRow));
                }
                slot.set(None);
            }
            RowChange::Truncate => staged.truncate(before, table, false)?,
            RowChange::Undescribed => return Ok(Err(Mismatch::Undescribed)),
        }
        Ok(Ok(()))
    }

    fn apply_bag<B: Before>(
        self,
        staged: &mut Staged,
        before: &B,
        table: u64,
        packer: &mut RowPacker,
    ) -> Result<Result<(), Mismatch>, B::Error> {
        match self {
            RowChange::Insert { new } => staged.add(before, table, &new, 1),
            RowChange::Update { old: Some(old), new, unchanged } => {
                let new = if unchanged.is_empty() { new } else { fill(&new, &old, &unchanged, packer) };
                match staged.add(before, table, &old, -1)? {
                    Ok(()) => staged.add(before, table, &new, 1),
                    mismatch => Ok(mismatch),
                }
            }
            RowChange::Update { old: None, .. } => Ok(Err(Mismatch::NoOldRow)),
            RowChange::Delete { old } => staged.add(before, table, &old, -1),
            RowChange::Truncate => Ok(Ok(staged.truncate(before, table, true)?)),
            RowChange::Undescribed => Ok(Err(Mismatch::Undescribed)),
        }
    }

    /// The bytes of the longest key in the change, as the store has them: in a table without a key, of the longest row.
    pub fn longest_key(&self, key: &Key, packer: &mut RowPacker) -> usize {
        let (new, old) = match self {
            RowChange::Insert { new } => (Some(new), None),
            RowChange::Update { old, new, .. } => (Some(new), old.as_ref()),
            RowChange::Delete { old } => (None, Some(old)),
            RowChange::Truncate | RowChange::Undescribed => (None, None),
        };
        let new = new.map_or(0, |row| {
            let whole = row.as_bytes().len();
            // Nearly all rows are shorter than a key may be.
            if key.is_empty() || whole <= LONGEST_KEY {
                whole
            } else {
                project(row, key, packer).as_bytes().len()
            }
        });
        new.max(old.map_or(0, |row| row.as_bytes().len()))
    }

    /// The bytes under which the change waits in the store, after the position of its commit.
    pub fn to_bytes(&self, commit: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&commit.to_le_bytes());
        let push_row = |row: &Row, out: &mut Vec<u8>| {
            out.extend_from_slice(&(row.as_bytes().len() as u32).to_le_bytes());
            out.extend_from_slice(row.as_bytes());
        };
        match self {
            RowChange::Insert { new } => {
                out.push(b'I');
                push_row(new, &mut out);
            }
            RowChange::Update { old, new, unchanged } => {
                out.push(if old.is_some() { b'K' } else { b'U' });
                old.iter().for_each(|old| push_row(old, &mut out));
                push_row(new, &mut out);
                unchanged.iter().for_each(|column| out.extend_from_slice(&(*column as u16).to_le_bytes()));
            }
            RowChange::Delete { old } => {
                out.push(b'D');
                push_row(old, &mut out);
            }
            RowChange::Truncate => out.push(b'T'),
            RowChange::Undescribed => out.push(b'X'),
        }
        out
    }

    /// Reads what [`RowChange::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<(u64, RowChange)> {
        let mut rest = bytes;
        let commit = u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?);
        let tag = take(&mut rest, 1)?[0];
        let change = match tag {
            b'I' => RowChange::Insert { new: take_row(&mut rest)? },
            b'K' | b'U' => RowChange::Update {
                old: if tag == b'K' { Some(take_row(&mut rest)?) } else { None },
                new: take_row(&mut rest)?,
                unchanged: std::mem::take(&mut rest)
                    .chunks_exact(2)
                    .map(|column| usize::from(u16::from_le_bytes([column[0], column[1]])))
                    .collect(),
            },
            b'D' => RowChange::Delete { old: take_row(&mut rest)? },
            b'T' => RowChange::Truncate,
            b'X' => RowChange::Undescribed,
            _ => return None,
        };
        rest.is_empty().then_some((commit, change))
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

fn take_row(rest: &mut &[u8]) -> Option<Row> {
    let len = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    Some(Row::from_bytes(take(rest, len as usize)?))
}

/// The values of some columns, as a row. `columns` ascend.
pub fn project(row: &Row, columns: &[usize], packer: &mut RowPacker) -> Row {
    packer.clear();
    let mut datums = row.iter();
    let mut at = 0;
    for &column in columns {
        while at < column && datums.next_packed().is_some() {
            at += 1;
        }
        packer.extend_packed(datums.next_packed().unwrap_or_default());
        at += 1;
    }
    packer.finish()
}

/// `new` with the columns of `unchanged` taken from `old`.
fn fill(new: &Row, old: &Row, unchanged: &[usize], packer: &mut RowPacker) -> Row {
    packer.clear();
    let mut was = old.iter();
    for (index, datum) in new.iter().enumerate() {
        let was = was.next().unwrap_or(Datum::Null);
        packer.push(if unchanged.contains(&index) { was } else { datum });
    }
    packer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Option<i64>]) -> Row {
        Row::pack(values.iter().map(|value| value.map_or(Datum::Null, Datum::Int)))
    }

    #[test]
    fn what_waits_comes_back() {
        let a = row(&[Some(1), Some(2)]);
        let b = row(&[Some(3), None]);
        let changes = [
            RowChange::Insert { new: a.clone() },
            RowChange::Update { old: None, new: a.clone(), unchanged: vec![1] },
            RowChange::Update { old: Some(b.clone()), new: a.clone(), unchanged: vec![] },
            RowChange::Delete { old: b },
            RowChange::Truncate,
            RowChange::Undescribed,
        ];
        for change in changes {
            let bytes = change.to_bytes(77);
            assert_eq!(RowChange::from_bytes(&bytes), Some((77, change)));
            for cut in 0..bytes.len() {
                // Shorter bytes are refused or another change, never a panic.
                let _ = RowChange::from_bytes(&bytes[..cut]);
            }
        }
    }

    #[test]
    fn columns_left_out_come_from_the_old_row() {
        let mut packer = RowPacker::new();
        let filled =
            fill(&row(&[Some(1), None, None]), &row(&[Some(1), Some(5), Some(6)]), &[1], &mut packer);
        assert_eq!(filled, row(&[Some(1), Some(5), None]));
        assert_eq!(project(&filled, &[0, 2], &mut packer), row(&[Some(1), None]));
    }
}
