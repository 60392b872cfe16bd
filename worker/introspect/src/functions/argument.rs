//! What functions take and answer: `pg_get_function_arguments` and its like.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_lir::{Lookup, Otherwise, Scalar};
use offtake_row::Type::{Int4, Oid, OidVector, Text};

use super::{CATALOG, Entry, Functions, arg, entry, error, look_up, nothing, number, text};
use crate::{
    content::{Function, Reader, function, rows, unescaped},
    identifier::quote,
    names::type_name,
};

pub const ENTRIES: &[Entry] = &[
    entry("pg_get_function_arguments", &[Oid], Text, CATALOG, |functions, _| {
        of_functions(functions, "pg_get_function_arguments", |function| Some(arguments(function)))
    }),
    entry("pg_get_function_identity_arguments", &[Oid], Text, CATALOG, |functions, _| {
        of_functions(functions, "pg_get_function_identity_arguments", |function| Some(identity(function)))
    }),
    entry("pg_get_function_result", &[Oid], Text, CATALOG, |functions, _| {
        of_functions(functions, "pg_get_function_result", result)
    }),
    entry("oidvectortypes", &[OidVector], Text, CATALOG, |functions, _| {
        let texts = functions.lookup("oidvectortypes", |_| {
            let reader = Reader::new("pg_proc");
            let known = rows("pg_proc").iter().map(|row| {
                let args = function(reader.oid(row, "oid")).map(|function| function.args.as_slice());
                let names: Vec<String> = args.unwrap_or_default().iter().map(|ty| type_name(*ty)).collect();
                (reader.single(row, "proargtypes"), text(&names.join(", ")))
            });
            let other =
                error(b"0A000", "oidvectortypes is known of the arguments of functions in pg_proc only");
            Lookup::new("oidvectortypes", vec![OidVector], known, other)
        });
        look_up(texts, [arg(0)])
    }),
    // They are written in no language of SQL.
    entry("pg_get_function_sqlbody", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_function_arg_default", &[Oid, Int4], Text, CATALOG, nothing),
];

fn of_functions(functions: &Functions, name: &'static str, of: fn(&Function) -> Option<String>) -> Scalar {
    let texts = functions.lookup(name, |_| {
        let reader = Reader::new("pg_proc");
        let known = rows("pg_proc").iter().filter_map(|row| {
            let function = function(reader.oid(row, "oid"))?;
            Some((number(function.oid), text(&of(function)?)))
        });
        Lookup::new(name, vec![Oid], known, Otherwise::null())
    });
    look_up(texts, [arg(0)])
}

/// Arguments that are not told by the types alone: `data/arguments.tsv`.
static SPECIAL: LazyLock<BTreeMap<u32, (String, String)>> = LazyLock::new(|| {
    let read = |line: &str| {
        let mut fields = line.split('\t').map(unescaped);
        let oid = fields.next()??.parse().ok()?;
        Some((oid, (fields.next()??, fields.next()??)))
    };
    include_str!("../../data/arguments.tsv").lines().filter_map(read).collect()
});

fn arguments(function: &Function) -> String {
    match SPECIAL.get(&function.oid) {
        Some((arguments, _)) => arguments.clone(),
        None => printed(function),
    }
}

fn identity(function: &Function) -> String {
    match SPECIAL.get(&function.oid) {
        Some((_, identity)) => identity.clone(),
        None => printed(function),
    }
}

/// Source: `print_function_arguments` in PostgreSQL's `ruleutils.c`.
fn printed(function: &Function) -> String {
    let parameters = function.parameters.iter().filter(|(mode, ..)| *mode != 't');
    let printed: Vec<String> = parameters
        .map(|(mode, name, ty)| {
            let mode = match mode {
                'o' => "OUT ",
                'b' => "INOUT ",
                'v' => "VARIADIC ",
                _ => "",
            };
            let name = if name.is_empty() { String::new() } else { format!("{} ", quote(name)) };
            format!("{mode}{name}{}", type_name(*ty))
        })
        .collect();
    printed.join(", ")
}

fn result(function: &Function) -> Option<String> {
    if function.kind == "p" {
        return None;
    }
    let columns: Vec<String> = function
        .parameters
        .iter()
        .filter(|(mode, ..)| *mode == 't')
        .map(|(_, name, ty)| format!("{} {}", quote(name), type_name(*ty)))
        .collect();
    if !columns.is_empty() {
        return Some(format!("TABLE({})", columns.join(", ")));
    }
    let set = if function.returns_set { "SETOF " } else { "" };
    Some(format!("{set}{}", type_name(function.result)))
}
