//! Which of PostgreSQL's functions, operators and casts Offtake has, so that its catalogs do not promise more: asked of the lists that
//! calls are resolved by.

use std::{collections::BTreeSet, sync::LazyLock};

use offtake_lir::functions::{self, CastContext};
use offtake_row::{Row, Type};

use super::{Function, Reader, functions as all_functions, read};
use crate::functions::signatures;

/// Functions that are no entries of a list: the planner knows them itself.
const OF_THE_PLANNER: &[&str] = &[
    "clock_timestamp",
    "current_database",
    "current_schema",
    "current_user",
    "generate_series",
    "now",
    "pg_backend_pid",
    "pg_typeof",
    "session_user",
    "set_config",
    "statement_timestamp",
    "transaction_timestamp",
    "unnest",
    "version",
];

/// The rows of a catalog that tell of what is there.
pub fn kept(name: &str, rows: Vec<Row>) -> Vec<Row> {
    let reader = Reader::new(name);
    let of_function = |row: &Row, column: &str| FUNCTIONS.contains(&reader.oid(row, column));
    let keep: Box<dyn Fn(&Row) -> bool> = match name {
        "pg_proc" => Box::new(|row| of_function(row, "oid")),
        "pg_aggregate" => Box::new(|row| of_function(row, "aggfnoid")),
        "pg_operator" => Box::new(|row| OPERATORS.contains(&reader.oid(row, "oid"))),
        "pg_cast" => Box::new(|row| is_cast(&reader, row)),
        "pg_opclass" => Box::new(|row| known(reader.oid(row, "opcintype")).is_some()),
        "pg_opfamily" => Box::new(|row| FAMILIES.contains(&reader.oid(row, "oid"))),
        "pg_amop" => Box::new(|row| OPERATORS.contains(&reader.oid(row, "amopopr"))),
        "pg_amproc" => Box::new(|row| is_support(&reader, row)),
        "pg_description" => Box::new(|row| is_described(&reader, row)),
        _ => return rows,
    };
    rows.into_iter().filter(|row| keep(row)).collect()
}

fn known(oid: u32) -> Option<Type> {
    Type::from_oid(oid, -1)
}

fn is_cast(reader: &Reader, row: &Row) -> bool {
    match (known(reader.oid(row, "castsource")), known(reader.oid(row, "casttarget"))) {
        (Some(from), Some(to)) => functions::cast(from, to, CastContext::Explicit).is_ok(),
        _ => false,
    }
}

fn is_support(reader: &Reader, row: &Row) -> bool {
    known(reader.oid(row, "amproclefttype")).is_some() && known(reader.oid(row, "amprocrighttype")).is_some()
}

/// OIDs of the catalogs that comments are about. Source: `pg_class`.
const PG_PROC: u32 = 1255;
const PG_OPERATOR: u32 = 2617;
const PG_CAST: u32 = 2605;

fn is_described(reader: &Reader, row: &Row) -> bool {
    let object = reader.oid(row, "objoid");
    match reader.oid(row, "classoid") {
        PG_PROC => FUNCTIONS.contains(&object),
        PG_OPERATOR => OPERATORS.contains(&object),
        PG_CAST => CASTS.contains(&object),
        _ => true,
    }
}

static CASTS: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let reader = Reader::new("pg_cast");
    let rows = read("pg_cast", include_str!("../../data/pg_cast.tsv"));
    rows.iter().filter(|row| is_cast(&reader, row)).map(|row| reader.oid(row, "oid")).collect()
});

static OPERATORS: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let reader = Reader::new("pg_operator");
    let is_there = |row: &&Row| {
        let (left, right) = (reader.oid(row, "oprleft"), reader.oid(row, "oprright"));
        let args: Option<Vec<Type>> =
            [left, right].into_iter().filter(|oid| *oid != 0).map(stand_in).collect();
        args.is_some_and(|args| {
            let given: Vec<Option<Type>> = args.iter().copied().map(Some).collect();
            functions::operator(reader.text(row, "oprname"), &given)
                .is_ok_and(|found| same(&found.args, &args))
        })
    };
    let rows = read("pg_operator", include_str!("../../data/pg_operator.tsv"));
    rows.iter().filter(is_there).map(|row| reader.oid(row, "oid")).collect()
});

static FAMILIES: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let reader = Reader::new("pg_opclass");
    super::rows("pg_opclass").iter().map(|row| reader.oid(row, "opcfamily")).collect()
});

static FUNCTIONS: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let mut functions: BTreeSet<u32> =
        all_functions().filter(|function| is_there(function)).map(|function| function.oid).collect();
    let mut referenced =
        |name: &str, text: &'static str, columns: &[&str], keep: &dyn Fn(&Reader, &Row) -> bool| {
            let reader = Reader::new(name);
            for row in read(name, text).iter().filter(|row| keep(&reader, row)) {
                functions
                    .extend(columns.iter().map(|column| reader.oid(row, column)).filter(|oid| *oid != 0));
            }
        };
    let all = |_: &Reader, _: &Row| true;
    let columns = [
        "typinput",
        "typoutput",
        "typreceive",
        "typsend",
        "typmodin",
        "typmodout",
        "typanalyze",
        "typsubscript",
    ];
    referenced("pg_type", include_str!("../../data/pg_type.tsv"), &columns, &all);
    let of_operators = |reader: &Reader, row: &Row| OPERATORS.contains(&reader.oid(row, "oid"));
    let columns = ["oprcode", "oprrest", "oprjoin"];
    referenced("pg_operator", include_str!("../../data/pg_operator.tsv"), &columns, &of_operators);
    referenced("pg_cast", include_str!("../../data/pg_cast.tsv"), &["castfunc"], &is_cast);
    referenced("pg_am", include_str!("../../data/pg_am.tsv"), &["amhandler"], &all);
    referenced("pg_amproc", include_str!("../../data/pg_amproc.tsv"), &["amproc"], &is_support);
    functions
});

/// A type to resolve a call with: of those that stand for any type, one.
fn stand_in(oid: u32) -> Option<Type> {
    let any = || Type::Int4;
    match oid {
        // any, anyelement, anynonarray, anycompatible, anycompatiblenonarray
        2276 | 2283 | 2776 | 5077 | 5079 => Some(any()),
        // anyarray, anycompatiblearray
        2277 | 5078 => any().array(),
        other => known(other),
    }
}

fn same(found: &[Type], wanted: &[Type]) -> bool {
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(found, wanted)| found.base() == wanted.base())
}

fn is_there(function: &Function) -> bool {
    let name = function.name.as_str();
    if function.kind == "w" || OF_THE_PLANNER.contains(&name) {
        return true;
    }
    let Some(args) = function.args.iter().map(|oid| stand_in(*oid)).collect::<Option<Vec<Type>>>() else {
        return false;
    };
    let given: Vec<Option<Type>> = args.iter().copied().map(Some).collect();
    let aggregate = || functions::aggregate(name, &given).is_ok_and(|found| same(&found.args, &args));
    let plain = || functions::function(name, &given).is_ok_and(|found| same(&found.args, &args));
    let of_catalog = || signatures().iter().any(|known| known.name == name && same(known.args, &args));
    if function.kind == "a" { aggregate() } else { plain() || of_catalog() }
}
