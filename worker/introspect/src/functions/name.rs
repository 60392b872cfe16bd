//! Names to OIDs and back: `regclass` and its like, `to_regclass`, `format_type`, `pg_get_userbyid`.

use std::sync::Arc;

use offtake_lir::{Func, Lookup, Otherwise, Scalar};
use offtake_row::{
    Datum, Row,
    Type::{self, Int4, Name, Oid, Regclass, Regnamespace, Regproc, Regrole, Regtype, Text},
};

use super::{CATALOG, Entry, Functions, arg, call, entry, error, look_up, number, text, truth};
use crate::{
    content::{functions, types},
    identifier::{qualified, quote},
    names::{function_names, path, relations, shown, type_name, visible},
};

pub const ENTRIES: &[Entry] = &[
    entry("regclass", &[Text], Regclass, CATALOG, |functions, _| relation(functions, arg(0))),
    entry("regtype", &[Text], Regtype, CATALOG, |functions, _| {
        number_or(arg(0), type_by_name(functions, arg(0)))
    }),
    entry("regproc", &[Text], Regproc, CATALOG, regproc),
    entry("regnamespace", &[Text], Regnamespace, CATALOG, |functions, _| {
        number_or(arg(0), named(schemas(functions, true), arg(0)))
    }),
    entry("regrole", &[Text], Regrole, CATALOG, |functions, _| {
        number_or(arg(0), named(roles(functions, true), arg(0)))
    }),
    entry("text", &[Regclass], Text, CATALOG, |functions, _| look_up(relation_texts(functions), [arg(0)])),
    entry("text", &[Regtype], Text, CATALOG, |functions, _| look_up(type_texts(functions), [arg(0)])),
    entry("text", &[Regproc], Text, CATALOG, |functions, _| look_up(function_texts(functions), [arg(0)])),
    entry("text", &[Regnamespace], Text, CATALOG, |functions, _| look_up(schema_texts(functions), [arg(0)])),
    entry("text", &[Regrole], Text, CATALOG, |functions, _| look_up(role_texts(functions), [arg(0)])),
    entry("to_regclass", &[Text], Regclass, CATALOG, |functions, _| {
        let found = functions
            .lookup_in_path("to_regclass", |catalog, path| relation_names(catalog, path, Otherwise::null()));
        named(found, arg(0))
    }),
    entry("to_regtype", &[Text], Regtype, CATALOG, |functions, _| {
        type_of(functions, arg(0), "to_regtype", Otherwise::null())
    }),
    entry("to_regproc", &[Text], Regproc, CATALOG, |functions, _| {
        let found = functions.lookup("to_regproc", |_| {
            let unique = function_names().into_iter().filter(|(_, oids)| oids.len() == 1);
            function_lookup("to_regproc", unique.map(|(name, oids)| (name, oids[0])), Otherwise::null())
        });
        named(found, arg(0))
    }),
    entry("to_regnamespace", &[Text], Regnamespace, CATALOG, |functions, _| {
        named(schemas(functions, false), arg(0))
    }),
    entry("to_regrole", &[Text], Regrole, CATALOG, |functions, _| named(roles(functions, false), arg(0))),
    entry("format_type", &[Oid, Int4], Text, CATALOG, |functions, _| {
        let names = functions.lookup("format_type", |_| {
            let known = types().map(|ty| (number(ty.oid), text(&type_name(ty.oid))));
            let none = [(number(0u32), text("-"))];
            Lookup::new("type_name", vec![Oid], none.into_iter().chain(known), Otherwise::Value(text("???")))
        });
        Scalar::call(Func::FormatType, [look_up(names, [arg(0)]), arg(1)])
    }),
    entry("pg_get_userbyid", &[Oid], Name, CATALOG, |functions, _| {
        let names = functions.lookup("pg_get_userbyid", |catalog| {
            let roles = catalog.roles.iter().map(|(name, oid)| (number(*oid), text(name)));
            Lookup::new("pg_get_userbyid", vec![Oid], roles, Otherwise::Text("unknown (OID={})".to_owned()))
        });
        look_up(names, [arg(0)])
    }),
];

/// The OID that stands in place of a name, or what the name means.
fn number_or(name: Scalar, meaning: Scalar) -> Scalar {
    Scalar::Coalesce(vec![call(Func::ObjectOid, name), meaning])
}

/// Looks up a text that may be qualified, by schema and name.
fn named(lookup: Arc<Lookup>, name: Scalar) -> Scalar {
    look_up(lookup, [call(Func::ObjectSchema, name.clone()), call(Func::ObjectName, name)])
}

/// A key of such a look-up.
fn key(schema: &str, name: &str) -> Row {
    Row::pack([Datum::Text(schema), Datum::Text(name)])
}

/// Names of relations, qualified ones and those on the search path.
fn relation_names(catalog: &crate::Catalog, search_path: &[String], otherwise: Otherwise) -> Lookup {
    let all = relations(catalog);
    let visible = visible(&all, search_path);
    let keys = all.iter().flat_map(|relation| {
        let full = (key(&relation.schema, &relation.name), number(relation.oid));
        let bare = visible.contains(&relation.oid).then(|| (key("", &relation.name), number(relation.oid)));
        std::iter::once(full).chain(bare)
    });
    Lookup::new("relation", vec![Text, Text], keys, otherwise)
}

/// The relation that a text names, or its number: an error for what is none.
fn relation(functions: &Functions, name: Scalar) -> Scalar {
    number_or(name.clone(), relation_by_name(functions, name))
}

/// The relation that a text names: an error for what is none.
pub fn relation_by_name(functions: &Functions, name: Scalar) -> Scalar {
    let found = functions.lookup_in_path("regclass", |catalog, path| {
        relation_names(catalog, path, error(b"42P01", "relation \"{}\" does not exist"))
    });
    let schemas = functions.lookup("schema", |catalog| {
        let known = catalog.schemas.keys().map(String::as_str).chain([""]);
        let same = known.map(|name| (text(name), text(name)));
        Lookup::new("schema", vec![Text], same, error(b"3F000", "schema \"{}\" does not exist"))
    });
    let schema = look_up(schemas, [call(Func::ObjectSchema, name.clone())]);
    look_up(found, [schema, call(Func::ObjectName, name)])
}

/// Schemas by name.
fn schemas(functions: &Functions, must_exist: bool) -> Arc<Lookup> {
    let otherwise = || match must_exist {
        true => error(b"3F000", "schema \"{}\" does not exist"),
        false => Otherwise::null(),
    };
    functions.lookup(if must_exist { "regnamespace" } else { "to_regnamespace" }, |catalog| {
        let known = catalog.schemas.iter().map(|(name, oid)| (key("", name), number(*oid)));
        Lookup::new("schema", vec![Text, Text], known, otherwise())
    })
}

/// Roles by name.
fn roles(functions: &Functions, must_exist: bool) -> Arc<Lookup> {
    let otherwise = || match must_exist {
        true => error(b"42704", "role \"{}\" does not exist"),
        false => Otherwise::null(),
    };
    functions.lookup(if must_exist { "regrole" } else { "to_regrole" }, |catalog| {
        let known = catalog.roles.iter().map(|(name, oid)| (key("", name), number(*oid)));
        Lookup::new("role", vec![Text, Text], known, otherwise())
    })
}

/// The type that a text names: an error for what is none.
pub fn type_by_name(functions: &Functions, name: Scalar) -> Scalar {
    type_of(functions, name, "regtype", error(b"42704", "type \"{}\" does not exist"))
}

/// Types by all names that they have.
fn type_of(functions: &Functions, name: Scalar, lookup: &'static str, otherwise: Otherwise) -> Scalar {
    let found = functions.lookup_in_path(lookup, |_, search_path| {
        let path = path(search_path);
        let mut names: Vec<(String, u32)> = Vec::new();
        for ty in types() {
            let schema =
                if ty.namespace == crate::catalog::PG_CATALOG { "pg_catalog" } else { "information_schema" };
            names.push((qualified(schema, &ty.name), ty.oid));
            if path.iter().any(|known| known == schema) {
                names.push((quote(&ty.name), ty.oid));
                names.push((type_name(ty.oid), ty.oid));
            }
        }
        for (alias, name) in ALIASES {
            let array = format!("_{name}");
            for (suffix, name) in [("", *name), ("[]", array.as_str())] {
                names.extend(
                    types().find(|ty| ty.name == name).map(|ty| (format!("{alias}{suffix}"), ty.oid)),
                );
            }
        }
        // name[] of the names above that are not spelled in a way of their own.
        let arrays: Vec<(String, u32)> = types()
            .filter_map(|ty| {
                let element = crate::content::type_entry(ty.element?)?;
                Some((format!("{}[]", quote(&element.name)), ty.oid))
            })
            .collect();
        let keys = names.into_iter().chain(arrays).map(|(name, oid)| (text(&name), number(oid)));
        Lookup::new("type", vec![Text], keys, otherwise)
    });
    look_up(found, [call(Func::TypeName, name)])
}

/// Names of types that the grammar knows, besides those that `format_type` prints. Source: `SimpleTypename` in `gram.y`.
const ALIASES: &[(&str, &str)] = &[
    ("char", "bpchar"),
    ("char varying", "varchar"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("float", "float8"),
    ("int", "int4"),
    ("national char", "bpchar"),
    ("national char varying", "varchar"),
    ("national character", "bpchar"),
    ("national character varying", "varchar"),
    ("nchar", "bpchar"),
    ("nchar varying", "varchar"),
];

fn function_lookup(
    name: &'static str,
    functions: impl Iterator<Item = (&'static str, u32)>,
    otherwise: Otherwise,
) -> Lookup {
    let keys = functions
        .flat_map(|(name, oid)| [(key("", name), number(oid)), (key("pg_catalog", name), number(oid))]);
    Lookup::new(name, vec![Text, Text], keys, otherwise)
}

fn regproc(functions: &Functions, _: &'static [Type]) -> Scalar {
    let unique = functions.lookup("regproc", |_| {
        let unique = function_names().into_iter().filter(|(_, oids)| oids.len() == 1);
        let missing = error(b"42883", "function \"{}\" does not exist");
        function_lookup("function", unique.map(|(name, oids)| (name, oids[0])), missing)
    });
    let several = functions.lookup("regproc several", |_| {
        let several = function_names().into_iter().filter(|(_, oids)| oids.len() > 1);
        let keys = several
            .flat_map(|(name, _)| [(key("", name), truth(true)), (key("pg_catalog", name), truth(true))]);
        Lookup::new("several_functions", vec![Text, Text], keys, Otherwise::null())
    });
    let ambiguous = functions.lookup("regproc ambiguous", |_| {
        let message = "more than one function named \"{}\"";
        Lookup::new("function", vec![Text, Text], [], error(b"42725", message))
    });
    let branches = vec![(named(several, arg(0)), named(ambiguous, arg(0)))];
    number_or(arg(0), Scalar::Case { branches, otherwise: Box::new(named(unique, arg(0))) })
}

fn texts(name: &'static str, ty: Type, names: impl Iterator<Item = (u32, String)>) -> Lookup {
    let none = [(number(0u32), text("-"))];
    let known = names.map(|(oid, name)| (number(oid), text(&name)));
    Lookup::new(name, vec![ty], none.into_iter().chain(known), Otherwise::Text("{}".to_owned()))
}

/// The text form of `regclass`.
pub fn relation_texts(functions: &Functions) -> Arc<Lookup> {
    functions.lookup_in_path("text of regclass", |catalog, path| {
        let all = relations(catalog);
        let visible = visible(&all, path);
        texts("text", Regclass, all.iter().map(|relation| (relation.oid, shown(relation, &visible))))
    })
}

/// The text form of `regtype`.
pub fn type_texts(functions: &Functions) -> Arc<Lookup> {
    functions
        .lookup("text of regtype", |_| texts("text", Regtype, types().map(|ty| (ty.oid, type_name(ty.oid)))))
}

/// The text form of `regproc`.
pub fn function_texts(functions: &Functions) -> Arc<Lookup> {
    functions.lookup("text of regproc", |_| {
        let names = function_names();
        let shown = |name: &str| match names.get(name).map(Vec::len) {
            Some(1) => quote(name),
            _ => qualified("pg_catalog", name),
        };
        texts("text", Regproc, self::functions().map(|function| (function.oid, shown(&function.name))))
    })
}

/// The text form of `regnamespace`.
pub fn schema_texts(functions: &Functions) -> Arc<Lookup> {
    functions.lookup("text of regnamespace", |catalog| {
        texts("text", Regnamespace, catalog.schemas.iter().map(|(name, oid)| (*oid, quote(name))))
    })
}

/// The text form of `regrole`.
pub fn role_texts(functions: &Functions) -> Arc<Lookup> {
    functions.lookup("text of regrole", |catalog| {
        texts("text", Regrole, catalog.roles.iter().map(|(name, oid)| (*oid, quote(name))))
    })
}
