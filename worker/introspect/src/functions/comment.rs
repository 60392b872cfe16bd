//! Comments on objects: `obj_description` and its like.

use offtake_lir::{Lookup, Otherwise};
use offtake_row::{
    Datum, Row,
    Type::{Int4, Name, Oid, Text},
};

use super::{CATALOG, Entry, arg, entry, look_up, nothing, number, text};
use crate::{
    Catalog,
    content::{Reader, rows},
    definition::definitions,
};

pub const ENTRIES: &[Entry] = &[
    entry("obj_description", &[Oid], Text, CATALOG, |functions, _| {
        let texts = functions.lookup("obj_description", |catalog| {
            let texts = comments(catalog).into_iter().map(|(oid, _, comment)| (number(oid), text(&comment)));
            Lookup::new("obj_description", vec![Oid], texts, Otherwise::null())
        });
        look_up(texts, [arg(0)])
    }),
    entry("obj_description", &[Oid, Name], Text, CATALOG, |functions, _| {
        let texts = functions.lookup("obj_description of a catalog", |catalog| {
            let texts = comments(catalog).into_iter().map(|(oid, catalog, comment)| {
                (Row::pack([Datum::Int(oid.into()), Datum::Text(catalog)]), text(&comment))
            });
            Lookup::new("obj_description", vec![Oid, Name], texts, Otherwise::null())
        });
        look_up(texts, [arg(0), arg(1)])
    }),
    // Columns, databases and roles have none.
    entry("col_description", &[Oid, Int4], Text, CATALOG, nothing),
    entry("shobj_description", &[Oid, Name], Text, CATALOG, nothing),
];

/// OID of the object, name of its catalog, and the comment.
fn comments(catalog: &Catalog) -> Vec<(u32, &'static str, String)> {
    let reader = Reader::new("pg_description");
    let fixed = rows("pg_description").iter().filter_map(|row| {
        let class = reader.oid(row, "classoid");
        let catalog = definitions().iter().find(|relation| relation.oid == class)?.name;
        Some((reader.oid(row, "objoid"), catalog, reader.text(row, "description").to_owned()))
    });
    let own = catalog.relations.iter();
    let own = own.filter_map(|relation| Some((relation.oid, "pg_class", relation.comment.clone()?)));
    fixed.chain(own).collect()
}
