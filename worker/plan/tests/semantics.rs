//! Ad-hoc queries and views, planned and evaluated over small tables, against what PostgreSQL answers (`semantics/golden.json`).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{collections::BTreeMap, fmt::Write as _};

use offtake_lir::{CollectionId, EvalError, Source, evaluate};
use offtake_plan::{Relation, RelationKind, Relations, Session, Statement, parse, plan_query, plan_view};
use offtake_row::{Column, Row, RowPacker, Type, text};
use serde_json::Value;

const GOLDEN: &str = include_str!("semantics/golden.json");

/// Queries that PostgreSQL answers and Offtake refuses (so far).
const REFUSED: &[&str] = &["SELECT id::nosuchtype FROM customers"];

struct Memory(BTreeMap<CollectionId, Vec<Row>>);

impl Source for Memory {
    fn scan(&self, id: CollectionId, f: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
        self.0.get(&id).into_iter().flatten().for_each(|row| f(row, 1));
        Ok(())
    }

    fn indexes(&self, _id: CollectionId) -> Vec<Vec<usize>> {
        Vec::new()
    }

    fn lookup(
        &self,
        _id: CollectionId,
        _columns: &[usize],
        _key: &Row,
        _f: &mut dyn FnMut(&Row, i64),
    ) -> Option<Result<(), EvalError>> {
        None
    }
}

fn world(golden: &Value) -> (Relations, Memory) {
    let mut relations = Vec::new();
    let mut rows = BTreeMap::new();
    for (number, table) in golden["tables"].as_array().unwrap().iter().enumerate() {
        let id = CollectionId(number as u64 + 1);
        let columns: Vec<Column> = table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let (oid, typmod) = (column["oid"].as_u64().unwrap(), column["typmod"].as_i64().unwrap());
                let ty = Type::from_oid(oid as u32, typmod as i32).unwrap();
                Column::new(column["name"].as_str().unwrap(), ty, column["nullable"].as_bool().unwrap())
            })
            .collect();
        let mut packed = Vec::new();
        for row in table["rows"].as_array().unwrap() {
            let mut packer = RowPacker::new();
            for (cell, column) in row.as_array().unwrap().iter().zip(&columns) {
                match cell.as_str() {
                    Some(written) => text::parse(column.ty, written, &mut packer).unwrap(),
                    None => packer.push(offtake_row::Datum::Null),
                }
            }
            packed.push(packer.finish());
        }
        rows.insert(id, packed);
        let key = table["key"].as_array();
        relations.push(Relation {
            id,
            schema: table["schema"].as_str().unwrap().to_owned(),
            name: table["name"].as_str().unwrap().to_owned(),
            columns,
            key: key.map(|key| key.iter().map(|position| position.as_u64().unwrap() as usize).collect()),
            kind: RelationKind::Table,
            problem: None,
            indexes: Vec::new(),
        });
    }
    (Relations::new(relations), Memory(rows))
}

fn session() -> Session {
    Session { backend_pid: 7, now: Some(0), ..Session::default() }
}

#[derive(Debug, PartialEq)]
enum Answer {
    Rows { columns: Vec<(String, String)>, rows: Vec<Vec<Option<String>>> },
    Error(String),
}

fn printed(columns: &[Column], rows: Vec<Row>) -> Answer {
    let print = |row: Row| {
        let cells = row.unpack().into_iter().zip(columns).map(|(datum, column)| {
            (!datum.is_null()).then(|| {
                let mut cell = String::new();
                text::write(column.ty, datum, &mut cell);
                // psql prints what the wire carries; booleans as t and f, char(n) with its blanks.
                cell
            })
        });
        cells.collect()
    };
    let rows = rows.into_iter().map(print).collect();
    Answer::Rows {
        columns: columns.iter().map(|column| (column.name.clone(), column.ty.to_string())).collect(),
        rows,
    }
}

fn ask(sql: &str, relations: &Relations, source: &Memory) -> Answer {
    let query = match parse(sql) {
        Ok(statements) => match statements.as_slice() {
            [Statement::Query(query)] => query.clone(),
            other => panic!("{sql}: {other:?}"),
        },
        Err(error) => return Answer::Error(error.sqlstate.to_owned()),
    };
    let plan = match plan_query(&query, relations, &session(), &[]) {
        Ok(plan) => plan,
        Err(error) => return Answer::Error(error.sqlstate.to_owned()),
    };
    match evaluate(&plan.lir, source) {
        Ok(rows) => printed(&plan.columns, plan.finish.apply(rows)),
        Err(error) => Answer::Error(error.code.as_str().to_owned()),
    }
}

fn expected(query: &Value) -> Answer {
    if let Some(state) = query["error"].as_str() {
        return Answer::Error(state.to_owned());
    }
    let field = |column: &Value, name: &str| column[name].as_str().unwrap().to_owned();
    let columns = query["columns"].as_array().unwrap();
    let rows = query["rows"].as_array().unwrap().iter();
    let rows =
        rows.map(|row| row.as_array().unwrap().iter().map(|cell| cell.as_str().map(str::to_owned)).collect());
    Answer::Rows {
        columns: columns.iter().map(|column| (field(column, "name"), field(column, "type"))).collect(),
        rows: rows.collect(),
    }
}

fn unordered(mut answer: Answer) -> Answer {
    if let Answer::Rows { rows, .. } = &mut answer {
        rows.sort();
    }
    answer
}

#[test]
fn answers_are_postgres_own() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (relations, source) = world(&golden);
    let mut differences = String::new();
    let queries = golden["queries"].as_array().unwrap();
    assert!(queries.len() > 150);
    for query in queries {
        let sql = query["sql"].as_str().unwrap();
        let mut ours = ask(sql, &relations, &source);
        let mut theirs = expected(query);
        if !sql.contains("ORDER BY") {
            (ours, theirs) = (unordered(ours), unordered(theirs));
        }
        if REFUSED.contains(&sql) {
            theirs = Answer::Error("0A000".to_owned());
        }
        if ours != theirs {
            writeln!(differences, "{sql}\n  ours:   {ours:?}\n  theirs: {theirs:?}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn views_answer_as_queries_do() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (relations, source) = world(&golden);
    let mut planned = 0;
    for query in golden["queries"].as_array().unwrap() {
        let sql = query["sql"].as_str().unwrap();
        let Ok(view) = plan_view(sql, &relations) else { continue };
        planned += 1;
        let ours = match evaluate(&view.lir, &source) {
            Ok(rows) => {
                let finish = offtake_lir::Finish::all(view.columns.len());
                // Columns that only the ad-hoc query sorts by are not the view's.
                let rows = finish.apply(rows);
                assert!(rows.iter().all(|row| row.unpack().len() >= view.columns.len()), "{sql}");
                unordered(printed(&view.columns, rows))
            }
            Err(error) => Answer::Error(error.code.as_str().to_owned()),
        };
        assert_eq!(ours, unordered(expected(query)), "{sql}");
        if let Some(key) = &view.key {
            assert!(key.iter().all(|position| *position < view.columns.len()), "{sql}: {key:?}");
        }
    }
    assert!(planned > 80, "{planned} views were planned");
}
