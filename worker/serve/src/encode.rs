//! Rows and row descriptions as the protocol carries them.

use bytes::{BufMut, BytesMut};
use offtake_row::{Column, Row, Type, binary, text};
use pgwire::messages::data::{
    DataRow, FORMAT_CODE_BINARY, FORMAT_CODE_TEXT, FieldDescription, RowDescription,
};

use crate::error::SqlError;

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

/// `pg_type.typlen`: -1 is variable.
pub fn type_size(ty: Type) -> i16 {
    match ty {
        Type::Bool => 1,
        Type::Int2 => 2,
        Type::Int4 | Type::Float4 | Type::Date => 4,
        Type::Int8 | Type::Float8 | Type::Time | Type::Timestamp | Type::Timestamptz => 8,
        Type::Uuid => 16,
        _ => -1,
    }
}

pub fn row_description(columns: &[Column], formats: &Formats) -> RowDescription {
    let fields = columns.iter().enumerate().map(|(index, column)| {
        FieldDescription::new(
            // The protocol carries C strings.
            column.name.replace('\0', ""),
            0,
            0,
            column.ty.oid(),
            type_size(column.ty),
            column.ty.typmod(),
            formats.code(index),
        )
    });
    RowDescription::new(fields.collect())
}

/// Writes rows; its buffers are reused from row to row.
pub struct Encoder {
    types: Vec<Type>,
    formats: Formats,
    text: String,
    buffer: BytesMut,
}

impl Encoder {
    pub fn new(columns: &[Column], formats: Formats) -> Encoder {
        let types = columns.iter().map(|column| column.ty).collect();
        Encoder { types, formats, text: String::new(), buffer: BytesMut::new() }
    }

    pub fn row(&mut self, row: &Row) -> DataRow {
        let mut datums = row.iter();
        for (index, ty) in self.types.iter().enumerate() {
            let datum = datums.next().unwrap_or(offtake_row::Datum::Null);
            if datum.is_null() {
                self.buffer.put_i32(-1);
            } else if self.formats.code(index) == FORMAT_CODE_BINARY {
                let start = self.buffer.len();
                self.buffer.put_i32(0);
                binary::write(*ty, datum, &mut self.buffer);
                let length = (self.buffer.len() - start - 4) as i32;
                self.buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
            } else {
                self.text.clear();
                text::write(*ty, datum, &mut self.text);
                self.buffer.put_i32(self.text.len() as i32);
                self.buffer.put_slice(self.text.as_bytes());
            }
        }
        DataRow::new(self.buffer.split(), self.types.len() as i16)
    }
}
