//! Answers of DataFusion as rows of ours.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, RecordBatch},
        compute::cast,
        datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, Schema},
        error::ArrowError,
        util::display::{ArrayFormatter, FormatOptions},
    },
    error::DataFusionError,
};
use offtake_row::{Column, Datum, Row, RowPacker, Type};

/// The columns of an answer. What has no counterpart is shown as text.
pub fn columns(schema: &Schema) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|field| Column::new(name(field), column_type(field.data_type()), true))
        .collect()
}

/// DataFusion names an expression after its text; PostgreSQL after its function, or `?column?`.
fn name(field: &Field) -> String {
    let name = field.name();
    match name.split_once('(') {
        Some((function, _)) if function.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            function.to_lowercase()
        }
        Some(_) => "?column?".to_owned(),
        None => name.clone(),
    }
}

fn column_type(ty: &DataType) -> Type {
    match ty {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::Int2,
        DataType::Int32 | DataType::UInt16 => Type::Int4,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Type::Int8,
        DataType::Float16 | DataType::Float32 => Type::Float4,
        DataType::Float64 => Type::Float8,
        _ => Type::Text,
    }
}

/// The rows of a batch, in the types that [`columns`] tells.
pub fn rows(batch: &RecordBatch, into: &mut Vec<Row>) -> Result<(), DataFusionError> {
    let columns = batch.columns().iter().map(Values::new).collect::<Result<Vec<_>, _>>()?;
    let mut packer = RowPacker::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            column.push(row, &mut packer);
        }
        into.push(packer.finish());
    }
    Ok(())
}

enum Values {
    Bools(ArrayRef),
    Ints(ArrayRef),
    Reals(ArrayRef),
    Floats(ArrayRef),
    Texts(Vec<Option<String>>),
}

impl Values {
    fn new(array: &ArrayRef) -> Result<Values, ArrowError> {
        Ok(match column_type(array.data_type()) {
            Type::Bool => Values::Bools(array.clone()),
            Type::Int2 | Type::Int4 | Type::Int8 => Values::Ints(cast(array, &DataType::Int64)?),
            Type::Float4 => Values::Reals(cast(array, &DataType::Float32)?),
            Type::Float8 => Values::Floats(cast(array, &DataType::Float64)?),
            _ => Values::Texts(texts(array)?),
        })
    }

    fn push(&self, row: usize, packer: &mut RowPacker) {
        match self {
            Values::Bools(array) | Values::Ints(array) | Values::Reals(array) | Values::Floats(array)
                if array.is_null(row) =>
            {
                packer.push(Datum::Null);
            }
            Values::Bools(array) => packer.push(Datum::Bool(array.as_boolean().value(row))),
            Values::Ints(array) => packer.push(Datum::Int(array.as_primitive::<Int64Type>().value(row))),
            Values::Reals(array) => {
                packer.push(Datum::Float4(array.as_primitive::<Float32Type>().value(row)))
            }
            Values::Floats(array) => {
                packer.push(Datum::Float8(array.as_primitive::<Float64Type>().value(row)))
            }
            Values::Texts(texts) => packer.push(texts[row].as_deref().map_or(Datum::Null, Datum::Text)),
        }
    }
}

/// Lists are shown in PostgreSQL's array form.
fn texts(array: &ArrayRef) -> Result<Vec<Option<String>>, ArrowError> {
    if let DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) = array.data_type() {
        let element = |list: ArrayRef| -> Result<String, ArrowError> {
            let parts =
                texts(&list)?.into_iter().map(|part| part.map_or_else(|| "NULL".to_owned(), array_element));
            Ok(format!("{{{}}}", parts.collect::<Vec<_>>().join(",")))
        };
        let list = match array.as_list_opt::<i32>() {
            Some(list) => list.clone(),
            None => return formatted(array),
        };
        return (0..list.len())
            .map(|row| if list.is_null(row) { Ok(None) } else { element(list.value(row)).map(Some) })
            .collect();
    }
    formatted(array)
}

fn formatted(array: &ArrayRef) -> Result<Vec<Option<String>>, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    (0..array.len())
        .map(|row| if array.is_null(row) { Ok(None) } else { formatter.value(row).try_to_string().map(Some) })
        .collect()
}

fn array_element(text: String) -> String {
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("null")
        && !text.chars().any(|c| c.is_whitespace() || ['{', '}', ',', '"', '\\'].contains(&c));
    if plain { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
