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
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
    prelude::SessionContext,
};
use offtake_row::Type;

use crate::{
    RelationInfo,
    pg_catalog::{index_name, index_oid},
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
        move |arguments: &[Option<i64>]| texts.get(&(*arguments.first()?)?).cloned()
    };
    let functions = [
        function("format_type", |arguments| {
            let oid = arguments.first().copied().flatten()?;
            Some(format_type(oid, arguments.get(1).copied().flatten().unwrap_or(-1)))
        }),
        function("pg_get_userbyid", |_| Some(OWNER_NAME.to_owned())),
        function("session_user", |_| Some(OWNER_NAME.to_owned())),
        function("version", move |_| Some(version.clone())),
        function("pg_get_viewdef", find(views)),
        function("pg_get_indexdef", find(indexes)),
        function("pg_get_constraintdef", find(keys)),
        function("obj_description", |_| None),
        function("col_description", |_| None),
        function("shobj_description", |_| None),
        function("pg_get_function_identity_arguments", |_| None),
        function("pg_get_function_arguments", |_| None),
        function("pg_get_function_result", |_| None),
        function("pg_get_triggerdef", |_| None),
        function("pg_get_ruledef", |_| None),
        function("pg_tablespace_location", |_| None),
        function("pg_size_pretty", |arguments| Some(format!("{} bytes", arguments.first().copied().flatten()?))),
    ];
    for function in functions {
        context.register_udf(function);
    }
}

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
    let ty = u32::try_from(oid)
        .ok()
        .and_then(|oid| Type::from_oid(oid, i32::try_from(typmod).unwrap_or(-1)));
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

type Answer = dyn Fn(&[Option<i64>]) -> Option<String> + Send + Sync;

/// A function of numbers that answers text; arguments of other types are taken as NULL.
struct TextFunction {
    name: &'static str,
    signature: Signature,
    answer: Arc<Answer>,
}

fn function(
    name: &'static str,
    answer: impl Fn(&[Option<i64>]) -> Option<String> + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = Signature::one_of(
        vec![
            datafusion::logical_expr::TypeSignature::VariadicAny,
            datafusion::logical_expr::TypeSignature::Nullary,
        ],
        Volatility::Stable,
    );
    ScalarUDF::from(TextFunction { name, signature, answer: Arc::new(answer) })
}

impl fmt::Debug for TextFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &TextFunction) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.answer, &other.answer)
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let rows = arguments.number_rows;
        let columns: Vec<Option<Int64Array>> = arguments
            .args
            .iter()
            .map(|argument| {
                let array = argument.to_array(rows).ok()?;
                let numbers = array.data_type().is_integer().then(|| cast(&array, &DataType::Int64).ok())??;
                numbers.as_any().downcast_ref::<Int64Array>().cloned()
            })
            .collect();
        let mut values = Vec::with_capacity(columns.len());
        let texts: StringArray = (0..rows)
            .map(|row| {
                values.clear();
                values.extend(columns.iter().map(|column| {
                    column.as_ref().filter(|column| column.is_valid(row)).map(|column| column.value(row))
                }));
                (self.answer)(&values)
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(texts) as ArrayRef))
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
        assert_eq!((quote("a_1"), quote("A b")), ("a_1".to_owned(), "\"A b\"".to_owned()));
    }
}
