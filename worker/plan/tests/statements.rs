//! Splitting and reading statements, parameters, refusals with their remedies, and SQL text that is none.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use offtake_lir::{CollectionId, EvalError, Source, evaluate};
use offtake_plan::{
    Explained, FetchCount, PlanError, Query, Relation, RelationKind, Relations, Session, Statement, parse,
    plan_query, plan_view,
};
use offtake_row::{Column, Datum, Row, Type};

fn relations() -> Relations {
    let relation = |id, schema: &str, name: &str, kind| Relation {
        id: CollectionId(id),
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: vec![
            Column::new("id", Type::Int8, false),
            Column::new("name", Type::Text, true),
            Column::new("total", Type::Numeric(Some((12, 2))), true),
            Column::new("placed", Type::Timestamptz, true),
        ],
        key: Some(vec![0]),
        kind,
        problem: None,
        indexes: vec![vec![0]],
    };
    Relations::new(vec![
        relation(1, "public", "orders", RelationKind::Table),
        relation(2, "v2", "orders", RelationKind::Table),
        relation(3, "offtake", "tables", RelationKind::System),
    ])
}

fn query(sql: &str) -> Result<Query, PlanError> {
    match parse(sql)?.pop() {
        Some(Statement::Query(query)) => Ok(query),
        other => panic!("{sql}: {other:?}"),
    }
}

fn refused(sql: &str) -> PlanError {
    let planned = query(sql).and_then(|query| plan_query(&query, &relations(), &Session::default(), &[]));
    planned.err().unwrap_or_else(|| panic!("{sql} was planned"))
}

fn parameters(sql: &str) -> Vec<Type> {
    plan_query(&query(sql).unwrap(), &relations(), &Session::default(), &[]).unwrap().parameters
}

struct Empty;

impl Source for Empty {
    fn scan(&self, _: CollectionId, _: &mut dyn FnMut(&Row, i64)) -> Result<(), EvalError> {
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

#[test]
fn statements_are_told_apart() {
    let said = |sql: &str| format!("{:?}", parse(sql).unwrap());
    assert_eq!(parse("").unwrap().len(), 0);
    assert_eq!(parse(" ; ;-- nothing\n").unwrap().len(), 0);
    assert_eq!(parse("SELECT 1; SELECT ';' ; /* ; */ SHOW ALL").unwrap().len(), 3);
    assert_eq!(said("SHOW offtake.lsn"), r#"[Show("offtake.lsn")]"#);
    assert_eq!(said("show transaction isolation level"), r#"[Show("transaction_isolation")]"#);
    assert_eq!(said("SHOW TIME ZONE"), r#"[Show("timezone")]"#);
    assert_eq!(
        said("SET offtake.lsn = '0/16B3748'"),
        r#"[Set { name: "offtake.lsn", value: Some("0/16B3748"), local: false }]"#
    );
    assert_eq!(
        said("SET LOCAL search_path TO v2, \"Public\""),
        r#"[Set { name: "search_path", value: Some("v2, Public"), local: true }]"#
    );
    assert_eq!(
        said("SET SESSION extra_float_digits = -3"),
        r#"[Set { name: "extra_float_digits", value: Some("-3"), local: false }]"#
    );
    assert_eq!(said("SET x TO DEFAULT"), r#"[Set { name: "x", value: None, local: false }]"#);
    assert_eq!(
        said("SET TIME ZONE 'UTC'"),
        r#"[Set { name: "timezone", value: Some("UTC"), local: false }]"#
    );
    assert_eq!(
        said("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ"),
        r#"[SetTransaction { modes: ["read only", "isolation level repeatable read"], session: true }]"#
    );
    assert_eq!(said("RESET ALL; RESET DateStyle"), r#"[ResetAll, Reset("datestyle")]"#);
    assert_eq!(
        said("START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY"),
        r#"[Begin { modes: ["isolation level serializable", "read only"] }]"#
    );
    assert_eq!(said("BEGIN; END; ABORT; COMMIT WORK"), "[Begin { modes: [] }, Commit, Rollback, Commit]");
    assert_eq!(
        said("SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a"),
        r#"[Savepoint("a"), RollbackToSavepoint("a"), ReleaseSavepoint("a")]"#
    );
    assert_eq!(
        said("DISCARD ALL; DEALLOCATE ALL; DEALLOCATE p"),
        r#"[Discard("all"), Deallocate(None), Deallocate(Some("p"))]"#
    );
    assert_eq!(said("INSERT INTO t VALUES (1)"), r#"[Write { verb: "INSERT" }]"#);
    assert_eq!(said("CREATE OR REPLACE VIEW v AS SELECT 1"), r#"[Write { verb: "CREATE VIEW" }]"#);
    assert_eq!(said("drop table t"), r#"[Write { verb: "DROP TABLE" }]"#);
    assert_eq!(said("COPY t FROM STDIN"), r#"[Write { verb: "COPY FROM" }]"#);
    assert_eq!(said("LISTEN x"), r#"[Unsupported { what: "LISTEN" }]"#);
    assert!(matches!(
        parse("FETCH FORWARD 10 FROM c").unwrap().as_slice(),
        [Statement::Fetch { count: FetchCount::Forward(10), .. }]
    ));
    assert!(matches!(
        parse("DECLARE c CURSOR WITH HOLD FOR SELECT 1").unwrap().as_slice(),
        [Statement::Declare { hold: true, .. }]
    ));
    for sql in ["EXPLAIN VIEW v2.by_region", "EXPLAIN v2.by_region", "explain (costs off) v2.by_region"] {
        match parse(sql).unwrap().as_slice() {
            [Statement::Explain(Explained::Relation { schema: Some(schema), name })] => {
                assert_eq!((schema.as_str(), name.as_str()), ("v2", "by_region"));
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    for sql in ["EXPLAIN SELECT 1", "EXPLAIN (VERBOSE, FORMAT text) SELECT 1", "EXPLAIN (SELECT 1)"] {
        assert!(matches!(parse(sql).unwrap().as_slice(), [Statement::Explain(Explained::Query(_))]), "{sql}");
    }
}

#[test]
fn queries_tell_what_they_mention() {
    let query = query(
        "WITH w AS (SELECT * FROM a) SELECT count(*), pg_catalog.Format_Type(1, $3) FROM w JOIN pg_catalog.pg_class c ON $1 = c.x \
         WHERE EXISTS (SELECT 1 FROM \"B\")",
    )
    .unwrap();
    assert_eq!(query.parameter_count(), 3);
    let statements = parse("BEGIN;  SELECT 'ö' ;COMMIT").unwrap();
    let Statement::Query(second) = &statements[1] else { panic!() };
    assert_eq!(second.sql(), "SELECT 'ö'");
}

#[test]
fn parameters_take_their_types_from_use() {
    assert_eq!(parameters("SELECT * FROM orders WHERE id = $1"), [Type::Int8]);
    assert_eq!(
        parameters("SELECT * FROM orders WHERE total > $1 AND name LIKE $2"),
        [Type::Numeric(None), Type::Text]
    );
    assert_eq!(parameters("SELECT $1"), [Type::Text]);
    assert_eq!(parameters("SELECT $1::int + $2"), [Type::Int4, Type::Int4]);
    assert_eq!(parameters("SELECT * FROM orders WHERE id IN ($1, $2)"), [Type::Int8, Type::Int8]);
    assert_eq!(parameters("SELECT id FROM orders WHERE placed BETWEEN $1 AND $2"), [Type::Timestamptz; 2]);
    assert_eq!(parameters("SELECT id FROM orders LIMIT $1 OFFSET $2"), [Type::Int8, Type::Int8]);
    assert_eq!(parameters("SELECT coalesce($1, 1), CASE WHEN $2 THEN 1 END"), [Type::Int4, Type::Bool]);
    assert_eq!(parameters("SELECT 1 UNION SELECT $1"), [Type::Int4]);
    assert_eq!(parameters("SELECT id FROM orders WHERE $1 IS NULL OR id = 1"), [Type::Text]);
    assert_eq!(refused("SELECT $2").sqlstate, "42P18");
    let declared =
        plan_query(&query("SELECT $1").unwrap(), &relations(), &Session::default(), &[Some(Type::Date)])
            .unwrap();
    assert_eq!(
        (declared.parameters.as_slice(), declared.columns[0].ty),
        ([Type::Date].as_slice(), Type::Date)
    );
}

#[test]
fn bound_plans_run() {
    let plan =
        plan_query(&query("SELECT $1 + 1 AS n LIMIT $2").unwrap(), &relations(), &Session::default(), &[])
            .unwrap();
    let row = |value| Row::pack([Datum::Int(value)]);
    let bound = plan.bind(&[row(41), row(1)]).unwrap();
    let rows = bound.finish.apply(evaluate(&bound.lir, &Empty).unwrap());
    assert_eq!(rows, [row(42)]);
    assert_eq!(plan.bind(&[row(1)]).unwrap_err().sqlstate, "08P01");
    assert_eq!(plan.bind(&[row(1), row(-1)]).unwrap_err().sqlstate, "2201W");
    let all = plan.bind(&[row(1), Row::pack([Datum::Null])]).unwrap();
    assert_eq!(all.finish.limit, None);
}

#[test]
fn names_are_found_by_the_search_path() {
    let session = Session { search_path: vec!["v2".to_owned(), "public".to_owned()], ..Session::default() };
    let plan = plan_query(&query("SELECT id FROM orders").unwrap(), &relations(), &session, &[]).unwrap();
    assert_eq!(plan.depends_on.into_iter().collect::<Vec<_>>(), [CollectionId(2)]);
    let error = refused("SELECT * FROM order_lines");
    assert_eq!((error.sqlstate, error.position), ("42P01", Some(15)));
    let session = Session { search_path: vec![], ..Session::default() };
    let error =
        plan_query(&query("SELECT id FROM orders").unwrap(), &relations(), &session, &[]).unwrap_err();
    assert!(error.hint.unwrap().contains("public.orders and v2.orders"));
}

/// The one value that a query without tables answers.
fn text_of(sql: &str) -> String {
    let plan = plan_query(&query(sql).unwrap(), &relations(), &Session::default(), &[]).unwrap();
    assert_eq!(plan.columns.len(), 1, "{sql}");
    let rows = plan.finish.apply(evaluate(&plan.lir, &Empty).unwrap());
    match rows.as_slice() {
        [row] => match row.datum(0) {
            Datum::Text(text) => text.to_owned(),
            other => panic!("{sql}: {other:?}"),
        },
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn a_string_goes_on_after_a_new_line() {
    assert_eq!(text_of("SELECT 'foo'\n  'bar'"), "foobar");
    assert_eq!(text_of("SELECT 'a' -- and\n\t'b'\n-- so on\n\n'''c' || 'd'"), "ab'cd");
    assert_eq!(text_of("SELECT N'a'\n'b' AS x WHERE 'x'\n'y' = 'xy'"), "ab");
    for sql in [
        "SELECT 'a' 'b'",
        "SELECT 'a' /* \n */ 'b'",
        "SELECT 'a'\n/* */ 'b'",
        "SELECT 'a' AS\n'b'",
        "SELECT E'a'\n'b'",
        "SELECT 'a'\nE'b'",
        "SELECT id FROM orders 'o'",
    ] {
        let error = refused(sql);
        assert_eq!(error.sqlstate, "42601", "{sql}: {error}");
        assert!(error.message.starts_with("syntax error at or near"), "{sql}: {error}");
    }
    // A position after a string of two lines, and after a sign that its operator was cut from.
    assert_eq!(refused("SELECT 'a'\n'b', nosuch").position, Some(17));
    assert_eq!(refused("SELECT 1>-nosuch").position, Some(11));
    // The tokenizer reads an operator where a comment begins.
    assert_eq!(refused("SELECT 1 >-- 2\n 3").sqlstate, "42601");
}

#[test]
fn errors_have_positions() {
    for (sql, position, message) in [
        ("SELECT id, nosuch FROM orders", 12, "column \"nosuch\" does not exist"),
        ("SELECT 'ö', x.id\n  FROM orders", 13, "missing FROM-clause entry for table \"x\""),
        ("BEGIN; SELECT nosuch FROM orders", 15, "column \"nosuch\" does not exist"),
        ("SELECT id FROM orders WHERE sum(id) > 1", 29, "aggregate functions are not allowed in WHERE"),
    ] {
        let error = refused(sql);
        assert_eq!((error.position, error.message.as_str()), (Some(position), message), "{sql}");
    }
    let error = parse("SELECT 1 WHERE ) x").unwrap_err();
    assert_eq!((error.sqlstate, error.position), ("42601", Some(16)), "{error}");
    assert_eq!(error.message, "syntax error at or near \")\"");
    let error = parse("SELECT 1; SELEC 2").unwrap_err();
    assert_eq!((error.message.as_str(), error.position), ("syntax error at or near \"SELEC\"", Some(11)));
    assert_eq!(parse("SELECT 'abc").unwrap_err().position, Some(8));
}

#[test]
fn what_is_not_kept_is_refused_by_name() {
    for (sql, what, remedy) in [
        (
            "SELECT a.id FROM orders a LEFT JOIN orders b ON a.id = (SELECT max(id) FROM orders c WHERE c.id = b.id)",
            "subquery",
            "FROM",
        ),
        ("SELECT (SELECT sum(o.id)) FROM orders o", "outer query", "outer query"),
        ("SELECT random()", "random", "upstream"),
        ("SELECT now()", "now", "literal"),
        ("SELECT name COLLATE \"de_DE\" FROM orders", "collation", "bytewise"),
        ("SELECT o FROM orders o", "whole row", "o.*"),
        ("SELECT placed::timestamp(0) FROM orders", "timestamp", "date_trunc"),
    ] {
        let error = refused(sql);
        let all = format!("{} {}", error.message, error.hint.as_deref().unwrap_or_default());
        assert_eq!(error.sqlstate, "0A000", "{sql}: {all}");
        assert!(all.contains(what) && all.contains(remedy), "{sql}: {all}");
    }
}

#[test]
fn views_refuse_what_has_a_session() {
    for (sql, what) in [
        ("SELECT id FROM orders WHERE placed > now()", "now"),
        ("SELECT current_user", "current_user"),
        ("SELECT * FROM offtake.tables", "offtake.tables"),
        ("SELECT id, id FROM orders", "more than once"),
        ("SELECT id FROM orders WHERE id = $1", "parameter"),
        ("INSERT INTO orders VALUES (1)", "INSERT"),
        ("", "empty"),
        ("SELECT 1; SELECT 2", "several"),
    ] {
        let error = plan_view(sql, &relations()).unwrap_err();
        assert!(error.message.contains(what), "{sql}: {error}");
        assert!(error.hint.is_some() || error.sqlstate == "42601", "{sql}: {error}");
    }
    assert!(
        plan_view("SELECT id FROM orders ORDER BY name", &relations()).is_ok(),
        "an order means nothing in a view"
    );
    let plan = plan_query(
        &query("SELECT count(*) FROM offtake.tables").unwrap(),
        &relations(),
        &Session::default(),
        &[],
    );
    assert!(plan.is_ok());
}

#[test]
fn no_text_makes_the_planner_panic() {
    let relations = relations();
    let seeds = [
        "WITH w AS (SELECT id, count(*) FILTER (WHERE total > 1.5) AS n FROM public.orders o GROUP BY 1 HAVING max(name) LIKE 'a%' \
         ESCAPE '!') SELECT DISTINCT w.n, CASE WHEN w.id IN (1, $1) THEN extract(year FROM date '2024-01-01') ELSE -2 ^ 2 END FROM w \
         JOIN orders USING (id) UNION ALL SELECT 1, coalesce(NULL, 2)::numeric(4,1) ORDER BY 2 DESC NULLS LAST LIMIT 5 OFFSET $2",
        "SET LOCAL a.b TO 'x', 1; EXPLAIN (VERBOSE) SELECT trim(leading from name), substring(name from 2 for 1) FROM orders",
        "DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR VALUES (1, 'x'), (NULL, E'\\n'); FETCH 3 FROM c; CLOSE ALL",
    ];
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let mut texts: Vec<String> = Vec::new();
    for seed in seeds {
        let words: Vec<&str> = seed.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
        for _ in 0..150 {
            let characters: Vec<char> = seed.chars().collect();
            texts.push(characters[..next(characters.len())].iter().collect());
            texts.push(characters[next(characters.len())..].iter().collect());
            let mut garbled = words.clone();
            for _ in 0..=next(4) {
                let (a, b) = (next(garbled.len()), next(garbled.len()));
                match next(3) {
                    0 => garbled.swap(a, b),
                    1 => drop(garbled.remove(a)),
                    _ => garbled.insert(a, words[b % words.len()]),
                }
            }
            texts.push(garbled.concat());
        }
    }
    for text in texts {
        let Ok(statements) = parse(&text) else { continue };
        for statement in statements {
            let _ = statement.tag();
            if let Statement::Query(query) | Statement::Explain(Explained::Query(query)) = statement
                && let Err(error) = plan_query(&query, &relations, &Session::default(), &[])
            {
                assert_ne!(error.sqlstate, "XX000", "{text}: {error}");
            }
        }
    }
}

#[test]
fn long_and_deep_statements_end_in_an_answer() {
    let relations = relations();
    let plan =
        |sql: String| query(&sql).and_then(|query| plan_query(&query, &relations, &Session::default(), &[]));
    let state = |sql: String| plan(sql).err().map(|error| error.sqlstate);
    let list = |count: usize, separator: &str, item: &str| vec![item; count].join(separator);
    assert_eq!(state(format!("SELECT {}", list(250, " + ", "1"))), None);
    assert_eq!(state(format!("SELECT {}", list(9_000, " + ", "1"))), Some("54001"));
    assert_eq!(state(format!("SELECT {}", list(50_000, " + ", "1"))), Some("54001"));
    assert_eq!(state(format!("SELECT id FROM orders WHERE {}", list(4_000, " OR ", "id = 1"))), None);
    assert_eq!(state(format!("SELECT id FROM orders WHERE id IN ({})", list(5_000, ", ", "1"))), None);
    assert_eq!(state(format!("SELECT {}1{}", "(".repeat(150), ")".repeat(150))), None);
    assert_eq!(state(format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000))), Some("54001"));
    assert_eq!(state(format!("SELECT {}1", "- ".repeat(50_000))), Some("54001"));
    assert_eq!(state(format!("SELECT {}true", "NOT ".repeat(50_000))), Some("54001"));
    assert_eq!(state(format!("SELECT {}", list(600_000, ",", "1"))), Some("54001"));
    assert_eq!(state("x".repeat(5 << 20)), Some("54000"));
    let tables = |count: usize| (0..count).map(|n| format!("orders t{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(state(format!("SELECT t0.id FROM {}", tables(480))), None);
    assert_eq!(state(format!("SELECT t0.id FROM {}", tables(600))), Some("54001"));
    assert_eq!(state(format!("SELECT {}", list(480, ", ", "(SELECT 1)"))), None);
    assert_eq!(state(format!("SELECT {}", list(50_000, ", ", "(SELECT 1)"))), Some("54001"));
    let correlated = "(SELECT max(o.id) FROM orders o WHERE o.id < orders.id)";
    assert_eq!(state(format!("SELECT {} FROM orders", list(200, ", ", correlated))), None);
    let window = |n: usize| format!("sum(id) OVER (ORDER BY id + {n})");
    let windows = |count: usize| (0..count).map(window).collect::<Vec<_>>().join(", ");
    assert_eq!(state(format!("SELECT {} FROM orders", windows(100))), None);
    assert_eq!(state(format!("SELECT {} FROM orders", windows(20_000))), Some("54001"));
    let mut doubling = "SELECT id AS x FROM orders".to_owned();
    for _ in 0..30 {
        doubling = format!("SELECT x + x AS x FROM ({doubling}) s");
    }
    assert_eq!(state(doubling), None, "what is used twice is computed once");
    let mut exploding = "WITH c0 AS (SELECT id FROM orders)".to_owned();
    for level in 1..30 {
        exploding
            .push_str(&format!(", c{level} AS (SELECT a.id FROM c{0} a JOIN c{0} b USING (id))", level - 1));
    }
    assert_eq!(state(format!("{exploding} SELECT * FROM c29")), Some("54001"));
}
