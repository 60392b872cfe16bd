//! What clients ask the catalogs, planned and evaluated as serve does it, against PostgreSQL's answers over the same tables
//! (`clients/*.json`, made by `clients/generate.py`).
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
    sync::Arc,
};

use offtake_introspect::{Catalog, Client, Functions, Kind, Moment, RelationInfo, Setting};
use offtake_lir::{CollectionId, EvalError, Source, evaluate};
use offtake_plan::{Relation, RelationKind, Relations, Session, Statement, parse, plan_query};
use offtake_row::{Column, Datum, Row, RowPacker, Type, text};
use serde_json::Value;

fn tables() -> Vec<RelationInfo> {
    let relation = |oid: u32, schema: &str, name: &str, columns: Vec<Column>, key: Vec<usize>| RelationInfo {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind: if key.is_empty() { Kind::View } else { Kind::Table },
        columns,
        key,
        indexes: Vec::new(),
        definition: None,
        reads: Vec::new(),
        comment: None,
    };
    let column = |name: &str, ty: Type, nullable: bool| Column::new(name, ty, nullable);
    use Type::{
        Bpchar, Date, Float4, Float8, Int2, Int4, Int8, Jsonb, Numeric, Text, Timestamptz, Uuid, Varchar,
    };
    let customers = vec![
        column("id", Int4, false),
        column("name", Text, false),
        column("region", Varchar(Some(20)), false),
        column("since", Date, true),
        column("score", Float8, true),
        column("uid", Uuid, true),
        column("prefs", Jsonb, true),
        column("created", Timestamptz, false),
    ];
    let orders = vec![
        column("id", Int8, false),
        column("customer_id", Int4, false),
        column("status", Text, false),
        column("total", Numeric(Some((12, 2))), false),
        column("code", Bpchar(Some(3)), true),
        column("tags", Text.array().unwrap(), true),
        column("note", Text, true),
    ];
    let lines = vec![
        column("order_id", Int8, false),
        column("line_no", Int2, false),
        column("product", Text, false),
        column("weight", Float4, true),
    ];
    let mixed = vec![column("Id", Int4, false), column("Some Value", Text, true)];
    let old = vec![column("id", Int8, false), column("status", Text, true)];
    let totals = vec![column("customer_id", Int4, true), column("total", Numeric(None), true)];
    let mut view = relation(16_389, "public", "totals", totals, Vec::new());
    view.definition = Some("SELECT orders.customer_id,\n    sum(orders.total) AS total\n   FROM orders\n  GROUP BY orders.customer_id".to_owned());
    view.reads = vec![16_385];
    vec![
        relation(16_384, "public", "customers", customers, vec![0]),
        relation(16_385, "public", "orders", orders, vec![0]),
        relation(16_386, "public", "order_lines", lines, vec![0, 1]),
        relation(16_387, "public", "Mixed Case", mixed, vec![0]),
        relation(16_388, "v1", "orders", old, vec![0]),
        view,
    ]
}

fn moment() -> Moment {
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        default: value.to_owned(),
        reset: value.to_owned(),
    };
    Moment {
        user: "offtake".to_owned(),
        pid: 1,
        clients: vec![Client { pid: 1, user: "offtake".to_owned(), ..Client::default() }],
        settings: vec![
            setting("server_version_num", "150000"),
            setting("search_path", "\"$user\", public"),
            setting("standard_conforming_strings", "on"),
            setting("max_index_keys", "32"),
            setting("max_identifier_length", "63"),
            setting("default_transaction_isolation", "read committed"),
            setting("default_table_access_method", "heap"),
        ],
        ..Moment::default()
    }
}

/// The catalogs as tables; the tables themselves are empty.
struct Catalogs {
    catalog: Arc<Catalog>,
    moment: Arc<Moment>,
}

impl Source for Catalogs {
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        let rows = offtake_introspect::rows(&self.catalog, id, &|| self.moment.clone());
        rows.unwrap_or_default().iter().for_each(|row| f(row, 1));
        Ok(())
    }

    fn indexes(&self, _: CollectionId) -> Vec<Vec<usize>> {
        Vec::new()
    }

    fn lookup(
        &self,
        _: CollectionId,
        _: &[usize],
        _: &Row,
        _: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        None
    }
}

struct Fixture {
    source: Catalogs,
    relations: Relations,
    session: Session,
    functions: Functions,
}

impl Fixture {
    fn new() -> Fixture {
        let tables = tables();
        let catalog = Catalog::new("offtake", tables.clone(), [], 1);
        let moment = Arc::new(moment());
        let own = tables.iter().map(|table| Relation {
            id: CollectionId(table.oid.into()),
            schema: table.schema.clone(),
            name: table.name.clone(),
            columns: table.columns.clone(),
            key: Some(table.key.clone()),
            kind: RelationKind::Table,
            problem: None,
            indexes: Vec::new(),
        });
        let system = offtake_introspect::relations().into_iter().map(|relation| Relation {
            id: relation.id,
            schema: relation.schema.to_owned(),
            name: relation.name.to_owned(),
            columns: relation.columns,
            key: relation.key,
            kind: RelationKind::System,
            problem: None,
            indexes: Vec::new(),
        });
        let relations = Relations::new(own.chain(system).collect());
        let search_path = vec!["public".to_owned()];
        let moments = {
            let moment = moment.clone();
            Arc::new(move || moment.clone())
        };
        let functions = Functions::new(catalog.clone(), search_path.clone(), "offtake".to_owned(), moments);
        let session = Session {
            search_path: offtake_introspect::search_path(&search_path),
            now: Some(0),
            catalog: Some(Arc::new(functions.clone())),
            ..Session::default()
        };
        Fixture { source: Catalogs { catalog, moment }, relations, session, functions }
    }

    /// OIDs that differ from one server to another, by the names that stand for them.
    fn objects(&self) -> BTreeMap<String, String> {
        let catalog = &self.source.catalog;
        let shown = |schema: &str, name: &str| match schema {
            "public" => name.to_owned(),
            schema => format!("{schema}.{name}"),
        };
        let relations = catalog.relations.iter();
        let relations = relations.map(|relation| (shown(&relation.schema, &relation.name), relation.oid));
        let indexes = catalog
            .indexes
            .iter()
            .map(|index| (shown(&catalog.relations[index.relation].schema, &index.name), index.oid));
        let schemas = ["v1", "information_schema"];
        let schemas = schemas.map(|name| (format!("schema {name}"), catalog.schemas[name]));
        relations.chain(indexes).chain(schemas).map(|(name, oid)| (name, oid.to_string())).collect()
    }

    fn written(&self, ty: Type, datum: Datum<'_>) -> String {
        if let Datum::Int(number) = datum
            && let Some(name) = self.functions.shown(ty, number)
        {
            return name;
        }
        let mut written = String::new();
        text::write(ty, datum, &mut written);
        written
    }

    fn answer(&self, sql: &str, parameters: &[Option<String>], objects: &BTreeMap<String, String>) -> Value {
        let error = |code: &str, message: &str| serde_json::json!({"error": code, "message": message});
        let filled = |text: &str| {
            objects
                .iter()
                .fold(text.to_owned(), |text, (name, oid)| text.replace(&format!("{{{name}}}"), oid))
        };
        let sql = filled(sql);
        let query = match parse(&sql).map(|mut statements| statements.pop()) {
            Ok(Some(Statement::Query(query))) => query,
            Ok(other) => return error("0A000", &format!("{other:?}")),
            Err(refused) => return error(refused.sqlstate, &refused.message),
        };
        let plan = match plan_query(&query, &self.relations, &self.session, &[]) {
            Ok(plan) => plan,
            Err(refused) => return error(refused.sqlstate, &refused.message),
        };
        let values: Result<Vec<Row>, EvalError> = parameters
            .iter()
            .zip(&plan.parameters)
            .map(|(value, ty)| match value {
                None => Ok(Row::pack([Datum::Null])),
                Some(value) => {
                    if let Some(number) = self.functions.number(*ty, &filled(value)) {
                        return number.map(|number| Row::pack([Datum::Int(number)]));
                    }
                    let mut packer = RowPacker::new();
                    text::parse(*ty, &filled(value), &mut packer).unwrap();
                    Ok(packer.finish())
                }
            })
            .collect();
        let values = match values {
            Ok(values) => values,
            Err(failed) => return error(failed.code.as_str(), &failed.message),
        };
        let plan = if parameters.is_empty() { plan } else { plan.bind(&values).unwrap() };
        let rows = match evaluate(&plan.lir, &self.source) {
            Ok(rows) => plan.finish.apply(rows),
            Err(failed) => return error(failed.code.as_str(), &failed.message),
        };
        let names: BTreeMap<&String, &String> = objects.iter().map(|(name, oid)| (oid, name)).collect();
        let cell = |datum: Datum<'_>, ty: Type| {
            if datum.is_null() {
                return Value::Null;
            }
            let written = self.written(ty, datum);
            match names.get(&written) {
                Some(name) if ty.is_object() => Value::String(format!("<{name}>")),
                _ => Value::String(written),
            }
        };
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                let columns = plan.columns.iter();
                Value::Array(row.iter().zip(columns).map(|(datum, column)| cell(datum, column.ty)).collect())
            })
            .collect();
        let columns: Vec<&String> = plan.columns.iter().map(|column| &column.name).collect();
        let types: Vec<u32> = plan.columns.iter().map(|column| column.ty.oid()).collect();
        serde_json::json!({"columns": columns, "types": types, "rows": rows})
    }
}

/// The queries of a file: text and parameters.
fn queries(text: &str) -> Vec<(String, Vec<Option<String>>)> {
    let mut queries = Vec::new();
    let (mut lines, mut parameters) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match line.strip_prefix("--$") {
            _ if line == ";" => {
                queries.push((lines.join("\n"), std::mem::take(&mut parameters)));
                lines.clear();
            }
            Some(value) => parameters.push(Some(value.trim().to_owned()).filter(|value| value != "NULL")),
            None => lines.push(line),
        }
    }
    queries
}

/// The queries whose answers differ are those of `clients/known.txt`, by file and number: one that comes right is taken out of it, so that it
/// stays right. `BLESS=1` writes the list anew.
#[test]
fn clients_get_postgresqls_answers() {
    let fixture = Fixture::new();
    let objects = fixture.objects();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort();
    let known = fs::read_to_string(folder.join("known.txt")).unwrap();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    let mut different = BTreeSet::new();
    let mut report = String::new();
    for name in names {
        let text = fs::read_to_string(folder.join(format!("{name}.sql"))).unwrap();
        let golden: Vec<Value> =
            serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap();
        let queries = queries(&text);
        assert_eq!(queries.len(), golden.len(), "{name}: run generate.py");
        for (number, ((sql, parameters), expected)) in queries.iter().zip(golden).enumerate() {
            let got = fixture.answer(sql, parameters, &objects);
            if let Some(difference) = difference(sql, &expected, &got) {
                let id = format!("{name} {:03}", number + 1);
                if !known.contains(&id) {
                    writeln!(report, "--- {id}: {difference}\n{}\n", sql.trim()).unwrap();
                }
                different.insert(id);
            }
        }
    }
    if std::env::var_os("BLESS").is_some() {
        let list: Vec<String> = different.iter().cloned().collect();
        fs::write(folder.join("known.txt"), list.join("\n") + "\n").unwrap();
    }
    let right: Vec<&String> = known.difference(&different).collect();
    assert!(right.is_empty(), "these come right and are to be taken out of known.txt: {right:?}");
    assert!(report.is_empty(), "{report}");
}

/// What differs, if anything does. Rows are compared in order where the query has one.
fn difference(sql: &str, expected: &Value, got: &Value) -> Option<String> {
    if let Some(code) = expected.get("error") {
        return (got.get("error") != Some(code)).then(|| format!("{got} in place of {expected}"));
    }
    if got.get("error").is_some() {
        return Some(format!("{}: {}", got["error"], got["message"]));
    }
    if expected["columns"] != got["columns"] || expected["types"] != got["types"] {
        return Some(format!(
            "columns {} {} in place of {} {}",
            got["columns"], got["types"], expected["columns"], expected["types"]
        ));
    }
    let rows = |answer: &Value| -> Vec<String> {
        let mut rows: Vec<String> = answer["rows"].as_array().unwrap().iter().map(Value::to_string).collect();
        if !sql.to_lowercase().contains("order by") {
            rows.sort();
        }
        rows
    };
    let (theirs, ours) = (rows(expected), rows(got));
    // Of PostgreSQL's own objects there are fewer here: a query that lists them says so.
    let subset = sql.contains("-- subset");
    let missing: Vec<&String> = theirs.iter().filter(|row| !ours.contains(row)).take(3).collect();
    let extra: Vec<&String> = ours.iter().filter(|row| !theirs.contains(row)).take(3).collect();
    if subset && extra.is_empty() && !ours.is_empty() {
        return None;
    }
    if missing.is_empty() && extra.is_empty() {
        return (theirs != ours).then(|| format!("order or number: {ours:?} in place of {theirs:?}"));
    }
    Some(format!(
        "{} rows in place of {}; missing {missing:#?}; too many {extra:#?}",
        ours.len(),
        theirs.len()
    ))
}
