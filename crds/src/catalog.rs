//! From objects to what a worker is told.
//!
//! Pure: the objects in hand, from files or from a cluster, become one [`Catalog`] in which every reference is followed and every default
//! filled in, or all of the reasons why they cannot. What the API already has but this version does not do is refused here, by name.

mod connection;
mod names;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use offtake_contract::{Catalog, Connection, OnLost, Problem, Source, Table, View};

pub use names::slot_name;

use crate::{
    PgConnection, PgSource,
    manifests::Manifests,
    reference::{LocalRef, ObjectName},
};

/// The catalog of one source: the one named, or the only one there is. Its `generation` is 0: the caller numbers it.
pub fn to_catalog(manifests: &Manifests, source: Option<&ObjectName>) -> Result<Catalog, Vec<Problem>> {
    let (name, object) = choose(manifests, source).map_err(|problem| vec![problem])?;
    let Assembly { source, tables, views, refused } = assemble(manifests, name, object);
    let (source, mut problems) = match source {
        Ok(source) => (Some(source), Vec::new()),
        Err(problems) => (None, problems),
    };
    dangling(manifests, &mut problems);
    problems.extend(refused.into_values());
    match source {
        Some(source) if problems.is_empty() => Ok(Catalog { generation: 0, source, tables, views }),
        _ => Err(problems),
    }
}

/// How a PgConnection's database is reached, its Secrets followed.
pub fn connection(
    manifests: &Manifests,
    name: &ObjectName,
    object: &PgConnection,
) -> Result<Connection, Vec<Problem>> {
    let mut problems = Vec::new();
    connection::follow(manifests, name, object, &mut problems).ok_or(problems)
}

/// What one source's worker is told, as far as it goes: what is wrong with one object keeps only that object out.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembly {
    /// The source and its connection, or all that is wrong with them.
    pub source: Result<Source, Vec<Problem>>,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
    /// Objects that are left out, and why.
    pub refused: BTreeMap<Member, Problem>,
}

/// A SourceTable or a View of a source.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Member {
    pub kind: MemberKind,
    pub name: ObjectName,
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MemberKind {
    Table,
    View,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            MemberKind::Table => "SourceTable",
            MemberKind::View => "View",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// Follows every reference of a source. Where two objects want one name in SQL, the older one has it: what runs goes on.
pub fn assemble(manifests: &Manifests, name: &ObjectName, object: &PgSource) -> Assembly {
    let mut problems = not_there_yet(name, object);
    let connection = connection::resolve(manifests, name, object, &mut problems);
    let source = match connection {
        Some(connection) if problems.is_empty() => Ok(Source {
            object: name.to_string(),
            connection,
            publication: object.spec.publication.clone(),
            slot: object.spec.slot.name.clone().unwrap_or_else(|| slot_name(name)),
            on_lost: match object.spec.slot.on_lost {
                crate::OnLost::Stop => OnLost::Stop,
                crate::OnLost::Resnapshot => OnLost::Resnapshot,
            },
        }),
        _ => Err(problems),
    };
    let (tables, views, refused) = relations(manifests, name);
    Assembly { source, tables, views, refused }
}

fn choose<'a>(
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

/// A table or view on its way into the catalog.
struct Candidate<'a> {
    member: Member,
    created: Option<&'a Time>,
    schema: &'a str,
    name: String,
}

/// The source's tables and views, each under a name of its own, and those that have none.
fn relations(
    manifests: &Manifests,
    source: &ObjectName,
) -> (Vec<Table>, Vec<View>, BTreeMap<Member, Problem>) {
    let belongs =
        |name: &ObjectName, to: &LocalRef| name.namespace == source.namespace && to.name == source.name;
    let tables = manifests.tables.iter().filter(|(name, table)| belongs(name, &table.spec.source_ref));
    let views = manifests.views.iter().filter(|(name, view)| belongs(name, &view.spec.source_ref));
    let candidate = |kind, name: &ObjectName, created, schema, sql: Option<&str>| Candidate {
        member: Member { kind, name: name.clone() },
        created,
        schema,
        name: sql.map_or_else(|| names::sql_name(&name.name), str::to_owned),
    };
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for (name, table) in tables.clone() {
        let created = table.metadata.creation_timestamp.as_ref();
        let spec = &table.spec;
        candidates.push(candidate(MemberKind::Table, name, created, &spec.schema, spec.name.as_deref()));
    }
    for (name, view) in views.clone() {
        let created = view.metadata.creation_timestamp.as_ref();
        let spec = &view.spec;
        candidates.push(candidate(MemberKind::View, name, created, &spec.schema, spec.name.as_deref()));
    }
    let (names, refused) = claim(candidates);
    let name_of = |kind, object: &ObjectName| names.get(&Member { kind, name: object.clone() }).cloned();
    let tables = tables.filter_map(|(object, table)| {
        let spec = &table.spec;
        Some(Table {
            object: object.to_string(),
            upstream_schema: spec.upstream.schema.clone(),
            upstream_table: spec.upstream.table.clone(),
            schema: spec.schema.clone(),
            name: name_of(MemberKind::Table, object)?,
            exclude_columns: spec.exclude_columns.clone(),
            text_columns: spec.text_columns.clone(),
        })
    });
    let views = views.filter_map(|(object, view)| {
        let mut seen = BTreeSet::new();
        let indexes = view.spec.indexes.iter().map(|index| index.columns.clone());
        Some(View {
            object: object.to_string(),
            schema: view.spec.schema.clone(),
            name: name_of(MemberKind::View, object)?,
            query: view.spec.query.clone(),
            indexes: indexes.filter(|columns| seen.insert(columns.clone())).collect(),
        })
    });
    (tables.collect(), views.collect(), refused)
}

/// Gives each candidate its name, the oldest first, or says why not.
fn claim(mut candidates: Vec<Candidate<'_>>) -> (BTreeMap<Member, String>, BTreeMap<Member, Problem>) {
    candidates.sort_by(|a, b| (a.created, &a.member).cmp(&(b.created, &b.member)));
    let mut taken: BTreeMap<(&str, String), Member> = BTreeMap::new();
    let (mut names, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for Candidate { member, schema, name, .. } in candidates {
        let wrong = [("schema", schema), ("name", name.as_str())]
            .into_iter()
            .find(|(_, text)| text.len() > names::LONGEST || text.contains('\0'));
        if let Some((field, text)) = wrong {
            let message = format!("{member}: spec.{field}: \"{text}\" is no SQL name");
            let remedy = format!("at most {} bytes", names::LONGEST);
            refused.insert(member, Problem::new("InvalidName", message, remedy));
            continue;
        }
        match taken.entry((schema, name.clone())) {
            Entry::Occupied(first) => {
                let message = format!("{member}: {schema}.{name} is already the name of {}", first.get());
                let remedy = "give one of the two another spec.name or spec.schema";
                refused.insert(member, Problem::new("NameTaken", message, remedy));
            }
            Entry::Vacant(entry) => {
                entry.insert(member.clone());
                names.insert(member, name);
            }
        }
    }
    (names, refused)
}

/// What to do about a name that leads nowhere, with those that would lead somewhere.
fn missing<'a>(known: impl Iterator<Item = &'a ObjectName>) -> String {
    let known: Vec<String> = known.map(ObjectName::to_string).collect();
    let what = "apply it in the same namespace, or correct the name";
    if known.is_empty() { what.to_owned() } else { format!("{what}; there are: {}", known.join(", ")) }
}

/// Names for a message.
fn list<'a>(names: impl Iterator<Item = &'a ObjectName>) -> String {
    let names: Vec<String> = names.map(ObjectName::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
