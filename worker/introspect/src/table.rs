//! Small in-memory tables.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            ArrayRef, BooleanBuilder, Float32Builder, Int16Builder, Int32Builder, ListBuilder, RecordBatch,
            StringBuilder,
        },
        datatypes::{DataType, Field, Schema},
    },
    catalog::{MemTable, TableProvider},
    error::DataFusionError,
};

/// A value. OIDs are integers, as in `datafusion-pg-catalog`'s own tables, with which they are joined.
#[derive(Clone, Debug)]
pub enum Cell {
    Null,
    Text(String),
    Bool(bool),
    Short(i16),
    Int(i32),
    Real(f32),
    Shorts(Vec<i16>),
}

impl From<&str> for Cell {
    fn from(value: &str) -> Cell {
        Cell::Text(value.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Cell {
        Cell::Text(value.clone())
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Cell {
        Cell::Bool(value)
    }
}

impl From<i16> for Cell {
    fn from(value: i16) -> Cell {
        Cell::Short(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Cell {
        Cell::Int(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Bool,
    Short,
    Int,
    Real,
    Shorts,
    /// Lists of texts (ACLs, options): there are none here, so every cell is NULL.
    Texts,
}

impl Kind {
    pub fn arrow(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Short => DataType::Int16,
            Kind::Int => DataType::Int32,
            Kind::Real => DataType::Float32,
            Kind::Shorts => DataType::List(Arc::new(Field::new_list_field(DataType::Int16, true))),
            Kind::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }
}

/// Makes a table. A cell of another kind than its column is shown as NULL; a row that is too short ends in NULLs.
pub fn table(
    columns: &[(&str, Kind)],
    rows: &[Vec<Cell>],
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind)| Field::new(*name, kind.arrow(), true)).collect();
    let arrays = columns.iter().enumerate().map(|(index, (_, kind))| {
        let cells = rows.iter().map(move |row| row.get(index).unwrap_or(&Cell::Null));
        array(*kind, cells)
    });
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays.collect())?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

macro_rules! build {
    ($builder:ty, $cells:ident, $variant:path) => {{
        let mut builder = <$builder>::new();
        for cell in $cells {
            builder.append_option(match cell {
                $variant(value) => Some(value.clone()),
                _ => None,
            });
        }
        Arc::new(builder.finish())
    }};
}

pub fn array<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
    match kind {
        Kind::Text => build!(StringBuilder, cells, Cell::Text),
        Kind::Bool => build!(BooleanBuilder, cells, Cell::Bool),
        Kind::Short => build!(Int16Builder, cells, Cell::Short),
        Kind::Int => build!(Int32Builder, cells, Cell::Int),
        Kind::Real => build!(Float32Builder, cells, Cell::Real),
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            cells.for_each(|_| builder.append(false));
            Arc::new(builder.finish())
        }
        Kind::Shorts => {
            let mut builder = ListBuilder::new(Int16Builder::new());
            for cell in cells {
                if let Cell::Shorts(values) = cell {
                    builder.values().append_slice(values);
                }
                builder.append(matches!(cell, Cell::Shorts(_)));
            }
            Arc::new(builder.finish())
        }
    }
}
