//! What nests is read in time that grows with the text, not with the tries: every form of the grammar that holds another of its kind.

use std::time::{Duration, Instant};

type Form = (&'static str, Box<dyn Fn(usize) -> String>);

#[test]
fn no_form_is_tried_over_and_over() {
    let forms: Vec<Form> = vec![
        ("f()", Box::new(|n| format!("SELECT {}1{}", "upper(".repeat(n), ")".repeat(n)))),
        ("f(,)", Box::new(|n| format!("SELECT {}1{}", "upper(1, ".repeat(n), ")".repeat(n)))),
        ("()", Box::new(|n| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)))),
        ("(,)", Box::new(|n| format!("SELECT {}1{}", "(1, ".repeat(n), ")".repeat(n)))),
        ("case", Box::new(|n| format!("SELECT {}1{}", "case when true then ".repeat(n), " end".repeat(n)))),
        ("case2", Box::new(|n| format!("SELECT {}1{}", "case ".repeat(n), " when 1 then 2 end".repeat(n)))),
        ("array", Box::new(|n| format!("SELECT {}1{}", "array[".repeat(n), "]".repeat(n)))),
        ("[]", Box::new(|n| format!("SELECT a{}1{}", "[a".repeat(n), "]".repeat(n)))),
        ("cast", Box::new(|n| format!("SELECT {}1{}", "cast(".repeat(n), " as int)".repeat(n)))),
        ("::", Box::new(|n| format!("SELECT 1{}", "::int".repeat(n)))),
        ("subq", Box::new(|n| format!("{}SELECT 1{}", "SELECT (".repeat(n), ")".repeat(n)))),
        ("from", Box::new(|n| format!("{}SELECT 1{}", "SELECT * FROM (".repeat(n), ") x".repeat(n)))),
        ("from((", Box::new(|n| format!("SELECT * FROM {}a{}", "(".repeat(n), ")".repeat(n)))),
        (
            "from((j",
            Box::new(|n| format!("SELECT * FROM {}a{}", "(".repeat(n), " join b on true)".repeat(n))),
        ),
        ("from((sel", Box::new(|n| format!("SELECT * FROM {}select 1{} x", "(".repeat(n), ")".repeat(n)))),
        ("exists", Box::new(|n| format!("{}1{}", "SELECT exists(SELECT ".repeat(n), ")".repeat(n)))),
        ("in", Box::new(|n| format!("SELECT {}1{}", "1 in (".repeat(n), ")".repeat(n)))),
        ("not", Box::new(|n| format!("SELECT {}true", "not ".repeat(n)))),
        ("interval", Box::new(|n| format!("SELECT {}'1'", "interval ".repeat(n)))),
        ("extract", Box::new(|n| format!("SELECT {}now(){}", "extract(year from ".repeat(n), ")".repeat(n)))),
        ("substring", Box::new(|n| format!("SELECT {}'a'{}", "substring(".repeat(n), " from 1)".repeat(n)))),
        ("position", Box::new(|n| format!("SELECT {}'a'{}", "position('a' in ".repeat(n), ")".repeat(n)))),
        ("trim", Box::new(|n| format!("SELECT {}'a'{}", "trim(both from ".repeat(n), ")".repeat(n)))),
        ("union(", Box::new(|n| format!("{}SELECT 1{}", "(".repeat(n), " union select 1)".repeat(n)))),
        ("with", Box::new(|n| format!("{}SELECT 1{}", "with a as (".repeat(n), ") select 1".repeat(n)))),
        ("over", Box::new(|n| format!("SELECT {}1{}", "sum(".repeat(n), ") over (order by 1)".repeat(n)))),
        (
            "filter",
            Box::new(|n| format!("SELECT {}1{}", "sum(".repeat(n), ") filter (where true)".repeat(n))),
        ),
        ("row", Box::new(|n| format!("SELECT {}1{}", "row(".repeat(n), ")".repeat(n)))),
        ("any", Box::new(|n| format!("SELECT {}1{}", "1 = any(".repeat(n), ")".repeat(n)))),
        ("between", Box::new(|n| format!("SELECT {}1", "1 between 1 and ".repeat(n)))),
        ("x.f(", Box::new(|n| format!("SELECT {}1{}", "pg_catalog.f(".repeat(n), ")".repeat(n)))),
        ("op(", Box::new(|n| format!("SELECT {}1", "1 operator(pg_catalog.+) ".repeat(n)))),
        ("named", Box::new(|n| format!("SELECT {}1{}", "f(a => ".repeat(n), ")".repeat(n)))),
        (
            "grouping",
            Box::new(|n| format!("SELECT 1 group by {}1{}", "grouping sets (".repeat(n), ")".repeat(n))),
        ),
        ("values", Box::new(|n| format!("{}values (1){}", "select * from (".repeat(n), ") v".repeat(n)))),
        (
            "lateral",
            Box::new(|n| format!("{}select 1{}", "select * from lateral (".repeat(n), ") v".repeat(n))),
        ),
        ("{", Box::new(|n| format!("SELECT {}1{}", "{a:".repeat(n), "}".repeat(n)))),
        ("array<", Box::new(|n| format!("SELECT 1::{}int{}", "array<".repeat(n), ">".repeat(n)))),
        ("at time zone", Box::new(|n| format!("SELECT now(){}", " at time zone 'utc'".repeat(n)))),
        ("->", Box::new(|n| format!("SELECT a{}", "->(b".repeat(n) + &")".repeat(n)))),
        ("lambda", Box::new(|n| format!("SELECT {}1{}", "(a, b".repeat(n), ")".repeat(n)))),
        ("date ", Box::new(|n| format!("SELECT {}'1'", "date ".repeat(n)))),
    ];
    for (name, form) in forms {
        for depth in [10, 20, 40, 80] {
            let sql = form(depth);
            let start = Instant::now();
            // Some are no SQL: that is to be said as quickly.
            let _ = offtake_plan::parse(&sql);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(2), "{name}, {depth} deep: {took:?}");
        }
    }
}
