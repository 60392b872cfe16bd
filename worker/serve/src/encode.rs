//! Rows and row descriptions as the protocol carries them.

use bytes::{BufMut, BytesMut};
use offtake_row::{Datum, Row, binary};
use pgwire::messages::data::{
    DataRow, FORMAT_CODE_BINARY, FORMAT_CODE_TEXT, FieldDescription, RowDescription,
};

use crate::{error::SqlError, shape::Shape};

/// The format of each result column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formats {
    All(i16),
    Each(Vec<i16>),
}

impl Formats {
    pub const TEXT: Formats = Formats::All(FORMAT_CODE_TEXT);

    /// None: all text; one: for all; else one a value.
    ///
    /// Source: PostgreSQL documentation, section 55.7 (Bind).
    pub fn new(codes: &[i16], values: usize, what: &str) -> Result<Formats, SqlError> {
        if let Some(code) = codes.iter().find(|code| ![FORMAT_CODE_TEXT, FORMAT_CODE_BINARY].contains(code)) {
            return Err(SqlError::new("22023", format!("unsupported format code: {code}")));
        }
        match codes {
            [] => Ok(Formats::TEXT),
            [code] => Ok(Formats::All(*code)),
            codes if codes.len() == values => Ok(Formats::Each(codes.to_vec())),
            codes => Err(SqlError::protocol(format!(
                "bind message has {} {what} formats but there are {values} {what}s",
                codes.len()
            ))),
        }
    }

    pub fn code(&self, index: usize) -> i16 {
        match self {
            Formats::All(code) => *code,
            Formats::Each(codes) => codes.get(index).copied().unwrap_or(FORMAT_CODE_TEXT),
        }
    }
}

pub fn row_description(shape: &Shape, formats: &Formats) -> RowDescription {
    let fields = shape.columns.iter().enumerate().map(|(index, column)| {
        let (table, number) = shape.origin(index);
        FieldDescription::new(
            // The protocol carries C strings.
            column.name.replace('\0', ""),
            table as i32,
            number,
            column.ty.oid(),
            column.ty.facts().length,
            column.ty.typmod(),
            formats.code(index),
        )
    });
    RowDescription::new(fields.collect())
}

/// Writes rows; its buffers are reused from row to row.
pub struct Encoder<'s> {
    shape: &'s Shape,
    formats: Formats,
    text: String,
    buffer: BytesMut,
}

impl<'s> Encoder<'s> {
    pub fn new(shape: &'s Shape, formats: Formats) -> Encoder<'s> {
        Encoder { shape, formats, text: String::new(), buffer: BytesMut::new() }
    }

    pub fn row(&mut self, row: &Row) -> DataRow {
        let mut datums = row.iter();
        for (index, column) in self.shape.columns.iter().enumerate() {
            let datum = datums.next().unwrap_or(Datum::Null);
            if datum.is_null() {
                self.buffer.put_i32(-1);
            } else if self.formats.code(index) == FORMAT_CODE_BINARY {
                let start = self.buffer.len();
                self.buffer.put_i32(0);
                binary::write(column.ty, datum, &mut self.buffer);
                let length = (self.buffer.len() - start - 4) as i32;
                self.buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
            } else {
                self.text.clear();
                self.shape.write(column.ty, datum, &mut self.text);
                self.buffer.put_i32(self.text.len() as i32);
                self.buffer.put_slice(self.text.as_bytes());
            }
        }
        DataRow::new(self.buffer.split(), self.shape.columns.len() as i16)
    }
}
