//! What objects are made by: `pg_get_viewdef`, `pg_get_indexdef` and their like.

use std::collections::BTreeSet;

use offtake_lir::{Lookup, Otherwise, Scalar};
use offtake_row::{
    Datum, Row,
    Type::{self, Bool, Int2, Int4, Oid, PgNodeTree, Regclass, Text},
};

use super::{
    CATALOG, Entry, Functions, arg, constant, entry, error, look_up, name::relation_by_name, nothing, number,
    text, truth,
};
use crate::{
    Catalog,
    catalog::{Index, Kind, rule_oid},
    identifier::{qualified, quote},
    names::{Named, relations, shown, visible},
    rows::{column_list, index_definition, view_text},
};

pub const ENTRIES: &[Entry] = &[
    entry("pg_get_viewdef", &[Oid], Text, CATALOG, |functions, _| view(functions, arg(0))),
    entry("pg_get_viewdef", &[Oid, Bool], Text, CATALOG, |functions, args| {
        and(view(functions, arg(0)), args)
    }),
    entry("pg_get_viewdef", &[Oid, Int4], Text, CATALOG, |functions, args| {
        and(view(functions, arg(0)), args)
    }),
    entry("pg_get_viewdef", &[Text], Text, CATALOG, |functions, _| {
        view(functions, relation_by_name(functions, arg(0)))
    }),
    entry("pg_get_viewdef", &[Text, Bool], Text, CATALOG, |functions, args| {
        and(view(functions, relation_by_name(functions, arg(0))), args)
    }),
    entry("pg_get_ruledef", &[Oid], Text, CATALOG, |functions, _| rule(functions)),
    entry("pg_get_ruledef", &[Oid, Bool], Text, CATALOG, |functions, args| and(rule(functions), args)),
    entry("pg_get_indexdef", &[Oid], Text, CATALOG, index),
    entry("pg_get_indexdef", &[Oid, Int4, Bool], Text, CATALOG, index_part),
    entry("pg_get_constraintdef", &[Oid], Text, CATALOG, |functions, _| constraint(functions)),
    entry("pg_get_constraintdef", &[Oid, Bool], Text, CATALOG, |functions, args| {
        and(constraint(functions), args)
    }),
    entry("pg_get_serial_sequence", &[Text, Text], Text, CATALOG, serial_sequence),
    entry("pg_describe_object", &[Oid, Oid, Int4], Text, CATALOG, describe),
    // There are no expressions, partitions, triggers and statistics objects.
    entry("pg_get_expr", &[PgNodeTree, Oid], Text, CATALOG, nothing),
    entry("pg_get_expr", &[PgNodeTree, Oid, Bool], Text, CATALOG, nothing),
    entry("pg_get_partkeydef", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_partition_constraintdef", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_statisticsobjdef", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_statisticsobjdef_columns", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_triggerdef", &[Oid], Text, CATALOG, nothing),
    entry("pg_get_triggerdef", &[Oid, Bool], Text, CATALOG, nothing),
    entry("pg_sequence_last_value", &[Regclass], Type::Int8, CATALOG, nothing),
    entry("pg_relation_is_publishable", &[Regclass], Bool, CATALOG, no),
    entry("pg_relation_is_updatable", &[Regclass, Bool], Int4, CATALOG, |functions, args| {
        constant(functions, args, number(0))
    }),
    entry("pg_column_is_updatable", &[Regclass, Int2, Bool], Bool, CATALOG, no),
    entry("row_security_active", &[Oid], Bool, CATALOG, no),
    entry("row_security_active", &[Text], Bool, CATALOG, |functions, _| {
        let lookup = Lookup::new("row_security_active", vec![Oid], [], Otherwise::Value(truth(false)));
        look_up(lookup.into(), [relation_by_name(functions, arg(0))])
    }),
    entry("pg_relation_filenode", &[Regclass], Oid, CATALOG, nothing),
    entry("pg_relation_filepath", &[Regclass], Text, CATALOG, nothing),
];

fn no(functions: &Functions, args: &'static [Type]) -> Scalar {
    constant(functions, args, truth(false))
}

/// The value, and NULL where one of the arguments after the first is: they say how it is laid out, which is one way here.
fn and(value: Scalar, args: &'static [Type]) -> Scalar {
    let rest = (1..args.len())
        .map(|index| (Scalar::call(offtake_lir::Func::IsNull, [arg(index)]), Scalar::null(Text)));
    Scalar::Case { branches: rest.collect(), otherwise: Box::new(value) }
}

fn view(functions: &Functions, oid: Scalar) -> Scalar {
    let texts = functions.lookup("pg_get_viewdef", |catalog| {
        let views = catalog.relations.iter().filter_map(|relation| {
            let answer = match (relation.kind, &relation.definition) {
                (Kind::View, Some(query)) => text(&view_text(query)),
                (Kind::View, None) => return None,
                (Kind::Table, _) => text("Not a view"),
            };
            Some((number(relation.oid), answer))
        });
        let indexes = catalog.indexes.iter().map(|index| (number(index.oid), text("Not a view")));
        Lookup::new("pg_get_viewdef", vec![Oid], views.chain(indexes), Otherwise::null())
    });
    look_up(texts, [oid])
}

fn rule(functions: &Functions) -> Scalar {
    let texts = functions.lookup("pg_get_ruledef", |catalog| {
        let rules = catalog.relations.iter().filter_map(|relation| {
            let query = view_text(relation.definition.as_deref()?);
            let name = qualified(&relation.schema, &relation.name);
            let rule = format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {name} DO INSTEAD {query}");
            Some((number(rule_oid(relation.oid)), text(&rule)))
        });
        Lookup::new("pg_get_ruledef", vec![Oid], rules, Otherwise::null())
    });
    look_up(texts, [arg(0)])
}

/// Indexes with their relations.
fn indexes(catalog: &Catalog) -> impl Iterator<Item = (&Index, &crate::RelationInfo)> {
    catalog.indexes.iter().filter_map(|index| Some((index, catalog.relations.get(index.relation)?)))
}

fn index(functions: &Functions, _: &'static [Type]) -> Scalar {
    let texts = functions.lookup("pg_get_indexdef", |catalog| {
        let texts = indexes(catalog).map(|(index, relation)| {
            let table = qualified(&relation.schema, &relation.name);
            (number(index.oid), text(&index_definition(index, relation, &table)))
        });
        Lookup::new("pg_get_indexdef", vec![Oid], texts, Otherwise::null())
    });
    look_up(texts, [arg(0)])
}

/// With a column's number its name, with 0 all; laid out prettily, the table's schema is left out where it is on the search path.
fn index_part(functions: &Functions, _: &'static [Type]) -> Scalar {
    let texts = functions.lookup_in_path("pg_get_indexdef of a column", |catalog, path| {
        let visible = visible(&relations(catalog), path);
        let texts = indexes(catalog).flat_map(|(index, relation)| {
            let named =
                Named { oid: relation.oid, schema: relation.schema.clone(), name: relation.name.clone() };
            let all = |pretty: bool| {
                let nothing = BTreeSet::new();
                index_definition(index, relation, &shown(&named, if pretty { &visible } else { &nothing }))
            };
            let part = |place: usize| match place.checked_sub(1).map(|place| index.columns[place]) {
                Some(column) => column_list(&[column], relation),
                None => String::new(),
            };
            let key = |place: usize, pretty: bool| {
                Row::pack([Datum::Int(index.oid.into()), Datum::Int(place as i64), Datum::Bool(pretty)])
            };
            let parts: Vec<(Row, Row)> = (0..=index.columns.len())
                .flat_map(|place| [(place, false), (place, true)])
                .map(|(place, pretty)| match place {
                    0 => (key(0, pretty), text(&all(pretty))),
                    place => (key(place, pretty), text(&part(place))),
                })
                .collect();
            parts
        });
        Lookup::new("pg_get_indexdef", vec![Oid, Int4, Bool], texts, Otherwise::null())
    });
    look_up(texts, [arg(0), arg(1), arg(2)])
}

fn constraint(functions: &Functions) -> Scalar {
    let texts = functions.lookup("pg_get_constraintdef", |catalog| {
        let texts = indexes(catalog).filter(|(index, _)| index.primary).map(|(index, relation)| {
            let key = format!("PRIMARY KEY ({})", column_list(&index.columns, relation));
            (number(index.oid), text(&key))
        });
        let missing = error(b"XX000", "cache lookup failed for constraint {}");
        Lookup::new("pg_get_constraintdef", vec![Oid], texts, missing)
    });
    look_up(texts, [arg(0)])
}

/// NULL, for there are no sequences; table and column must be there.
fn serial_sequence(functions: &Functions, _: &'static [Type]) -> Scalar {
    let columns = functions.lookup("pg_get_serial_sequence", |catalog| {
        let columns = catalog.relations.iter().flat_map(|relation| {
            relation.columns.iter().map(|column| {
                let key =
                    [Datum::Int(relation.oid.into()), Datum::Text(&relation.name), Datum::Text(&column.name)];
                (Row::pack(key), Row::pack([Datum::Null]))
            })
        });
        let missing = error(b"42703", "column \"{2}\" of relation \"{1}\" does not exist");
        Lookup::new("pg_get_serial_sequence", vec![Oid, Text, Text], columns, missing)
    });
    let table = relation_by_name(functions, arg(0));
    look_up(columns, [table, Scalar::call(offtake_lir::Func::ObjectName, [arg(0)]), arg(1)])
}

/// Relations and the rules of views.
fn describe(functions: &Functions, _: &'static [Type]) -> Scalar {
    const PG_CLASS: i64 = 1259;
    const PG_REWRITE: i64 = 2618;
    let texts = functions.lookup_in_path("pg_describe_object", |catalog, path| {
        let all = relations(catalog);
        let visible = visible(&all, path);
        let kind = |oid: u32| match catalog.relations.iter().find(|relation| relation.oid == oid) {
            Some(relation) if relation.kind == Kind::View => "view",
            Some(_) => "table",
            None if catalog.indexes.iter().any(|index| index.oid == oid) => "index",
            None => match crate::definition::definitions().iter().find(|relation| relation.oid == oid) {
                Some(relation) if relation.kind == "v" => "view",
                _ => "table",
            },
        };
        let key =
            |class: i64, oid: u32| Row::pack([Datum::Int(class), Datum::Int(oid.into()), Datum::Int(0)]);
        let described: Vec<(Row, Row)> = all
            .iter()
            .flat_map(|named| {
                let kind = kind(named.oid);
                let name = format!("{kind} {}", shown(named, &visible));
                let rule = (kind == "view").then(|| {
                    (
                        key(PG_REWRITE, rule_oid(named.oid)),
                        text(&format!("rule {} on {name}", quote("_RETURN"))),
                    )
                });
                std::iter::once((key(PG_CLASS, named.oid), text(&name))).chain(rule)
            })
            .collect();
        Lookup::new("pg_describe_object", vec![Oid, Oid, Int4], described, Otherwise::null())
    });
    look_up(texts, [arg(0), arg(1), arg(2)])
}
