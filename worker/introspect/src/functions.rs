//! Functions of pg_catalog whose answers are about our relations.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Int64Array, StringArray},
        compute::cast,
        datatypes::DataType,
    },
    error::DataFusionError,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
    prelude::SessionContext,
};
use offtake_row::Type;

use crate::{
    RelationInfo,
    information_schema::{data_type, internal_name},
    pg_catalog::{index_name, index_oid},
    table::{Cell, Kind, array},
};

/// The role that owns everything.
pub const OWNER_NAME: &str = "offtake";

/// Replaces functions of `datafusion-pg-catalog` that know less, and adds what it lacks.
pub fn register(context: &SessionContext, server_version: &str, relations: &[RelationInfo]) {
    let version = format!("PostgreSQL {server_version}");
    let mut views = HashMap::new();
    let mut indexes = HashMap::new();
    let mut keys = HashMap::new();
    for relation in relations {
        if let Some(definition) = &relation.definition {
            views.insert(i64::from(relation.oid), format!(" {};", definition.trim().trim_end_matches(';')));
        }
        if !relation.key.is_empty() {
            indexes.insert(i64::from(index_oid(relation)), index_definition(relation));
            keys.insert(i64::from(index_oid(relation)), format!("PRIMARY KEY ({})", key_columns(relation)));
        }
    }
    let find = |texts: HashMap<i64, String>| {
        move |arguments: &[Argument]| {
            Cell::from(Argument::number(arguments, 0).and_then(|oid| texts.get(&oid)))
        }
    };
    let classes: HashMap<String, i32> = relations
        .iter()
        .flat_map(|relation| {
            let oid = relation.oid as i32;
            let full = (format!("{}.{}", quote(&relation.schema), quote(&relation.name)), oid);
            let bare = (relation.schema == "public").then(|| (quote(&relation.name), oid));
            [Some(full), bare].into_iter().flatten()
        })
        .collect();
    let mut functions = vec![
        function("format_type", Kind::Text, |arguments| {
            let typmod = Argument::number(arguments, 1).unwrap_or(-1);
            Argument::number(arguments, 0)
                .map(|oid| Cell::Text(format_type(oid, typmod)))
                .unwrap_or(Cell::Null)
        }),
        function("pg_get_userbyid", Kind::Text, |_| OWNER_NAME.into()),
        function("session_user", Kind::Text, |_| OWNER_NAME.into()),
        function("version", Kind::Text, move |_| Cell::from(&version)),
        function("pg_get_viewdef", Kind::Text, find(views)),
        function("pg_get_indexdef", Kind::Text, find(indexes)),
        function("pg_get_constraintdef", Kind::Text, find(keys)),
        function("pg_encoding_to_char", Kind::Text, |arguments| {
            Argument::number(arguments, 0).map(|code| if code == UTF8 { "UTF8" } else { "" }).into()
        }),
        function("pg_char_to_encoding", Kind::Int, |_| (UTF8 as i32).into()),
        function("to_regclass", Kind::Int, move |arguments| {
            Argument::text(arguments, 0).and_then(|name| classes.get(name)).copied().into()
        }),
        function("to_regtype", Kind::Int, |arguments| {
            Argument::text(arguments, 0).and_then(type_oid).map(|oid| oid as i32).into()
        }),
        function("pg_size_pretty", Kind::Text, |arguments| {
            Argument::number(arguments, 0)
                .map(|bytes| Cell::Text(format!("{bytes} bytes")))
                .unwrap_or(Cell::Null)
        }),
    ];
    // Nothing of the kind exists here.
    for name in NOTHING {
        functions.push(function(name, Kind::Text, |_| Cell::Null));
    }
    // Sizes are in offtake.tables and offtake.views: there are no files to measure.
    for name in ["pg_table_size", "pg_database_size", "pg_indexes_size", "pg_tablespace_size"] {
        functions.push(function(name, Kind::Int, |_| Cell::Null));
    }
    for name in VISIBLE {
        functions.push(function(name, Kind::Bool, |_| true.into()));
    }
    for function in functions {
        context.register_udf(function);
    }
}

/// The encoding's number in PostgreSQL.
const UTF8: i64 = 6;

const NOTHING: &[&str] = &[
    "col_description",
    "obj_description",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_functiondef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_triggerdef",
    "pg_tablespace_location",
    "shobj_description",
];

/// Every schema is shown as if it were on the search path, so that `\\d` lists all there is.
const VISIBLE: &[&str] = &[
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_table_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
    "pg_type_is_visible",
];

/// The OID of a type by its name, either PostgreSQL's internal one or the standard's.
fn type_oid(name: &str) -> Option<u32> {
    const OTHERS: [(&str, u32); 6] = [
        ("name", 19),
        ("oid", 26),
        ("interval", 1186),
        ("regclass", 2205),
        ("record", 2249),
        ("unknown", 705),
    ];
    let name = name.trim().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let bare =
        TYPES.into_iter().find(|ty| internal_name(*ty) == name || data_type(*ty) == name).map(Type::oid);
    bare.or_else(|| OTHERS.iter().find(|(other, _)| *other == name).map(|(_, oid)| *oid))
}

const TYPES: [Type; 18] = [
    Type::Bool,
    Type::Int2,
    Type::Int4,
    Type::Int8,
    Type::Float4,
    Type::Float8,
    Type::Numeric(None),
    Type::Text,
    Type::Varchar(None),
    Type::Bpchar(None),
    Type::Date,
    Type::Time,
    Type::Timestamp,
    Type::Timestamptz,
    Type::Uuid,
    Type::Bytea,
    Type::Json,
    Type::Jsonb,
];

/// `CREATE UNIQUE INDEX …`, as `pg_get_indexdef` prints it.
pub fn index_definition(relation: &RelationInfo) -> String {
    format!(
        "CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})",
        quote(&index_name(relation)),
        quote(&relation.schema),
        quote(&relation.name),
        key_columns(relation)
    )
}

fn key_columns(relation: &RelationInfo) -> String {
    let names = relation.key.iter().filter_map(|column| relation.columns.get(*column));
    names.map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}

fn quote(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Source: PostgreSQL documentation, section 9.26.4 (`format_type`).
fn format_type(oid: i64, typmod: i64) -> String {
    let ty = u32::try_from(oid).ok().and_then(|oid| Type::from_oid(oid, i32::try_from(typmod).unwrap_or(-1)));
    match ty {
        Some(Type::Bpchar(None)) => "character".to_owned(),
        Some(ty) => ty.to_string(),
        None => match oid {
            0 => "-",
            18 => "\"char\"",
            19 => "name",
            24 => "regproc",
            26 => "oid",
            1005 => "smallint[]",
            1007 => "integer[]",
            1009 => "text[]",
            1016 => "bigint[]",
            1186 => "interval",
            1266 => "time with time zone",
            2205 => "regclass",
            2206 => "regtype",
            2249 => "record",
            2275 => "cstring",
            2278 => "void",
            _ => "???",
        }
        .to_owned(),
    }
}

/// An argument of one call.
#[derive(Clone, Debug)]
enum Argument {
    Null,
    Number(i64),
    Text(String),
}

impl Argument {
    fn number(arguments: &[Argument], index: usize) -> Option<i64> {
        match arguments.get(index)? {
            Argument::Number(number) => Some(*number),
            // psql passes OIDs as quoted constants.
            Argument::Text(text) => text.parse().ok(),
            Argument::Null => None,
        }
    }

    fn text(arguments: &[Argument], index: usize) -> Option<&str> {
        match arguments.get(index)? {
            Argument::Text(text) => Some(text),
            _ => None,
        }
    }
}

type Answer = dyn Fn(&[Argument]) -> Cell + Send + Sync;

/// A function that is answered from what it was made with.
struct CatalogFunction {
    name: &'static str,
    signature: Signature,
    result: Kind,
    answer: Arc<Answer>,
}

fn function(
    name: &'static str,
    result: Kind,
    answer: impl Fn(&[Argument]) -> Cell + Send + Sync + 'static,
) -> ScalarUDF {
    let any = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
    let signature = Signature::one_of(any, Volatility::Stable);
    ScalarUDF::from(CatalogFunction { name, signature, result, answer: Arc::new(answer) })
}

impl fmt::Debug for CatalogFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &CatalogFunction) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.answer, &other.answer)
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(self.result.arrow())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let rows = arguments.number_rows;
        let columns: Vec<ArrayRef> =
            arguments.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<_, _>>()?;
        let columns: Vec<Vec<Argument>> = columns.iter().map(column).collect();
        let cells: Vec<Cell> = (0..rows)
            .map(|row| {
                let values: Vec<Argument> = columns.iter().map(|column| column[row].clone()).collect();
                (self.answer)(&values)
            })
            .collect();
        Ok(ColumnarValue::Array(array(self.result, cells.iter())))
    }
}

/// The values of an argument, one for each row. What is neither number nor text is taken as NULL.
fn column(column: &ArrayRef) -> Vec<Argument> {
    let rows = column.len();
    let wanted = if column.data_type().is_integer() { DataType::Int64 } else { DataType::Utf8 };
    let Ok(column) = cast(column, &wanted) else { return vec![Argument::Null; rows] };
    if let Some(numbers) = column.as_any().downcast_ref::<Int64Array>() {
        return numbers.iter().map(|number| number.map_or(Argument::Null, Argument::Number)).collect();
    }
    match column.as_any().downcast_ref::<StringArray>() {
        Some(texts) => texts
            .iter()
            .map(|text| text.map_or(Argument::Null, |text| Argument::Text(text.to_owned())))
            .collect(),
        None => vec![Argument::Null; rows],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_formatted_with_their_modifiers() {
        let shown = |ty: Type| format_type(i64::from(ty.oid()), i64::from(ty.typmod()));
        assert_eq!(shown(Type::Numeric(Some((12, 2)))), "numeric(12,2)");
        assert_eq!(shown(Type::Varchar(Some(40))), "character varying(40)");
        assert_eq!(shown(Type::Timestamptz), "timestamp with time zone");
        assert_eq!(format_type(600, -1), "???");
        assert_eq!(
            (type_oid("timestamptz"), type_oid("double precision"), type_oid("hstore")),
            (Some(1184), Some(701), None)
        );
        assert_eq!((quote("a_1"), quote("A b")), ("a_1".to_owned(), "\"A b\"".to_owned()));
    }
}
