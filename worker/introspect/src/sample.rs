//! A small catalog for tests.

use std::sync::Arc;

use offtake_row::{Column, Type};

use crate::{Catalog, Client, Cursor, Kind, Moment, PreparedStatement, RelationInfo, Setting, Size};

pub fn catalog() -> Arc<Catalog> {
    let orders = RelationInfo {
        oid: 16_384,
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        kind: Kind::Table,
        columns: vec![
            Column::new("id", Type::Int8, false),
            Column::new("customer", Type::Int4, true),
            Column::new("Note", Type::Text, true),
            Column::new("price", Type::Numeric(Some((10, 2))), false),
            Column::new("code", Type::Varchar(Some(20)), true),
        ],
        key: vec![0],
        indexes: vec![vec![0]],
        definition: None,
        reads: Vec::new(),
        comment: None,
    };
    let totals = RelationInfo {
        oid: 16_385,
        schema: "public".to_owned(),
        name: "totals".to_owned(),
        kind: Kind::View,
        columns: vec![
            Column::new("customer", Type::Int4, true),
            Column::new("total", Type::Numeric(None), true),
        ],
        key: Vec::new(),
        indexes: vec![vec![0], vec![0, 1]],
        definition: Some("SELECT customer, sum(price) AS total FROM orders GROUP BY customer".to_owned()),
        reads: vec![16_384],
        comment: Some("a note".to_owned()),
    };
    let other = RelationInfo {
        oid: 16_386,
        schema: "v1".to_owned(),
        name: "orders".to_owned(),
        key: Vec::new(),
        indexes: Vec::new(),
        ..orders.clone()
    };
    Catalog::new("offtake", vec![orders, totals, other], ["alice".to_owned()], 7)
}

pub fn moment() -> Moment {
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        default: value.to_owned(),
        reset: value.to_owned(),
    };
    Moment {
        user: "offtake".to_owned(),
        pid: 1,
        clients: vec![
            Client {
                pid: 1,
                user: "offtake".to_owned(),
                address: "127.0.0.1:5".parse().ok(),
                ..Client::default()
            },
            Client { pid: 2, user: "alice".to_owned(), query: "SELECT 1".to_owned(), ..Client::default() },
        ],
        settings: vec![
            setting("work_mem", "4MB"),
            setting("DateStyle", "ISO, MDY"),
            setting("offtake.lsn", ""),
        ],
        statements: vec![PreparedStatement { parameters: vec![23, 25], ..PreparedStatement::default() }],
        cursors: vec![Cursor::default()],
        sizes: [(16_384, Size { rows: Some(3), bytes: Some(1000) })].into(),
        ..Moment::default()
    }
}
