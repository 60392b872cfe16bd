//! `PUT /v1/catalog`: reads a catalog and says which of its fields are wrong, all of them at once.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use offtake_contract::{Catalog, Source, Table, View};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::{App, refuse};
use crate::config::{FieldProblem, PutCatalog};

/// PostgreSQL cuts longer names off; clients could not name the relation.
const LONGEST_NAME: usize = 63;

pub async fn put(
    extract::State(app): extract::State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, super::Refused> {
    app.authorize(&headers)?;
    let Some(catalogs) = &app.state.catalog else {
        return Ok(refuse(
            StatusCode::FORBIDDEN,
            "this worker takes its catalog from a folder of manifests, not over HTTP",
            "Edit the manifests, or start it with `offtake worker`.",
        ));
    };
    let catalog = match read(&body) {
        Ok(catalog) => catalog,
        Err(problems) => return Ok(wrong(&problems)),
    };
    let generation = catalog.generation;
    let (answer, answered) = oneshot::channel();
    let stopping = || refuse(StatusCode::SERVICE_UNAVAILABLE, "the worker is stopping", "Try again.");
    if catalogs.send(PutCatalog { catalog, answer }).await.is_err() {
        return Ok(stopping());
    }
    Ok(match answered.await {
        Ok(Ok(())) => Json(json!({ "generation": generation })).into_response(),
        Ok(Err(refused)) => wrong(&refused.problems),
        Err(_) => stopping(),
    })
}

fn wrong(problems: &[FieldProblem]) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "errors": problems }))).into_response()
}

/// Reads and checks a catalog's shape. Messages repeat names, never values that could be secret.
pub fn read(body: &[u8]) -> Result<Catalog, Vec<FieldProblem>> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| vec![FieldProblem::new("", format!("the body is not JSON: {error}"))])?;
    let Value::Object(mut object) = value else {
        return Err(vec![FieldProblem::new("", "the body must be a JSON object")]);
    };
    let mut problems = Vec::new();
    let generation: Option<u64> = field(&mut object, "generation", &mut problems);
    let source: Option<Source> = field(&mut object, "source", &mut problems);
    let tables: Vec<Table> = list(&mut object, "tables", &mut problems);
    let views: Vec<View> = list(&mut object, "views", &mut problems);
    for unknown in object.keys() {
        problems.push(FieldProblem::new(
            unknown.clone(),
            "unknown field; a catalog has generation, source, tables and views",
        ));
    }
    let (Some(generation), Some(source), true) = (generation, source, problems.is_empty()) else {
        return Err(problems);
    };
    let catalog = Catalog { generation, source, tables, views };
    check(&catalog, &mut problems);
    if problems.is_empty() { Ok(catalog) } else { Err(problems) }
}

fn field<T: DeserializeOwned>(
    object: &mut Map<String, Value>,
    name: &str,
    problems: &mut Vec<FieldProblem>,
) -> Option<T> {
    let Some(value) = object.remove(name) else {
        problems.push(FieldProblem::new(name, "this field is missing"));
        return None;
    };
    parse(name.to_owned(), value, problems)
}

fn list<T: DeserializeOwned>(
    object: &mut Map<String, Value>,
    name: &str,
    problems: &mut Vec<FieldProblem>,
) -> Vec<T> {
    let values: Vec<Value> = field(object, name, problems).unwrap_or_default();
    values
        .into_iter()
        .enumerate()
        .filter_map(|(index, value)| parse(format!("{name}[{index}]"), value, problems))
        .collect()
}

fn parse<T: DeserializeOwned>(path: String, value: Value, problems: &mut Vec<FieldProblem>) -> Option<T> {
    match serde_json::from_value(value) {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let text = error.to_string();
            // serde names a missing or unknown field in backticks, and shows a value of the wrong type, which could be a secret.
            let (path, message) = match text.split('`').nth(1) {
                Some(name) if text.starts_with("missing field") => {
                    (format!("{path}.{name}"), "this field is missing".to_owned())
                }
                Some(name) if text.starts_with("unknown field") => {
                    (format!("{path}.{name}"), format!("unknown field{}", after_comma(&text)))
                }
                _ if text.starts_with("invalid type") => {
                    (path, format!("a value has the wrong type{}", after_comma(&text)))
                }
                _ => (path, text),
            };
            problems.push(FieldProblem::new(path, message));
            None
        }
    }
}

fn after_comma(text: &str) -> &str {
    text.rfind(", expected").map_or("", |at| &text[at..])
}

fn check(catalog: &Catalog, problems: &mut Vec<FieldProblem>) {
    let mut wrong = |field: String, message: String| problems.push(FieldProblem::new(field, message));
    let slot = &catalog.source.slot;
    let slot_bytes = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if slot.is_empty() || slot.len() > LONGEST_NAME || !slot.bytes().all(slot_bytes) {
        wrong("source.slot".to_owned(), format!("\"{slot}\" is no slot name: 1 to 63 of a-z, 0-9 and _"));
    }
    for (name, value) in [
        ("source.object", &catalog.source.object),
        ("source.publication", &catalog.source.publication),
        ("source.connection.host", &catalog.source.connection.host),
        ("source.connection.database", &catalog.source.connection.database),
        ("source.connection.user", &catalog.source.connection.user),
    ] {
        if value.is_empty() {
            wrong(name.to_owned(), "must not be empty".to_owned());
        }
    }
    if catalog.source.connection.port == 0 {
        wrong("source.connection.port".to_owned(), "must be 1 to 65535".to_owned());
    }

    let tables = catalog
        .tables
        .iter()
        .enumerate()
        .map(|(index, table)| (format!("tables[{index}]"), &table.object, &table.schema, &table.name));
    let views = catalog
        .views
        .iter()
        .enumerate()
        .map(|(index, view)| (format!("views[{index}]"), &view.object, &view.schema, &view.name));
    let mut relations = BTreeMap::new();
    let mut objects = BTreeMap::new();
    for (path, object, schema, name) in tables.chain(views) {
        for (field, value) in [("schema", schema), ("name", name)] {
            if value.is_empty() || value.len() > LONGEST_NAME || value.contains('\0') {
                wrong(format!("{path}.{field}"), format!("\"{value}\" is no SQL name: 1 to 63 bytes"));
            }
        }
        if [crate::system::SCHEMA, "pg_catalog", "information_schema"].contains(&schema.as_str())
            || schema.starts_with("pg_")
        {
            wrong(
                format!("{path}.schema"),
                format!("the schema \"{schema}\" is reserved: choose another one"),
            );
        }
        if let Some(first) = relations.insert((schema, name), path.clone()) {
            wrong(
                format!("{path}.name"),
                format!("{schema}.{name} is taken by {first}: one name, one relation"),
            );
        }
        let kind = path.split('[').next().unwrap_or_default().to_owned();
        if let Some(first) = objects.insert((kind, object), path.clone()) {
            wrong(format!("{path}.object"), format!("\"{object}\" is the identity of {first}, too"));
        }
    }
    for (index, table) in catalog.tables.iter().enumerate() {
        for (field, value) in
            [("upstreamSchema", &table.upstream_schema), ("upstreamTable", &table.upstream_table)]
        {
            if value.is_empty() {
                wrong(format!("tables[{index}].{field}"), "must not be empty".to_owned());
            }
        }
        for column in table.text_columns.iter().filter(|column| table.exclude_columns.contains(column)) {
            wrong(
                format!("tables[{index}].textColumns"),
                format!("\"{column}\" is excluded, too: name it in one list"),
            );
        }
    }
    for (index, view) in catalog.views.iter().enumerate() {
        if view.query.trim().is_empty() {
            wrong(format!("views[{index}].query"), "must not be empty".to_owned());
        }
        for (at, columns) in view.indexes.iter().enumerate() {
            if columns.is_empty() {
                wrong(format!("views[{index}].indexes[{at}]"), "must name a column".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        json!({
            "generation": 3,
            "source": {"object": "default/shop", "publication": "shop", "slot": "offtake_shop", "onLost": "Stop",
                "connection": {"object": "default/pg", "host": "db", "port": 5432, "database": "shop", "user": "u", "password": "s3cret",
                    "tls": {"mode": "Disable", "ca": null, "clientCertificate": null, "clientKey": null}}},
            "tables": [{"object": "default/orders", "upstreamSchema": "public", "upstreamTable": "orders", "schema": "public",
                "name": "orders", "excludeColumns": [], "textColumns": []}],
            "views": [{"object": "default/v", "schema": "public", "name": "v", "query": "SELECT 1", "indexes": []}]
        })
    }

    fn fields(value: &Value) -> Vec<String> {
        read(value.to_string().as_bytes())
            .expect_err("is wrong")
            .into_iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect()
    }

    #[test]
    fn every_wrong_field_is_named_and_no_secret_is_repeated() {
        assert_eq!(read(sample().to_string().as_bytes()).map(|catalog| catalog.generation), Ok(3));

        let mut value = sample();
        value["tables"][0].as_object_mut().expect("is one").remove("name");
        value["views"][0]["extra"] = json!(1);
        value["more"] = json!(1);
        let found = fields(&value);
        assert!(found.contains(&"tables[0].name: this field is missing".to_owned()), "{found:?}");
        assert!(
            found.iter().any(|field| field.starts_with("views[0].extra: unknown field, expected one of")),
            "{found:?}"
        );
        assert!(found.iter().any(|field| field.starts_with("more: ")), "{found:?}");

        let mut value = sample();
        value["source"]["slot"] = json!("Shop-1");
        value["views"][0]["name"] = json!("orders");
        value["tables"][0]["schema"] = json!("offtake");
        let found = fields(&value);
        assert!(found[0].starts_with("source.slot: \"Shop-1\""), "{found:?}");
        assert!(found.iter().any(|field| field.starts_with("tables[0].schema")), "{found:?}");

        let mut value = sample();
        value["source"]["connection"]["port"] = json!("s3cret");
        assert!(!fields(&value).concat().contains("s3cret"));
        assert_eq!(fields(&json!([])), [": the body must be a JSON object"]);
    }
}
