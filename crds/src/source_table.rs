//! SourceTable: one version of one upstream table.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::LocalRef;

/// One version of one upstream table. Several versions of a table may live side by side, in different schemas or under different names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "offtake.dev",
    version = "v1alpha1",
    kind = "SourceTable",
    namespaced,
    category = "offtake",
    shortname = "stb",
    status = "SourceTableStatus",
    derive = "PartialEq",
    selectable = ".spec.sourceRef.name",
    doc = "One version of one upstream table. Several versions of a table may live side by side.",
    validation = Rule::new("has(self.spec.name) || size(self.metadata.name) <= 63")
        .message("metadata.name is longer than a SQL name may be (63): give spec.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.sourceRef.name"),
    printcolumn(name = "Upstream", type_ = "string", json_path = ".spec.upstream.table"),
    printcolumn(name = "Copied (%)", type_ = "integer", json_path = ".status.snapshot.percent"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.sourceRef.name == oldSelf.sourceRef.name && self.upstream == oldSelf.upstream")
        .message("sourceRef and upstream cannot be changed: make another SourceTable beside this one")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new(
        "!has(self.excludeColumns) || !has(self.textColumns) || !self.excludeColumns.exists(column, column in self.textColumns)"
    )
        .message("a column is in both excludeColumns and textColumns: remove it from one"),
    validation = Rule::new("!self.schema.startsWith('pg_') && !(self.schema in ['information_schema', 'offtake'])")
        .message("schema: pg_*, information_schema and offtake belong to the system: choose another"),
)]
#[serde(rename_all = "camelCase")]
pub struct SourceTableSpec {
    /// The PgSource, in the same namespace.
    pub source_ref: LocalRef,
    /// The table in the upstream database.
    pub upstream: Upstream,
    /// The schema in which the table is seen in SQL.
    #[serde(default = "public")]
    #[schemars(length(min = 1, max = 63))]
    pub schema: String,
    /// The name under which the table is seen in SQL; metadata.name with "_" for "-" and "." by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// Columns that are neither copied nor kept; they may come and go upstream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 300), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude_columns: Vec<String>,
    /// Columns that are kept as text, as PostgreSQL prints them: for types that Offtake does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 300), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub text_columns: Vec<String>,
}

/// The table in the upstream database.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Upstream {
    /// The table's schema.
    #[serde(default = "public")]
    #[schemars(length(min = 1, max = 63))]
    pub schema: String,
    /// The table's name, as the upstream's catalog has it.
    #[schemars(length(min = 1, max = 63))]
    pub table: String,
}

/// What the worker reports.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceTableStatus {
    /// The generation of the spec that this status is about; -1 before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Pending, Snapshotting, Running, SchemaAltered or Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<SourceTablePhase>,
    /// The first copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<TableSnapshot>,
    /// Rows kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// The columns as SQL sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// How the upstream table differs from this one by now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
}

/// SchemaAltered: a column in use was dropped, renamed or retyped upstream; reads fail and name it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SourceTablePhase {
    Pending,
    Snapshotting,
    Running,
    SchemaAltered,
    Failed,
}

/// The first copy of a table.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSnapshot {
    /// Rows copied so far.
    pub rows_copied: i64,
    /// From the upstream's statistics, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_estimated: Option<i64>,
    /// Of the estimated rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i32>,
    /// Bytes copied so far.
    pub bytes: i64,
    /// When the copy began (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When the copy ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// A column as SQL sees it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The column's type, as PostgreSQL writes it.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A difference between a SourceTable and its upstream table.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// ColumnAdded, ColumnDropped, ColumnRenamed, TypeChanged, …
    pub change: String,
    /// The column it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Where in the log it was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn: Option<String>,
    /// When it was noticed (RFC 3339).
    pub observed_at: String,
    /// Whether this table stopped because of it.
    pub breaking: bool,
    /// What happened and what to do.
    pub message: String,
}

/// PostgreSQL's default schema.
pub(crate) fn public() -> String {
    "public".into()
}
