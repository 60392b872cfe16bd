//! The relations of pg_catalog and information_schema: their names, OIDs and columns, as PostgreSQL 15 has them.

use std::{collections::BTreeMap, sync::LazyLock};

use offtake_lir::{CollectionId, functions::CollectionFunction};
use offtake_row::{Column, Type};

/// Collections of the catalogs are numbered from here by their OIDs, far from those of tables and views.
const COLLECTIONS: u64 = 0xffff_fffe_0000_0000;
/// Functions in FROM that take no arguments are collections, too: numbered from here by the functions' OIDs.
const FUNCTIONS: u64 = 0xffff_fffd_0000_0000;

/// A relation of the catalogs.
#[derive(Debug)]
pub struct Definition {
    pub schema: &'static str,
    pub name: &'static str,
    /// `pg_class.relkind`: `r` or `v`.
    pub kind: &'static str,
    pub oid: u32,
    pub columns: Vec<ColumnDefinition>,
    pub collection: CollectionId,
}

/// A column of such a relation.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    pub name: &'static str,
    /// `pg_attribute.atttypid`, which may be a domain.
    pub type_oid: u32,
    pub typmod: i32,
    /// What values are held as. Types that Offtake does not keep, or only in catalogs, are texts.
    pub ty: Type,
    pub not_null: bool,
    /// `pg_attribute.attcollation`.
    pub collation: u32,
}

/// A relation as a planner wants to know it.
#[derive(Clone, Debug)]
pub struct SystemRelation {
    pub id: CollectionId,
    pub schema: &'static str,
    pub name: &'static str,
    pub columns: Vec<Column>,
    /// Positions of columns whose values occur once.
    pub key: Option<Vec<usize>>,
}

impl Definition {
    /// The position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }

    fn relation(&self) -> SystemRelation {
        let columns =
            self.columns.iter().map(|column| Column::new(column.name, column.ty, !column.not_null)).collect();
        // In tables a column of that name is the primary key.
        let key = (self.kind == "r").then(|| self.position("oid")).flatten().map(|position| vec![position]);
        SystemRelation { id: self.collection, schema: self.schema, name: self.name, columns, key }
    }
}

/// What is in `data/relations.tsv`, and the functions.
struct Definitions {
    relations: Vec<Definition>,
    functions: Vec<Definition>,
    by_name: BTreeMap<(&'static str, &'static str), usize>,
    by_collection: BTreeMap<CollectionId, usize>,
}

static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(|| {
    let relations = parse(include_str!("../data/relations.tsv"), COLLECTIONS);
    let functions = parse(FUNCTION_COLUMNS, FUNCTIONS);
    let at = |all: &[Definition], of: fn(&Definition) -> (&'static str, &'static str)| {
        all.iter().enumerate().map(|(index, definition)| (of(definition), index)).collect()
    };
    let by_name = at(&relations, |definition| (definition.schema, definition.name));
    let by_collection =
        relations.iter().enumerate().map(|(index, definition)| (definition.collection, index)).collect();
    Definitions { relations, functions, by_name, by_collection }
});

/// Functions that answer the same rows whatever they are called with, which are none where they take arguments, in the form of `data/relations.tsv`. Source: `pg_proc`.
const FUNCTION_COLUMNS: &str = "\
pg_catalog	pg_get_keywords	f	1686
	word	25	-1	25	-1	f	100
	catcode	18	-1	18	-1	f	0
	barelabel	16	-1	16	-1	f	0
	catdesc	25	-1	25	-1	f	100
	baredesc	25	-1	25	-1	f	100
pg_catalog	pg_timezone_names	f	2856
	name	25	-1	25	-1	f	100
	abbrev	25	-1	25	-1	f	100
	utc_offset	1186	-1	1186	-1	f	0
	is_dst	16	-1	16	-1	f	0
pg_catalog	pg_timezone_abbrevs	f	2599
	abbrev	25	-1	25	-1	f	100
	utc_offset	1186	-1	1186	-1	f	0
	is_dst	16	-1	16	-1	f	0
pg_catalog	pg_listening_channels	f	3035
	pg_listening_channels	25	-1	25	-1	f	100
pg_catalog	pg_partition_ancestors	f	3425
	relid	2205	-1	2205	-1	f	0
pg_catalog	pg_partition_tree	f	3423
	relid	2205	-1	2205	-1	f	0
	parentrelid	2205	-1	2205	-1	f	0
	isleaf	16	-1	16	-1	f	0
	level	23	-1	23	-1	f	0
pg_catalog	pg_available_extensions	f	3082
	name	19	-1	19	-1	f	950
	default_version	25	-1	25	-1	f	100
	comment	25	-1	25	-1	f	100
pg_catalog	ts_token_type	f	3713
	tokid	23	-1	23	-1	f	0
	alias	25	-1	25	-1	f	100
	description	25	-1	25	-1	f	100
";

fn parse(text: &'static str, base: u64) -> Vec<Definition> {
    let mut definitions: Vec<Definition> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&'static str> = line.split('\t').collect();
        match (fields.as_slice(), definitions.last_mut()) {
            (["", name, type_oid, typmod, base_oid, base_typmod, not_null, collation], Some(definition)) => {
                definition.columns.push(ColumnDefinition {
                    name,
                    type_oid: number(type_oid),
                    typmod: typmod.parse().unwrap_or(-1),
                    ty: held_as(number(base_oid), base_typmod.parse().unwrap_or(-1)),
                    not_null: *not_null == "t",
                    collation: number(collation),
                });
            }
            ([schema, name, kind, oid], _) => {
                let oid = number(oid);
                definitions.push(Definition {
                    schema,
                    name,
                    kind,
                    oid,
                    columns: Vec::new(),
                    collection: CollectionId(base + u64::from(oid)),
                });
            }
            _ => {}
        }
    }
    definitions
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_default()
}

fn held_as(oid: u32, typmod: i32) -> Type {
    Type::from_oid(oid, typmod).unwrap_or(Type::Text)
}

/// All relations of the catalogs.
pub fn definitions() -> &'static [Definition] {
    &DEFINITIONS.relations
}

/// The relation of this name.
pub fn definition(schema: &str, name: &str) -> Option<&'static Definition> {
    let index = DEFINITIONS.by_name.get(&(schema, name))?;
    DEFINITIONS.relations.get(*index)
}

/// The relation, or the function in FROM, that is this collection.
pub fn of_collection(id: CollectionId) -> Option<&'static Definition> {
    match DEFINITIONS.by_collection.get(&id) {
        Some(index) => DEFINITIONS.relations.get(*index),
        None => DEFINITIONS.functions.iter().find(|definition| definition.collection == id),
    }
}

/// `pg_class.oid` of a relation of the catalogs; `None` for any other collection.
pub fn oid(id: CollectionId) -> Option<u32> {
    DEFINITIONS
        .by_collection
        .get(&id)
        .and_then(|index| DEFINITIONS.relations.get(*index))
        .map(|known| known.oid)
}

/// Whether the collection is a relation of the catalogs, or a function in FROM.
pub fn is_of_catalogs(id: CollectionId) -> bool {
    of_collection(id).is_some()
}

/// All relations of pg_catalog and information_schema, for planning.
pub fn relations() -> Vec<SystemRelation> {
    definitions().iter().map(Definition::relation).collect()
}

/// `pg_class.oid` of a table of the catalogs; `None` for views and any other collection.
pub fn table_oid(id: CollectionId) -> Option<u32> {
    of_collection(id).filter(|definition| definition.kind == "r").map(|definition| definition.oid)
}

/// Functions that answer the rows of a collection: a call in FROM reads it.
pub fn functions_in_from() -> Vec<CollectionFunction> {
    let function = |definition: &'static Definition| {
        let relation = definition.relation();
        let args: &[Type] = match definition.name {
            "pg_partition_ancestors" | "pg_partition_tree" => &[Type::Regclass],
            "ts_token_type" => &[Type::Oid],
            _ => &[],
        };
        CollectionFunction { name: definition.name, args, collection: relation.id, columns: relation.columns }
    };
    DEFINITIONS.functions.iter().map(function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_is_read_and_found() {
        assert_eq!(definitions().len(), 208);
        assert!(definitions().iter().all(|definition| !definition.columns.is_empty()));
        let class = definition("pg_catalog", "pg_class").expect("is there");
        assert_eq!((class.oid, class.columns.len(), class.kind), (1259, 33, "r"));
        assert_eq!(of_collection(class.collection).map(|found| found.name), Some("pg_class"));
        let columns = definition("information_schema", "columns").expect("is there");
        assert_eq!(columns.columns[0].ty, Type::Name);
        let keywords = &functions_in_from()[0];
        assert_eq!(of_collection(keywords.collection).map(|found| found.name), Some("pg_get_keywords"));
    }
}
