//! Golden plans: what a view's plan looks like (`plans/*.txt`). `BLESS=1 cargo test` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{fs, path::Path};

use offtake_lir::CollectionId;
use offtake_plan::{Relation, RelationKind, Relations, Session, Statement, parse, plan_query, plan_view};
use offtake_row::{Column, Type};

fn relation(id: u64, name: &str, columns: &[(&str, Type)], key: Option<&[usize]>) -> Relation {
    Relation {
        id: CollectionId(id),
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|(name, ty)| Column::new(*name, *ty, true)).collect(),
        key: key.map(<[usize]>::to_vec),
        kind: RelationKind::Table,
        problem: None,
        indexes: Vec::new(),
    }
}

fn shop() -> Relations {
    use Type::{Bool, Int4, Int8, Numeric, Text, Timestamptz};
    let money = Numeric(Some((12, 2)));
    Relations::new(vec![
        relation(
            1,
            "customers",
            &[("id", Int8), ("name", Text), ("region", Text), ("vip", Bool)],
            Some(&[0]),
        ),
        relation(2, "products", &[("id", Int8), ("name", Text), ("price", money)], Some(&[0])),
        relation(
            3,
            "orders",
            &[("id", Int8), ("customer_id", Int8), ("status", Text), ("placed_at", Timestamptz)],
            Some(&[0]),
        ),
        relation(
            4,
            "lines",
            &[("order_id", Int8), ("n", Int4), ("product_id", Int4), ("quantity", Int4), ("price", money)],
            Some(&[0, 1]),
        ),
    ])
}

#[test]
fn plans_are_the_golden_ones() {
    let relations = shop();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let text = fs::read_to_string(folder.join("views.txt")).unwrap();
    let bless = std::env::var_os("BLESS").is_some();
    let mut written = String::new();
    let mut views = 0;
    for case in text.split("\n\n").map(str::trim).filter(|case| !case.is_empty()) {
        let sql = case.split("\n--").next().unwrap().trim();
        let plan =
            plan_view(sql, &relations).unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.hint));
        let key = plan.key.as_ref().map_or_else(|| "none".to_owned(), |key| format!("{key:?}"));
        written.push_str(&format!("{sql}\n-- key {key}\n{}\n\n", plan.explain().trim_end()));
        let again = plan_view(sql, &relations).unwrap();
        assert_eq!(plan.lir, again.lir, "the same query gives the same plan");
        views += 1;
    }
    assert!(views >= 12);
    if bless {
        fs::write(folder.join("views.txt"), &written).unwrap();
    }
    assert_eq!(written, text);
}

#[test]
fn finish_is_explained() {
    let statements = parse("SELECT name FROM customers ORDER BY vip DESC, name LIMIT 3 OFFSET 1").unwrap();
    let [Statement::Query(query)] = statements.as_slice() else { panic!("{statements:?}") };
    let plan = plan_query(query, &shop(), &Session::default(), &[]).unwrap();
    let text = plan.explain();
    assert!(text.starts_with("Finish order by #1 desc, #0 limit 3 offset 1\n"), "{text}");
    assert!(text.contains("public.customers"), "{text}");
}
