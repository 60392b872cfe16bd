//! Types and functions with what texts about them are made of.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_row::Datum;

use super::{Reader, read, rows};

/// A row of pg_type.
#[derive(Debug)]
pub struct TypeEntry {
    pub oid: u32,
    pub name: String,
    pub namespace: u32,
    /// `typtype`: b, d, p, r, m.
    pub kind: String,
    /// The type of the elements, if it is an array.
    pub element: Option<u32>,
}

/// A row of pg_proc.
#[derive(Debug)]
pub struct Function {
    pub oid: u32,
    pub name: String,
    /// `prokind`: f, a, w, p.
    pub kind: String,
    /// The types of the arguments that a call gives.
    pub args: Vec<u32>,
    pub result: u32,
    pub returns_set: bool,
    /// All parameters: mode (`i`, `o`, `b`, `v`, `t`), name and type.
    pub parameters: Vec<(char, String, u32)>,
}

static TYPES: LazyLock<BTreeMap<u32, TypeEntry>> = LazyLock::new(|| {
    let reader = Reader::new("pg_type");
    rows("pg_type")
        .iter()
        .map(|row| {
            let element = reader.oid(row, "typelem");
            // int2vector and name have elements, but are no arrays to format_type.
            let array = element != 0 && reader.text(row, "typname").starts_with('_');
            let entry = TypeEntry {
                oid: reader.oid(row, "oid"),
                name: reader.text(row, "typname").to_owned(),
                namespace: reader.oid(row, "typnamespace"),
                kind: reader.text(row, "typtype").to_owned(),
                element: array.then_some(element),
            };
            (entry.oid, entry)
        })
        .collect()
});

/// All of PostgreSQL's functions, those that Offtake has not included: their names are not free.
static FUNCTIONS: LazyLock<BTreeMap<u32, Function>> = LazyLock::new(|| {
    let reader = Reader::new("pg_proc");
    let number = |datum: &Datum<'_>| match datum {
        Datum::Int(number) => u32::try_from(*number).unwrap_or_default(),
        _ => 0,
    };
    read("pg_proc", include_str!("../../data/pg_proc.tsv"))
        .iter()
        .map(|row| {
            let args: Vec<u32> = reader.elements(row, "proargtypes").iter().map(number).collect();
            let all: Vec<u32> = reader.elements(row, "proallargtypes").iter().map(number).collect();
            let texts = |column: &str| -> Vec<String> {
                let text = |datum: Datum<'_>| match datum {
                    Datum::Text(text) => text.to_owned(),
                    _ => String::new(),
                };
                reader.elements(row, column).into_iter().map(text).collect()
            };
            let (modes, names) = (texts("proargmodes"), texts("proargnames"));
            let types = if all.is_empty() { &args } else { &all };
            let parameters = types.iter().enumerate().map(|(index, ty)| {
                let mode = modes.get(index).and_then(|mode| mode.chars().next()).unwrap_or('i');
                (mode, names.get(index).cloned().unwrap_or_default(), *ty)
            });
            let function = Function {
                oid: reader.oid(row, "oid"),
                name: reader.text(row, "proname").to_owned(),
                kind: reader.text(row, "prokind").to_owned(),
                parameters: parameters.collect(),
                args,
                result: reader.oid(row, "prorettype"),
                returns_set: reader.flag(row, "proretset"),
            };
            (function.oid, function)
        })
        .collect()
});

/// All types, by OID.
pub fn types() -> impl Iterator<Item = &'static TypeEntry> {
    TYPES.values()
}

pub fn type_entry(oid: u32) -> Option<&'static TypeEntry> {
    TYPES.get(&oid)
}

/// All of PostgreSQL's functions, by OID, those that Offtake has not included.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.values()
}

pub fn function(oid: u32) -> Option<&'static Function> {
    FUNCTIONS.get(&oid)
}
