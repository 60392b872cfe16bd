//! What catalogs hold in every database: types, operators, functions, … as a fresh PostgreSQL 15 has them, less what Offtake has not.

mod kept;
mod object;

use std::sync::LazyLock;

use offtake_row::{Datum, Row, RowPacker, Type, text};

pub use object::{Function, function, functions, type_entry, types};

use crate::definition::{Definition, definition};

/// A catalog whose rows are data.
struct Content {
    name: &'static str,
    rows: LazyLock<Vec<Row>>,
}

macro_rules! contents {
    ($($name:literal,)*) => {
        [$(Content {
            name: $name,
            rows: LazyLock::new(|| kept::kept($name, read($name, include_str!(concat!("../../data/", $name, ".tsv"))))),
        },)*]
    };
}

static CONTENTS: [Content; 15] = contents![
    "pg_aggregate",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_cast",
    "pg_collation",
    "pg_description",
    "pg_language",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_proc",
    "pg_range",
    "pg_tablespace",
    "pg_type",
];

/// The rows of a catalog of pg_catalog that are the same in every database; none for any other.
pub fn rows(name: &str) -> &'static [Row] {
    CONTENTS.iter().find(|content| content.name == name).map_or(&[], |content| content.rows.as_slice())
}

/// Reads rows in COPY's text form. What cannot be read is a fault in the data, which the tests find: it is shown as NULL.
fn read(name: &str, text: &'static str) -> Vec<Row> {
    let types: Vec<Type> = match definition("pg_catalog", name) {
        Some(definition) => definition.columns.iter().map(|column| column.ty).collect(),
        None => Vec::new(),
    };
    lines(text, &types)
}

/// Reads lines of fields as rows of these types.
pub fn lines(text: &str, types: &[Type]) -> Vec<Row> {
    let mut packer = RowPacker::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        for (ty, field) in types.iter().zip(line.split('\t')) {
            push(*ty, unescaped(field).as_deref(), &mut packer);
        }
        rows.push(packer.finish());
    }
    rows
}

fn push(ty: Type, field: Option<&str>, packer: &mut RowPacker) {
    let Some(field) = field else { return packer.push(Datum::Null) };
    let mut parsed = RowPacker::new();
    match text::parse(ty, field, &mut parsed) {
        Ok(()) => packer.extend_from_row(&parsed.finish()),
        Err(_) => packer.push(Datum::Null),
    }
}

/// A field of COPY's text form; `None` is NULL. Source: PostgreSQL documentation, COPY, File Formats.
pub fn unescaped(field: &str) -> Option<String> {
    if field == "\\N" {
        return None;
    }
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    Some(text)
}

/// Reads single values of a catalog's rows by the names of their columns.
pub struct Reader {
    definition: Option<&'static Definition>,
}

impl Reader {
    /// Of a catalog of pg_catalog.
    pub fn new(name: &str) -> Reader {
        Reader { definition: definition("pg_catalog", name) }
    }

    fn datum<'a>(&self, row: &'a Row, column: &str) -> Datum<'a> {
        let position = self.definition.and_then(|definition| definition.position(column));
        position.map_or(Datum::Null, |position| row.datum(position))
    }

    /// One value as a row of its own.
    pub fn single(&self, row: &Row, column: &str) -> Row {
        Row::pack([self.datum(row, column)])
    }

    /// An OID or another number; 0 where it is NULL.
    pub fn number(&self, row: &Row, column: &str) -> i64 {
        match self.datum(row, column) {
            Datum::Int(number) => number,
            _ => 0,
        }
    }

    pub fn oid(&self, row: &Row, column: &str) -> u32 {
        u32::try_from(self.number(row, column)).unwrap_or_default()
    }

    pub fn flag(&self, row: &Row, column: &str) -> bool {
        self.datum(row, column) == Datum::Bool(true)
    }

    /// A text; empty where it is NULL.
    pub fn text<'a>(&self, row: &'a Row, column: &str) -> &'a str {
        match self.datum(row, column) {
            Datum::Text(text) => text,
            _ => "",
        }
    }

    /// An array's elements, those that are not NULL; none where it is NULL.
    pub fn elements<'a>(&self, row: &'a Row, column: &str) -> Vec<Datum<'a>> {
        match self.datum(row, column) {
            Datum::Array(array) => array.iter().filter(|element| !element.is_null()).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field of the data is a value of its column: nothing came out as NULL that was none.
    #[test]
    fn the_data_is_read_as_it_was_written() {
        for (name, text) in [
            ("pg_proc", include_str!("../../data/pg_proc.tsv")),
            ("pg_type", include_str!("../../data/pg_type.tsv")),
            ("pg_operator", include_str!("../../data/pg_operator.tsv")),
            ("pg_aggregate", include_str!("../../data/pg_aggregate.tsv")),
        ] {
            let definition = definition("pg_catalog", name).expect("is there");
            for (line, row) in text.lines().zip(read(name, text)) {
                let written: Vec<String> = row
                    .iter()
                    .zip(&definition.columns)
                    .map(|(datum, column)| {
                        let mut written = String::new();
                        match datum.is_null() {
                            true => written.push_str("\\N"),
                            false => text::write(column.ty, datum, &mut written),
                        }
                        // A function that is none is 0 in its column.
                        if written == "-" && datum == Datum::Int(0) {
                            written = "0".to_owned();
                        }
                        written
                    })
                    .collect();
                let expected: Vec<String> =
                    line.split('\t').map(|field| unescaped(field).unwrap_or("\\N".to_owned())).collect();
                assert_eq!(written, expected, "{name}");
            }
        }
    }
}
