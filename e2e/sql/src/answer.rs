//! What a query is answered with.

use std::fmt;

use offtake_lir::EvalError;
use offtake_plan::PlanError;
use offtake_row::{Column, Datum, Row, text};

/// A row in PostgreSQL's text form.
pub type Cells = Vec<Option<String>>;

/// An answer; two errors are the same if their SQLSTATEs are.
#[derive(Clone)]
pub enum Answer {
    Rows {
        /// Name and type, its modifier included.
        columns: Vec<(String, String)>,
        rows: Vec<Cells>,
    },
    Error {
        state: String,
        message: String,
    },
}

impl Answer {
    pub fn state(&self) -> Option<&str> {
        match self {
            Answer::Rows { .. } => None,
            Answer::Error { state, .. } => Some(state),
        }
    }

    /// Rows of the executors.
    pub fn rows(columns: &[Column], rows: impl IntoIterator<Item = Row>) -> Answer {
        let columns_text =
            columns.iter().map(|column| (column.name.clone(), column.ty.to_string())).collect();
        let rows = rows.into_iter().map(|row| cells(columns, &row)).collect();
        Answer::Rows { columns: columns_text, rows }
    }

    /// With the rows in an order of their own.
    pub fn unordered(mut self) -> Answer {
        if let Answer::Rows { rows, .. } = &mut self {
            rows.sort();
        }
        self
    }
}

/// The first values of a row in text form: those of the columns.
fn cells(columns: &[Column], row: &Row) -> Cells {
    let datums = row.unpack();
    columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let datum = datums.get(position).copied().unwrap_or(Datum::Text("(no such column)"));
            (!datum.is_null()).then(|| {
                let mut cell = String::new();
                text::write(column.ty, datum, &mut cell);
                cell
            })
        })
        .collect()
}

impl From<PlanError> for Answer {
    fn from(error: PlanError) -> Answer {
        let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        Answer::Error { state: error.sqlstate.to_owned(), message: error.message + &hint }
    }
}

impl From<EvalError> for Answer {
    fn from(error: EvalError) -> Answer {
        Answer::Error { state: error.code.as_str().to_owned(), message: error.message }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Answer) -> bool {
        match (self, other) {
            (Answer::Rows { columns, rows }, Answer::Rows { columns: others, rows: other_rows }) => {
                columns == others && rows == other_rows
            }
            (Answer::Error { state, .. }, Answer::Error { state: other, .. }) => state == other,
            (Answer::Rows { .. }, Answer::Error { .. }) | (Answer::Error { .. }, Answer::Rows { .. }) => {
                false
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        match self {
            Answer::Rows { columns, rows } => {
                let columns: Vec<String> = columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
                write!(f, "({})", columns.join(", "))?;
                for row in rows.iter().take(SHOWN) {
                    let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
                    write!(f, " [{}]", cells.join(", "))?;
                }
                let more = rows.len().saturating_sub(SHOWN);
                if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
            }
            Answer::Error { state, message } => write!(f, "{state} {message}"),
        }
    }
}

/// Of two answers that differ, the rows that only the one has.
pub fn minus(left: &Answer, right: &Answer) -> Vec<Cells> {
    let (Answer::Rows { rows: left, .. }, Answer::Rows { rows: right, .. }) = (left, right) else {
        return Vec::new();
    };
    let mut counts = std::collections::BTreeMap::new();
    right.iter().for_each(|row| *counts.entry(row).or_insert(0_usize) += 1);
    let lacks = |row: &&Cells| match counts.get_mut(*row) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    left.iter().filter(lacks).take(6).cloned().collect()
}
