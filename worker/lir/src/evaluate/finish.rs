//! ORDER BY, OFFSET, LIMIT and the last projection of a query.

use std::cmp::Ordering;

use offtake_row::{Datum, Row};

use crate::order::Order;

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

    /// What [`Finish::apply`] takes beside the rows that it is given, about, in bytes.
    pub fn memory(&self, rows: &[(Row, i64)]) -> usize {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let copies = rows.iter().map(|(_, diff)| usize::try_from(*diff).unwrap_or(0));
        let shown = copies.fold(0, usize::saturating_add).min(limit).saturating_mul(size_of::<Row>());
        let sorted = match self.order_by.len() {
            0 => 0,
            keys => keys * size_of::<Datum<'_>>() + size_of::<usize>() + size_of::<(Row, i64)>(),
        };
        // A row that is cut is a new one, which its copies share.
        let cut = rows.first().is_some_and(|(row, _)| !self.shows_all(row.iter().count()));
        let heap = |(row, _): &(Row, i64)| if cut { row.heap_bytes() } else { 0 };
        let (all, largest): (usize, _) =
            (rows.iter().map(heap).sum(), rows.iter().map(heap).max().unwrap_or(0));
        let projected = limit.saturating_mul(largest).min(all);
        (rows.len() * sorted).saturating_add(shown).saturating_add(projected)
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

    /// Whether rows of so many columns are shown as they are.
    fn shows_all(&self, arity: usize) -> bool {
        self.project.iter().copied().eq(0..arity)
    }

    fn projected(&self, row: Row) -> Row {
        let datums = row.unpack();
        if self.shows_all(datums.len()) {
            return row;
        }
        Row::pack(self.project.iter().map(|column| datums.get(*column).copied().unwrap_or(Datum::Null)))
    }
}
