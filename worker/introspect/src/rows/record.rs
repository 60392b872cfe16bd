//! Rows of a relation, written by the names of its columns.

use std::borrow::Cow;

use offtake_row::{ArrayBuilder, Datum, Row, RowPacker, Type, text};

use crate::definition::Definition;

/// A value before it is packed.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float4(f32),
    Float8(f64),
    Text(Cow<'a, str>),
    /// Microseconds since 2000-01-01 00:00 UTC.
    Timestamp(i64),
    /// The text form of a value of the column's type.
    Written(String),
    /// An array of texts.
    Texts(Vec<String>),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

macro_rules! integers {
    ($($ty:ty),*) => {
        $(impl From<$ty> for Value<'_> {
            fn from(value: $ty) -> Self {
                Value::Int(value.into())
            }
        })*
    };
}

integers!(i16, i32, i64, u32);

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
impl Value<'_> {
    fn is_zero(&self) -> bool {
        match self {
            Value::Null | Value::Int(0) => true,
            Value::Float8(value) => *value == 0.0,
            Value::Written(text) => text == "0",
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float4(_)
            | Value::Text(_)
            | Value::Texts(_)
            | Value::Timestamp(_) => false,
        }
    }
}

/// Numbers as an array.
pub fn array<'a, T: ToString>(items: impl IntoIterator<Item = T>) -> Value<'a> {
    Value::Written(format!("{{{}}}", joined(items, ",")))
}

/// Numbers as an `int2vector` or `oidvector`.
pub fn vector<'a, T: ToString>(items: impl IntoIterator<Item = T>) -> Value<'a> {
    Value::Written(joined(items, " "))
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(separator)
}

/// Collects the rows of one relation.
pub struct Records {
    definition: &'static Definition,
    packer: RowPacker,
    rows: Vec<Row>,
}

impl Records {
    pub fn new(definition: &'static Definition) -> Records {
        Records { definition, packer: RowPacker::new(), rows: Vec::new() }
    }

    pub fn finish(self) -> Vec<Row> {
        self.rows
    }

    /// Adds a row that is packed already.
    pub fn add_row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a row in which numbers that are not named are 0, and all else that is not named is NULL.
    pub fn add_counters(&mut self, values: &[(&str, Value<'_>)]) {
        let mut all = values.to_vec();
        for column in &self.definition.columns {
            all.push(match column.ty {
                Type::Float8 => (column.name, Value::Float8(0.0)),
                ty if ty.is_numeric() && matches!(ty, Type::Int2 | Type::Int4 | Type::Int8) => {
                    (column.name, Value::Int(0))
                }
                ty if ty.is_numeric() => (column.name, Value::Written("0".to_owned())),
                _ => (column.name, Value::Null),
            });
        }
        self.add(&all);
    }

    /// Adds a row. Columns that are not named are NULL, and 0, false or empty where they cannot be.
    pub fn add(&mut self, values: &[(&str, Value<'_>)]) {
        #[cfg(test)]
        for (at, (name, _)) in values.iter().enumerate() {
            assert!(self.definition.position(name).is_some(), "{} has no {name}", self.definition.name);
            // Counters say 0 for all columns after those that are told.
            let counter = values[at].1.is_zero();
            assert!(counter || values[..at].iter().all(|(other, _)| other != name), "{name} twice");
        }
        for column in &self.definition.columns {
            match values.iter().find(|(name, _)| *name == column.name) {
                Some((_, value)) => push(column.ty, value, &mut self.packer),
                None if column.not_null => push_nothing(column.ty, &mut self.packer),
                None => self.packer.push(Datum::Null),
            }
        }
        self.rows.push(self.packer.finish());
    }
}

fn push(ty: Type, value: &Value<'_>, packer: &mut RowPacker) {
    packer.push(match value {
        Value::Null => Datum::Null,
        Value::Bool(value) => Datum::Bool(*value),
        Value::Int(value) => Datum::Int(*value),
        Value::Float4(value) => Datum::Float4(*value),
        Value::Float8(value) => Datum::Float8(*value),
        Value::Text(value) => Datum::Text(value),
        Value::Timestamp(value) => Datum::Timestamp(*value),
        Value::Texts(values) => {
            let mut array = ArrayBuilder::new();
            values.iter().for_each(|value| array.push(Datum::Text(value)));
            return packer.push(Datum::Array(array.finish()));
        }
        Value::Written(value) => {
            let mut parsed = RowPacker::new();
            return match text::parse(ty, value, &mut parsed) {
                Ok(()) => packer.extend_from_row(&parsed.finish()),
                Err(_) => packer.push(Datum::Null),
            };
        }
    });
}

/// The value that says nothing: 0, false, the empty text or array.
fn push_nothing(ty: Type, packer: &mut RowPacker) {
    for nothing in ["", "0", "f", "{}"] {
        let mut parsed = RowPacker::new();
        if text::parse(ty, nothing, &mut parsed).is_ok() {
            return packer.extend_from_row(&parsed.finish());
        }
    }
    packer.push(Datum::Null);
}
