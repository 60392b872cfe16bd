//! ORDER BY, OFFSET, LIMIT and the last projection of a query.

use std::cmp::Ordering;

use offtake_row::{Datum, Row, Type};

use crate::compare::compare;

/// One key of an ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Among the plan's columns (before [`Finish::project`]).
    pub column: usize,
    pub ty: Type,
    pub descending: bool,
    /// PostgreSQL's default is first if descending, last otherwise.
    pub nulls_first: bool,
}

/// What is done to a query's rows once they are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    pub order_by: Vec<Order>,
    /// In rows; `None` is all.
    pub limit: Option<u64>,
    /// In rows.
    pub offset: u64,
    /// The columns shown; columns that are only sorted by are left out.
    pub project: Vec<usize>,
}

impl Finish {
    /// Shows all of `arity` columns, in no order.
    pub fn all(arity: usize) -> Finish {
        Finish { order_by: Vec::new(), limit: None, offset: 0, project: (0..arity).collect() }
    }

    /// What rows that are shown more than once take beside those that [`Finish::apply`] is given, at most, in bytes.
    pub fn copies(&self, rows: &[(Row, i64)]) -> usize {
        let (mut copies, mut largest) = (0_usize, 0);
        for (row, diff) in rows {
            let size = super::size(row);
            let more = usize::try_from(diff.saturating_sub(1)).unwrap_or(0);
            copies = copies.saturating_add(more.saturating_mul(size));
            largest = largest.max(size);
        }
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        copies.min(limit.saturating_mul(largest))
    }

    /// Adds multiplicities up, sorts, cuts and projects. Rows that the order leaves equal come in the order of their bytes, so that
    /// an answer is the same every time. A row whose multiplicity is not positive does not come.
    pub fn apply(&self, mut rows: Vec<(Row, i64)>) -> Vec<Row> {
        rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        rows.dedup_by(|(row, diff), (kept, total)| {
            let same = row == kept;
            if same {
                *total += *diff;
            }
            same
        });
        rows.retain(|(_, diff)| *diff > 0);
        let sorted: Vec<(Row, i64)> = if self.order_by.is_empty() { rows } else { self.sorted(rows) };
        let limit = self.limit.unwrap_or(u64::MAX);
        let mut skip = self.offset;
        let mut shown = Vec::new();
        for (row, diff) in sorted {
            // Positive: others were dropped above.
            let mut copies = diff.unsigned_abs();
            let skipped = copies.min(skip);
            skip -= skipped;
            copies = (copies - skipped).min(limit - shown.len() as u64);
            if copies > 0 {
                let row = self.projected(row);
                shown.extend(std::iter::repeat_n(row, copies as usize));
            }
            if shown.len() as u64 >= limit {
                break;
            }
        }
        shown
    }

    fn sorted(&self, rows: Vec<(Row, i64)>) -> Vec<(Row, i64)> {
        let keys = self.order_by.len();
        let mut datums: Vec<Datum<'_>> = Vec::with_capacity(rows.len() * keys);
        let mut unpacked = Vec::new();
        for (row, _) in &rows {
            row.unpack_into(&mut unpacked);
            datums.extend(
                self.order_by.iter().map(|key| unpacked.get(key.column).copied().unwrap_or(Datum::Null)),
            );
        }
        let mut places: Vec<usize> = (0..rows.len()).collect();
        // Stable, over rows in the order of their bytes.
        places.sort_by(|a, b| {
            let pairs = datums[a * keys..].iter().zip(&datums[b * keys..]).zip(&self.order_by);
            pairs
                .map(|((a, b), key)| key.compare(*a, *b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        places.into_iter().map(|place| rows[place].clone()).collect()
    }

    fn projected(&self, row: Row) -> Row {
        let datums = row.unpack();
        if self.project.len() == datums.len()
            && self.project.iter().enumerate().all(|(i, column)| i == *column)
        {
            return row;
        }
        Row::pack(self.project.iter().map(|column| datums.get(*column).copied().unwrap_or(Datum::Null)))
    }
}

impl Order {
    /// The order of two values of the column.
    pub fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if self.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if self.descending => compare(self.ty, b, a),
            (false, false) => compare(self.ty, a, b),
        }
    }
}
