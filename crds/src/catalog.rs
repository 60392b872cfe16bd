//! From objects to what a worker is told.
//!
//! Pure: the objects in hand, from files or from a cluster, become one [`Catalog`] in which every reference is followed and every default
//! filled in, or all of the reasons why they cannot. What the API already has but this version does not do is refused here, by name.

mod connection;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use offtake_contract::{Catalog, OnLost, Problem, Source, Table, View};

pub use names::slot_name;

use crate::{
    PgSource,
    manifests::Manifests,
    reference::{LocalRef, ObjectName},
};

/// The catalog of one source: the one named, or the only one there is. Its `generation` is 0: the caller numbers it.
pub fn to_catalog(manifests: &Manifests, source: Option<&ObjectName>) -> Result<Catalog, Vec<Problem>> {
    let (name, object) = choose(manifests, source).map_err(|problem| vec![problem])?;
    let mut problems = not_there_yet(name, object);
    let connection = connection::resolve(manifests, name, object, &mut problems);
    dangling(manifests, &mut problems);
    let (tables, views) = relations(manifests, name, &mut problems);
    match connection {
        Some(connection) if problems.is_empty() => Ok(Catalog {
            generation: 0,
            source: Source {
                object: name.to_string(),
                connection,
                publication: object.spec.publication.clone(),
                slot: object.spec.slot.name.clone().unwrap_or_else(|| slot_name(name)),
                on_lost: match object.spec.slot.on_lost {
                    crate::OnLost::Stop => OnLost::Stop,
                    crate::OnLost::Resnapshot => OnLost::Resnapshot,
                },
            },
            tables,
            views,
        }),
        _ => Err(problems),
    }
}

/// The source named, or the only one there is.
pub fn choose<'a>(
    manifests: &'a Manifests,
    wanted: Option<&ObjectName>,
) -> Result<(&'a ObjectName, &'a PgSource), Problem> {
    let known = list(manifests.sources.keys());
    match wanted {
        Some(wanted) => manifests.sources.get_key_value(wanted).ok_or_else(|| {
            Problem::new(
                "SourceNotFound",
                format!("there is no PgSource {wanted}"),
                format!("there are: {known}"),
            )
        }),
        None => {
            let mut sources = manifests.sources.iter();
            match (sources.next(), sources.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(Problem::new(
                    "SourceNotFound",
                    "the manifests hold no PgSource",
                    "add one: it names the connection and the publication to read",
                )),
                (Some(_), Some(_)) => Err(Problem::new(
                    "SourceAmbiguous",
                    format!("the manifests hold several PgSources: {known}"),
                    "name one: a worker reads one source",
                )),
            }
        }
    }
}

fn not_there_yet(name: &ObjectName, source: &PgSource) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, what: &str, remedy: &str| {
        problems.push(Problem::new(
            "NotSupportedYet",
            format!("PgSource {name}: spec.{field}: {what}"),
            remedy,
        ));
    };
    if !source.spec.schema_aliases.is_empty() {
        let what = "this version does not keep schema aliases yet";
        refuse("schemaAliases", what, "remove it, and name the schema itself in queries");
    }
    if source.spec.worker.replicas != 1 {
        let what =
            format!("{} replicas: this version runs one worker for a source", source.spec.worker.replicas);
        refuse("worker.replicas", &what, "set it to 1, and give it more threads instead");
    }
    problems
}

/// Tables and views that name a source that is not there: they would silently be left out.
fn dangling(manifests: &Manifests, problems: &mut Vec<Problem>) {
    let tables = manifests.tables.iter().map(|(name, table)| ("SourceTable", name, &table.spec.source_ref));
    let views = manifests.views.iter().map(|(name, view)| ("View", name, &view.spec.source_ref));
    for (kind, name, LocalRef { name: source }) in tables.chain(views) {
        let source = name.sibling(source);
        if !manifests.sources.contains_key(&source) {
            problems.push(Problem::new(
                "SourceNotFound",
                format!("{kind} {name}: spec.sourceRef.name: there is no PgSource {source}"),
                format!(
                    "there are: {}; a source is found in the same namespace",
                    list(manifests.sources.keys())
                ),
            ));
        }
    }
}

/// The source's tables and views, each under a name of its own.
fn relations(
    manifests: &Manifests,
    source: &ObjectName,
    problems: &mut Vec<Problem>,
) -> (Vec<Table>, Vec<View>) {
    let belongs =
        |name: &ObjectName, to: &LocalRef| name.namespace == source.namespace && to.name == source.name;
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut claim =
        |kind: &str, object: &ObjectName, schema: &str, name: Option<&str>, problems: &mut Vec<Problem>| {
            let name = name.map_or_else(|| names::sql_name(&object.name), str::to_owned);
            for (field, text) in [("schema", schema), ("name", &*name)] {
                if text.len() > names::LONGEST || text.contains('\0') {
                    problems.push(Problem::new(
                        "InvalidName",
                        format!("{kind} {object}: spec.{field}: \"{text}\" is no SQL name"),
                        format!("at most {} bytes", names::LONGEST),
                    ));
                }
            }
            let this = format!("{kind} {object}");
            if let Some(first) = taken.insert((schema.to_owned(), name.clone()), this.clone()) {
                problems.push(Problem::new(
                    "NameTaken",
                    format!("{this}: {schema}.{name} is already the name of {first}"),
                    "give one of the two another spec.name or spec.schema",
                ));
            }
            name
        };
    let mut tables = Vec::new();
    for (object, table) in
        manifests.tables.iter().filter(|(name, table)| belongs(name, &table.spec.source_ref))
    {
        let spec = &table.spec;
        tables.push(Table {
            object: object.to_string(),
            upstream_schema: spec.upstream.schema.clone(),
            upstream_table: spec.upstream.table.clone(),
            schema: spec.schema.clone(),
            name: claim("SourceTable", object, &spec.schema, spec.name.as_deref(), problems),
            exclude_columns: spec.exclude_columns.clone(),
            text_columns: spec.text_columns.clone(),
        });
    }
    let mut views = Vec::new();
    for (object, view) in manifests.views.iter().filter(|(name, view)| belongs(name, &view.spec.source_ref)) {
        let spec = &view.spec;
        let mut seen = BTreeSet::new();
        let indexes = spec.indexes.iter().map(|index| index.columns.clone());
        views.push(View {
            object: object.to_string(),
            schema: spec.schema.clone(),
            name: claim("View", object, &spec.schema, spec.name.as_deref(), problems),
            query: spec.query.clone(),
            indexes: indexes.filter(|columns| seen.insert(columns.clone())).collect(),
        });
    }
    (tables, views)
}

/// Names for a message.
fn list<'a>(names: impl Iterator<Item = &'a ObjectName>) -> String {
    let names: Vec<String> = names.map(ObjectName::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
