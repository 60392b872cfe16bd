//! Rights: `has_table_privilege` and its like. Everybody may read, and nobody may do anything else.

use std::sync::Arc;

use offtake_lir::{Func, Lookup, Otherwise, Scalar, scalar::Privilege};
use offtake_row::{
    Datum, Row,
    Type::{self, Bool, Int2, Name, Oid, Text},
};

use super::{
    CATALOG, Entry, Functions, arg, entry, error, look_up, name::relation_by_name, number, text, truth,
};
use crate::{
    Catalog,
    catalog::DATABASE,
    content::{self, Reader, rows, types},
    definition::definitions,
    names::{relations, type_name},
};

/// Six ways to call one check: of a role by name, by OID or one's own, on an object by name or OID.
macro_rules! checks {
    ($name:literal, $check:path) => {
        [
            entry($name, &[Text, Text], Bool, CATALOG, |functions, args| check(functions, args, $check)),
            entry($name, &[Oid, Text], Bool, CATALOG, |functions, args| check(functions, args, $check)),
            entry($name, &[Name, Text, Text], Bool, CATALOG, |functions, args| {
                check(functions, args, $check)
            }),
            entry($name, &[Name, Oid, Text], Bool, CATALOG, |functions, args| check(functions, args, $check)),
            entry($name, &[Oid, Text, Text], Bool, CATALOG, |functions, args| check(functions, args, $check)),
            entry($name, &[Oid, Oid, Text], Bool, CATALOG, |functions, args| check(functions, args, $check)),
        ]
    };
}

/// The kind of a right, and how to tell that its object is there: from a text or an OID to anything that is not NULL.
type Checked = (Privilege, fn(&Functions, Scalar, bool) -> Scalar);

const TABLE: Checked = (Privilege::Table, table);
const ANY_COLUMN: Checked = (Privilege::Column, table);
const SCHEMA: Checked = (Privilege::Schema, schema);
const DATABASES: Checked = (Privilege::Database, database);
const FUNCTION: Checked = (Privilege::Function, function);
const TYPE: Checked = (Privilege::Type, type_of);
const LANGUAGE: Checked = (Privilege::Language, language);
const TABLESPACE: Checked = (Privilege::Tablespace, tablespace);
const SEQUENCE: Checked = (Privilege::Sequence, sequence);

pub const ENTRIES: &[&[Entry]] = &[
    &checks!("has_table_privilege", TABLE),
    &checks!("has_any_column_privilege", ANY_COLUMN),
    &checks!("has_schema_privilege", SCHEMA),
    &checks!("has_database_privilege", DATABASES),
    &checks!("has_function_privilege", FUNCTION),
    &checks!("has_type_privilege", TYPE),
    &checks!("has_language_privilege", LANGUAGE),
    &checks!("has_tablespace_privilege", TABLESPACE),
    &checks!("has_sequence_privilege", SEQUENCE),
    &[
        column(&[Text, Text, Text]),
        column(&[Text, Int2, Text]),
        column(&[Oid, Text, Text]),
        column(&[Oid, Int2, Text]),
        column(&[Name, Text, Text, Text]),
        column(&[Name, Text, Int2, Text]),
        column(&[Name, Oid, Text, Text]),
        column(&[Name, Oid, Int2, Text]),
        column(&[Oid, Text, Text, Text]),
        column(&[Oid, Text, Int2, Text]),
        column(&[Oid, Oid, Text, Text]),
        column(&[Oid, Oid, Int2, Text]),
    ],
    &[
        role(&[Name, Text]),
        role(&[Oid, Text]),
        role(&[Name, Name, Text]),
        role(&[Name, Oid, Text]),
        role(&[Oid, Name, Text]),
        role(&[Oid, Oid, Text]),
    ],
];

const fn column(args: &'static [Type]) -> Entry {
    entry("has_column_privilege", args, Bool, CATALOG, has_column)
}

const fn role(args: &'static [Type]) -> Entry {
    entry("pg_has_role", args, Bool, CATALOG, has_role)
}

/// `answer`, and NULL where one of `needed` is.
fn if_there(needed: Vec<Scalar>, answer: Scalar) -> Scalar {
    let missing = |needed: Scalar| (Scalar::call(Func::IsNull, [needed]), Scalar::null(Bool));
    Scalar::Case { branches: needed.into_iter().map(missing).collect(), otherwise: Box::new(answer) }
}

fn granted(privilege: Privilege, right: usize) -> Scalar {
    Scalar::call(Func::IsGranted(privilege), [arg(right)])
}

fn check(functions: &Functions, args: &'static [Type], (privilege, find): Checked) -> Scalar {
    let object = args.len().saturating_sub(2);
    let mut needed = Vec::new();
    if object == 1 {
        needed.push(role_oid(functions, args[0], arg(0)));
    }
    needed.push(find(functions, arg(object), args[object] == Text));
    if_there(needed, granted(privilege, object + 1))
}

/// The OID of a role that is given by name or by OID.
fn role_oid(functions: &Functions, ty: Type, role: Scalar) -> Scalar {
    if ty != Name {
        return role;
    }
    let roles = functions.lookup("role by its exact name", |catalog| {
        let roles = catalog.roles.iter().map(|(name, oid)| (text(name), number(*oid)));
        Lookup::new("role", vec![Name], roles, error(b"42704", "role \"{}\" does not exist"))
    });
    look_up(roles, [role])
}

/// Finds by an exact name, which must be there, or by an OID.
fn find(
    functions: &Functions,
    kind: &'static str,
    object: Scalar,
    by_name: bool,
    all: impl FnOnce(&Catalog) -> Vec<(String, u32)>,
    missing: (&[u8; 5], &str),
) -> Scalar {
    let lookup = if by_name {
        functions.lookup(kind, |catalog| {
            let known = all(catalog).into_iter().map(|(name, oid)| (text(&name), number(oid)));
            Lookup::new(kind, vec![Text], known, error(missing.0, missing.1))
        })
    } else {
        let known = all(&functions.catalog).into_iter().map(|(_, oid)| (number(oid), number(oid)));
        Arc::new(Lookup::new(kind, vec![Oid], known, Otherwise::null()))
    };
    look_up(lookup, [object])
}

fn table(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    if by_name {
        return relation_by_name(functions, object);
    }
    let known = functions.lookup("relation by OID", |catalog| {
        let known = relations(catalog).into_iter().map(|named| (number(named.oid), number(named.oid)));
        Lookup::new("relation", vec![Oid], known, Otherwise::null())
    });
    look_up(known, [object])
}

fn schema(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    let all = |catalog: &Catalog| catalog.schemas.iter().map(|(name, oid)| (name.clone(), *oid)).collect();
    let missing = (b"3F000", "schema \"{}\" does not exist");
    find(functions, "schema by its exact name", object, by_name, all, missing)
}

fn database(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    let all = |catalog: &Catalog| vec![(catalog.database.clone(), DATABASE)];
    find(functions, "database", object, by_name, all, (b"3D000", "database \"{}\" does not exist"))
}

fn function(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    let all = |_: &Catalog| {
        let reader = Reader::new("pg_proc");
        let known = rows("pg_proc").iter().filter_map(|row| content::function(reader.oid(row, "oid")));
        let named = known.flat_map(|function| {
            let args: Vec<String> = function.args.iter().map(|ty| type_name(*ty)).collect();
            let bare = format!("{}({})", function.name, args.join(","));
            [(format!("pg_catalog.{bare}"), function.oid), (bare, function.oid)]
        });
        named.collect()
    };
    find(functions, "function", object, by_name, all, (b"42883", "function \"{}\" does not exist"))
}

fn type_of(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    if by_name {
        return super::name::type_by_name(functions, object);
    }
    let all = |_: &Catalog| types().map(|ty| (ty.name.clone(), ty.oid)).collect();
    find(functions, "type", object, by_name, all, (b"42704", "type \"{}\" does not exist"))
}

fn language(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    let all = |_: &Catalog| named_rows("pg_language", "lanname");
    find(functions, "language", object, by_name, all, (b"42704", "language \"{}\" does not exist"))
}

fn tablespace(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    let all = |_: &Catalog| named_rows("pg_tablespace", "spcname");
    find(functions, "tablespace", object, by_name, all, (b"42704", "tablespace \"{}\" does not exist"))
}

fn named_rows(catalog: &str, column: &str) -> Vec<(String, u32)> {
    let reader = Reader::new(catalog);
    rows(catalog).iter().map(|row| (reader.text(row, column).to_owned(), reader.oid(row, "oid"))).collect()
}

/// There are none: a relation by that name is something else.
fn sequence(functions: &Functions, object: Scalar, by_name: bool) -> Scalar {
    if !by_name {
        return find(functions, "sequence", object, false, |_| Vec::new(), (b"42809", ""));
    }
    let none = Lookup::new("sequence", vec![Oid, Text], [], error(b"42809", "\"{1}\" is not a sequence"));
    let name = Scalar::call(Func::ObjectName, [object.clone()]);
    look_up(Arc::new(none), [relation_by_name(functions, object), name])
}

/// Name and number, and the type of their kind, of a relation's columns.
fn has_column(functions: &Functions, args: &'static [Type]) -> Scalar {
    let table_at = args.len().saturating_sub(3);
    let mut needed = Vec::new();
    if table_at == 1 {
        needed.push(role_oid(functions, args[0], arg(0)));
    }
    let found = table(functions, arg(table_at), args[table_at] == Text);
    let column_at = table_at + 1;
    needed.push(if args[column_at] == Text {
        let names = functions.lookup("name of a relation", |catalog| {
            let names = relations(catalog).into_iter().map(|named| (number(named.oid), text(&named.name)));
            Lookup::new("relation_name", vec![Oid], names, Otherwise::null())
        });
        let columns = functions.lookup("column by name", |catalog| {
            let known = columns(catalog).into_iter().map(|(oid, relation, place, name)| {
                (Row::pack([Datum::Int(oid.into()), Datum::Text(name), Datum::Text(relation)]), number(place))
            });
            let missing = error(b"42703", "column \"{1}\" of relation \"{2}\" does not exist");
            Lookup::new("column", vec![Oid, Text, Text], known, missing)
        });
        look_up(columns, [found.clone(), arg(column_at), look_up(names, [found])])
    } else {
        let columns = functions.lookup("column by number", |catalog| {
            let known = columns(catalog).into_iter().map(|(oid, _, place, _)| {
                (Row::pack([Datum::Int(oid.into()), Datum::Int(place)]), number(place))
            });
            Lookup::new("column", vec![Oid, Int2], known, Otherwise::null())
        });
        look_up(columns, [found, arg(column_at)])
    });
    if_there(needed, granted(Privilege::Column, column_at + 1))
}

/// OID and name of the relation, number and name of the column.
fn columns(catalog: &Catalog) -> Vec<(u32, &str, i64, &str)> {
    let system = definitions().iter().flat_map(|relation| {
        let columns = relation.columns.iter().zip(1..);
        columns.map(|(column, place)| (relation.oid, relation.name, place, column.name))
    });
    let own = catalog.relations.iter().flat_map(|relation| {
        let columns = relation.columns.iter().zip(1..);
        columns.map(|(column, place)| (relation.oid, relation.name.as_str(), place, column.name.as_str()))
    });
    system.chain(own).collect()
}

/// Roles have no members: each has its own rights only.
fn has_role(functions: &Functions, args: &'static [Type]) -> Scalar {
    let role_at = args.len().saturating_sub(2);
    let user = match role_at {
        1 => role_oid(functions, args[0], arg(0)),
        _ => {
            let own = functions.catalog.roles.get(&functions.user).copied().unwrap_or_default();
            Scalar::literal(Datum::Int(own.into()), Oid)
        }
    };
    let role = role_oid(functions, args[role_at], arg(role_at));
    let same = functions.lookup("same role", |catalog| {
        let same = catalog
            .roles
            .values()
            .map(|oid| (Row::pack([Datum::Int((*oid).into()), Datum::Int((*oid).into())]), truth(true)));
        Lookup::new("same_role", vec![Oid, Oid], same, Otherwise::Value(truth(false)))
    });
    Scalar::And(vec![granted(Privilege::Role, role_at + 1), look_up(same, [user, role])])
}
