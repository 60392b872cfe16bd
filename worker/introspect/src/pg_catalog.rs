//! The tables of pg_catalog that tell about user relations. Everything else comes from `datafusion-pg-catalog`.
//!
//! Source: PostgreSQL 15 documentation, chapter 53 (System Catalogs).

use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    catalog::{SchemaProvider, TableProvider},
    error::DataFusionError,
};
use offtake_row::Type;

use crate::{
    RelationInfo,
    session::Schemas,
    table::{Cell, Kind, table},
};

/// The role that owns everything: `pg_roles.oid` of the first superuser in PostgreSQL.
pub const OWNER: i32 = 10;
const DATABASE_OID: i32 = 5;
const DEFAULT_COLLATION: i32 = 100;
const HEAP: i32 = 2;
const BTREE: i32 = 403;

/// Our own tables over those of `datafusion-pg-catalog`.
pub struct Overlay {
    own: HashMap<&'static str, Arc<dyn TableProvider>>,
    base: Arc<dyn SchemaProvider>,
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("own", &self.own.keys()).finish_non_exhaustive()
    }
}

#[async_trait]
impl SchemaProvider for Overlay {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.base.table_names();
        names.extend(
            self.own.keys().map(|name| (*name).to_owned()).filter(|name| !self.base.table_exist(name)),
        );
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        match self.own.get(name) {
            Some(table) => Ok(Some(table.clone())),
            None => self.base.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.base.table_exist(name)
    }
}

/// The index that a relation's key is shown as: its OID is the relation's with the highest bit of a signed integer set.
pub fn index_oid(relation: &RelationInfo) -> i32 {
    (relation.oid | 1 << 30) as i32
}

pub fn index_name(relation: &RelationInfo) -> String {
    format!("{}_pkey", relation.name)
}

fn key_numbers(relation: &RelationInfo) -> Vec<i16> {
    relation.key.iter().map(|column| *column as i16 + 1).collect()
}

impl Overlay {
    pub fn new(
        database: &str,
        schemas: &Schemas,
        relations: &[RelationInfo],
        base: Arc<dyn SchemaProvider>,
    ) -> Result<Overlay, DataFusionError> {
        let keyed: Vec<&RelationInfo> =
            relations.iter().filter(|relation| !relation.key.is_empty()).collect();
        let own = HashMap::from([
            ("pg_class", class(schemas, relations, &keyed)?),
            ("pg_attribute", attribute(relations, &keyed)?),
            ("pg_namespace", namespace(schemas)?),
            ("pg_index", index(&keyed)?),
            ("pg_constraint", constraint(schemas, &keyed)?),
            ("pg_indexes", indexes(&keyed)?),
            ("pg_tables", tables(relations)?),
            ("pg_views", views(relations)?),
            ("pg_database", databases(database)?),
            ("pg_roles", roles()?),
            ("pg_user", users()?),
            ("pg_publication", publications()?),
            ("pg_auth_members", members()?),
            ("pg_db_role_setting", role_settings()?),
            ("pg_default_acl", default_privileges()?),
            ("pg_locks", locks()?),
            ("pg_stat_activity", activity()?),
        ]);
        Ok(Overlay { own, base })
    }
}

type Made = Result<Arc<dyn TableProvider>, DataFusionError>;

fn class(schemas: &Schemas, relations: &[RelationInfo], keyed: &[&RelationInfo]) -> Made {
    let row = |oid: i32, name: &str, schema: &str, kind: &str, attributes: usize, indexed: bool, am: i32| {
        vec![
            oid.into(),
            name.into(),
            schemas.oid(schema).into(),
            0.into(),
            0.into(),
            OWNER.into(),
            am.into(),
            oid.into(),
            0.into(),
            0.into(),
            Cell::Real(-1.0),
            0.into(),
            0.into(),
            indexed.into(),
            false.into(),
            "p".into(),
            kind.into(),
            (attributes as i16).into(),
            0i16.into(),
            (kind == "v").into(),
            false.into(),
            false.into(),
            false.into(),
            false.into(),
            true.into(),
            if kind == "r" { "d" } else { "n" }.into(),
            false.into(),
            0.into(),
            0.into(),
            0.into(),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ]
    };
    let mut rows: Vec<Vec<Cell>> = relations
        .iter()
        .map(|relation| {
            let (kind, am) = match relation.kind {
                crate::Kind::Table => ("r", HEAP),
                crate::Kind::View => ("v", 0),
            };
            let indexed = !relation.key.is_empty();
            row(
                relation.oid as i32,
                &relation.name,
                &relation.schema,
                kind,
                relation.columns.len(),
                indexed,
                am,
            )
        })
        .collect();
    rows.extend(keyed.iter().map(|relation| {
        row(
            index_oid(relation),
            &index_name(relation),
            &relation.schema,
            "i",
            relation.key.len(),
            false,
            BTREE,
        )
    }));
    table(
        &[
            ("oid", Kind::Int),
            ("relname", Kind::Text),
            ("relnamespace", Kind::Int),
            ("reltype", Kind::Int),
            ("reloftype", Kind::Int),
            ("relowner", Kind::Int),
            ("relam", Kind::Int),
            ("relfilenode", Kind::Int),
            ("reltablespace", Kind::Int),
            ("relpages", Kind::Int),
            ("reltuples", Kind::Real),
            ("relallvisible", Kind::Int),
            ("reltoastrelid", Kind::Int),
            ("relhasindex", Kind::Bool),
            ("relisshared", Kind::Bool),
            ("relpersistence", Kind::Text),
            ("relkind", Kind::Text),
            ("relnatts", Kind::Short),
            ("relchecks", Kind::Short),
            ("relhasrules", Kind::Bool),
            ("relhastriggers", Kind::Bool),
            ("relhassubclass", Kind::Bool),
            ("relrowsecurity", Kind::Bool),
            ("relforcerowsecurity", Kind::Bool),
            ("relispopulated", Kind::Bool),
            ("relreplident", Kind::Text),
            ("relispartition", Kind::Bool),
            ("relrewrite", Kind::Int),
            ("relfrozenxid", Kind::Int),
            ("relminmxid", Kind::Int),
            ("relacl", Kind::Texts),
            ("reloptions", Kind::Texts),
            ("relpartbound", Kind::Text),
        ],
        &rows,
    )
}

/// `pg_type.typlen`, `typbyval`, `typalign` and `typstorage` of a type.
fn layout(ty: Type) -> (i16, bool, &'static str, &'static str) {
    match ty {
        Type::Bool => (1, true, "c", "p"),
        Type::Int2 => (2, true, "s", "p"),
        Type::Int4 | Type::Float4 | Type::Date => (4, true, "i", "p"),
        Type::Int8 | Type::Float8 | Type::Time | Type::Timestamp | Type::Timestamptz => (8, true, "d", "p"),
        Type::Uuid => (16, false, "c", "p"),
        Type::Numeric(_) => (-1, false, "i", "m"),
        _ => (-1, false, "i", "x"),
    }
}

fn attribute(relations: &[RelationInfo], keyed: &[&RelationInfo]) -> Made {
    let row = |oid: i32, number: usize, column: &offtake_row::Column, not_null: bool| {
        let (length, by_value, align, storage) = layout(column.ty);
        let collated = matches!(column.ty, Type::Text | Type::Varchar(_) | Type::Bpchar(_));
        vec![
            oid.into(),
            Cell::from(&column.name),
            (column.ty.oid() as i32).into(),
            (-1).into(),
            length.into(),
            (number as i16 + 1).into(),
            0.into(),
            (-1).into(),
            column.ty.typmod().into(),
            by_value.into(),
            align.into(),
            storage.into(),
            "".into(),
            not_null.into(),
            false.into(),
            false.into(),
            "".into(),
            "".into(),
            false.into(),
            true.into(),
            0.into(),
            if collated { DEFAULT_COLLATION } else { 0 }.into(),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for relation in relations {
        // PostgreSQL shows no NOT NULL on a view's columns.
        let table = relation.kind == crate::Kind::Table;
        for (number, column) in relation.columns.iter().enumerate() {
            rows.push(row(relation.oid as i32, number, column, table && !column.nullable));
        }
    }
    for relation in keyed {
        for (number, column) in
            relation.key.iter().filter_map(|column| relation.columns.get(*column)).enumerate()
        {
            rows.push(row(index_oid(relation), number, column, false));
        }
    }
    table(
        &[
            ("attrelid", Kind::Int),
            ("attname", Kind::Text),
            ("atttypid", Kind::Int),
            ("attstattarget", Kind::Int),
            ("attlen", Kind::Short),
            ("attnum", Kind::Short),
            ("attndims", Kind::Int),
            ("attcacheoff", Kind::Int),
            ("atttypmod", Kind::Int),
            ("attbyval", Kind::Bool),
            ("attalign", Kind::Text),
            ("attstorage", Kind::Text),
            ("attcompression", Kind::Text),
            ("attnotnull", Kind::Bool),
            ("atthasdef", Kind::Bool),
            ("atthasmissing", Kind::Bool),
            ("attidentity", Kind::Text),
            ("attgenerated", Kind::Text),
            ("attisdropped", Kind::Bool),
            ("attislocal", Kind::Bool),
            ("attinhcount", Kind::Int),
            ("attcollation", Kind::Int),
            ("attacl", Kind::Texts),
            ("attoptions", Kind::Texts),
            ("attfdwoptions", Kind::Texts),
            ("attmissingval", Kind::Text),
        ],
        &rows,
    )
}

fn namespace(schemas: &Schemas) -> Made {
    let rows: Vec<Vec<Cell>> =
        schemas.iter().map(|(name, oid)| vec![oid.into(), name.into(), OWNER.into()]).collect();
    table(
        &[("oid", Kind::Int), ("nspname", Kind::Text), ("nspowner", Kind::Int), ("nspacl", Kind::Texts)],
        &rows,
    )
}

fn index(keyed: &[&RelationInfo]) -> Made {
    let rows: Vec<Vec<Cell>> = keyed
        .iter()
        .map(|relation| {
            let columns = key_numbers(relation);
            let count = columns.len() as i16;
            vec![
                index_oid(relation).into(),
                (relation.oid as i32).into(),
                count.into(),
                count.into(),
                true.into(),
                false.into(),
                true.into(),
                false.into(),
                true.into(),
                false.into(),
                true.into(),
                false.into(),
                true.into(),
                true.into(),
                false.into(),
                Cell::Shorts(columns.clone()),
                Cell::Shorts(vec![0; columns.len()]),
                Cell::Shorts(vec![0; columns.len()]),
                Cell::Shorts(vec![0; columns.len()]),
            ]
        })
        .collect();
    table(
        &[
            ("indexrelid", Kind::Int),
            ("indrelid", Kind::Int),
            ("indnatts", Kind::Short),
            ("indnkeyatts", Kind::Short),
            ("indisunique", Kind::Bool),
            ("indnullsnotdistinct", Kind::Bool),
            ("indisprimary", Kind::Bool),
            ("indisexclusion", Kind::Bool),
            ("indimmediate", Kind::Bool),
            ("indisclustered", Kind::Bool),
            ("indisvalid", Kind::Bool),
            ("indcheckxmin", Kind::Bool),
            ("indisready", Kind::Bool),
            ("indislive", Kind::Bool),
            ("indisreplident", Kind::Bool),
            ("indkey", Kind::Shorts),
            ("indcollation", Kind::Shorts),
            ("indclass", Kind::Shorts),
            ("indoption", Kind::Shorts),
            ("indexprs", Kind::Text),
            ("indpred", Kind::Text),
        ],
        &rows,
    )
}

fn constraint(schemas: &Schemas, keyed: &[&RelationInfo]) -> Made {
    let rows: Vec<Vec<Cell>> = keyed
        .iter()
        .map(|relation| {
            vec![
                index_oid(relation).into(),
                Cell::Text(index_name(relation)),
                schemas.oid(&relation.schema).into(),
                "p".into(),
                false.into(),
                false.into(),
                true.into(),
                (relation.oid as i32).into(),
                0.into(),
                index_oid(relation).into(),
                0.into(),
                0.into(),
                " ".into(),
                " ".into(),
                " ".into(),
                true.into(),
                0.into(),
                true.into(),
                Cell::Shorts(key_numbers(relation)),
            ]
        })
        .collect();
    table(
        &[
            ("oid", Kind::Int),
            ("conname", Kind::Text),
            ("connamespace", Kind::Int),
            ("contype", Kind::Text),
            ("condeferrable", Kind::Bool),
            ("condeferred", Kind::Bool),
            ("convalidated", Kind::Bool),
            ("conrelid", Kind::Int),
            ("contypid", Kind::Int),
            ("conindid", Kind::Int),
            ("conparentid", Kind::Int),
            ("confrelid", Kind::Int),
            ("confupdtype", Kind::Text),
            ("confdeltype", Kind::Text),
            ("confmatchtype", Kind::Text),
            ("conislocal", Kind::Bool),
            ("coninhcount", Kind::Int),
            ("connoinherit", Kind::Bool),
            ("conkey", Kind::Shorts),
            ("confkey", Kind::Shorts),
            ("conbin", Kind::Text),
        ],
        &rows,
    )
}

fn indexes(keyed: &[&RelationInfo]) -> Made {
    let rows: Vec<Vec<Cell>> = keyed
        .iter()
        .map(|relation| {
            vec![
                Cell::from(&relation.schema),
                Cell::from(&relation.name),
                Cell::Text(index_name(relation)),
                Cell::Null,
                Cell::Text(crate::functions::index_definition(relation)),
            ]
        })
        .collect();
    table(
        &[
            ("schemaname", Kind::Text),
            ("tablename", Kind::Text),
            ("indexname", Kind::Text),
            ("tablespace", Kind::Text),
            ("indexdef", Kind::Text),
        ],
        &rows,
    )
}

fn tables(relations: &[RelationInfo]) -> Made {
    let rows: Vec<Vec<Cell>> = relations
        .iter()
        .filter(|relation| relation.kind == crate::Kind::Table)
        .map(|relation| {
            vec![
                Cell::from(&relation.schema),
                Cell::from(&relation.name),
                crate::functions::OWNER_NAME.into(),
                Cell::Null,
                (!relation.key.is_empty()).into(),
                false.into(),
                false.into(),
                false.into(),
            ]
        })
        .collect();
    table(
        &[
            ("schemaname", Kind::Text),
            ("tablename", Kind::Text),
            ("tableowner", Kind::Text),
            ("tablespace", Kind::Text),
            ("hasindexes", Kind::Bool),
            ("hasrules", Kind::Bool),
            ("hastriggers", Kind::Bool),
            ("rowsecurity", Kind::Bool),
        ],
        &rows,
    )
}

fn views(relations: &[RelationInfo]) -> Made {
    let rows: Vec<Vec<Cell>> = relations
        .iter()
        .filter(|relation| relation.kind == crate::Kind::View)
        .map(|relation| {
            vec![
                Cell::from(&relation.schema),
                Cell::from(&relation.name),
                crate::functions::OWNER_NAME.into(),
                relation.definition.as_ref().into(),
            ]
        })
        .collect();
    table(
        &[
            ("schemaname", Kind::Text),
            ("viewname", Kind::Text),
            ("viewowner", Kind::Text),
            ("definition", Kind::Text),
        ],
        &rows,
    )
}

fn databases(database: &str) -> Made {
    const UTF8: i32 = 6;
    let row = vec![
        DATABASE_OID.into(),
        database.into(),
        OWNER.into(),
        UTF8.into(),
        "c".into(),
        false.into(),
        true.into(),
        (-1).into(),
        0.into(),
        0.into(),
        1663.into(),
        "C".into(),
        "C.UTF-8".into(),
    ];
    table(
        &[
            ("oid", Kind::Int),
            ("datname", Kind::Text),
            ("datdba", Kind::Int),
            ("encoding", Kind::Int),
            ("datlocprovider", Kind::Text),
            ("datistemplate", Kind::Bool),
            ("datallowconn", Kind::Bool),
            ("datconnlimit", Kind::Int),
            ("datfrozenxid", Kind::Int),
            ("datminmxid", Kind::Int),
            ("dattablespace", Kind::Int),
            ("datcollate", Kind::Text),
            ("datctype", Kind::Text),
            ("daticulocale", Kind::Text),
            ("datcollversion", Kind::Text),
            ("datacl", Kind::Texts),
        ],
        &[row],
    )
}

fn roles() -> Made {
    let row = vec![
        OWNER.into(),
        crate::functions::OWNER_NAME.into(),
        false.into(),
        true.into(),
        false.into(),
        false.into(),
        true.into(),
        false.into(),
        (-1).into(),
        "********".into(),
        Cell::Null,
        false.into(),
    ];
    table(
        &[
            ("oid", Kind::Int),
            ("rolname", Kind::Text),
            ("rolsuper", Kind::Bool),
            ("rolinherit", Kind::Bool),
            ("rolcreaterole", Kind::Bool),
            ("rolcreatedb", Kind::Bool),
            ("rolcanlogin", Kind::Bool),
            ("rolreplication", Kind::Bool),
            ("rolconnlimit", Kind::Int),
            ("rolpassword", Kind::Text),
            ("rolvaliduntil", Kind::Text),
            ("rolbypassrls", Kind::Bool),
        ],
        &[row],
    )
}

fn members() -> Made {
    table(
        &[("roleid", Kind::Int), ("member", Kind::Int), ("grantor", Kind::Int), ("admin_option", Kind::Bool)],
        &[],
    )
}

fn users() -> Made {
    let row = vec![crate::functions::OWNER_NAME.into(), OWNER.into(), false.into(), false.into()];
    table(
        &[
            ("usename", Kind::Text),
            ("usesysid", Kind::Int),
            ("usecreatedb", Kind::Bool),
            ("usesuper", Kind::Bool),
        ],
        &[row],
    )
}

fn publications() -> Made {
    table(
        &[
            ("oid", Kind::Int),
            ("pubname", Kind::Text),
            ("pubowner", Kind::Int),
            ("puballtables", Kind::Bool),
            ("pubinsert", Kind::Bool),
            ("pubupdate", Kind::Bool),
            ("pubdelete", Kind::Bool),
            ("pubtruncate", Kind::Bool),
            ("pubviaroot", Kind::Bool),
        ],
        &[],
    )
}

fn role_settings() -> Made {
    table(&[("setdatabase", Kind::Int), ("setrole", Kind::Int), ("setconfig", Kind::Texts)], &[])
}

fn default_privileges() -> Made {
    table(
        &[
            ("oid", Kind::Int),
            ("defaclrole", Kind::Int),
            ("defaclnamespace", Kind::Int),
            ("defaclobjtype", Kind::Text),
            ("defaclacl", Kind::Texts),
        ],
        &[],
    )
}

fn locks() -> Made {
    table(&[("locktype", Kind::Text), ("pid", Kind::Int), ("mode", Kind::Text), ("granted", Kind::Bool)], &[])
}

fn activity() -> Made {
    table(
        &[
            ("datname", Kind::Text),
            ("pid", Kind::Int),
            ("usename", Kind::Text),
            ("application_name", Kind::Text),
            ("state", Kind::Text),
            ("query", Kind::Text),
        ],
        &[],
    )
}
