//! View: a query kept incrementally.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    reference::LocalRef,
    source_table::{Column, public},
};

/// A query whose result is kept up to date, transaction by transaction.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "offtake.dev",
    version = "v1alpha1",
    kind = "View",
    namespaced,
    category = "offtake",
    shortname = "ov",
    status = "ViewStatus",
    derive = "PartialEq",
    selectable = ".spec.sourceRef.name",
    doc = "A query whose result is kept up to date, transaction by transaction.",
    validation = Rule::new("has(self.spec.name) || size(self.metadata.name) <= 63")
        .message("metadata.name is longer than a SQL name may be (63): give spec.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.sourceRef.name"),
    printcolumn(name = "Hydrated", type_ = "boolean", json_path = ".status.hydrated"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(name = "Lag (s)", type_ = "number", json_path = ".status.lagSeconds"),
    printcolumn(name = "Memory", type_ = "integer", json_path = ".status.memoryBytes"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "LSN", type_ = "string", json_path = ".status.lsn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.sourceRef.name == oldSelf.sourceRef.name")
        .message("sourceRef cannot be changed: make another View")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!self.schema.startsWith('pg_') && !(self.schema in ['information_schema', 'offtake'])")
        .message("schema: pg_*, information_schema and offtake belong to the system: choose another"),
    validation = Rule::new("self.query.trim() != ''").message("query: it is blank: give one SELECT"),
)]
#[serde(rename_all = "camelCase")]
pub struct ViewSpec {
    /// The PgSource whose tables and views the query reads, in the same namespace.
    pub source_ref: LocalRef,
    /// The schema in which the view is seen in SQL.
    #[serde(default = "public")]
    #[schemars(length(min = 1, max = 63))]
    pub schema: String,
    /// The name under which the view is seen in SQL; metadata.name with "_" for "-" and "." by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// One SELECT in PostgreSQL's SQL.
    #[schemars(length(min = 1, max = 262144))]
    pub query: String,
    /// Columns that are often looked up by equality.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub indexes: Vec<Index>,
}

/// Columns that are looked up together.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct Index {
    /// The columns, in the view's own names.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub columns: Vec<String>,
}

/// What the worker reports.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewStatus {
    /// The generation of the spec that this status is about; -1 before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The view's columns as SQL sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Whether its first contents are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hydrated: Option<bool>,
    /// Rows of the view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// What is readable is exact at this LSN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn: Option<String>,
    /// Age of the oldest upstream commit that is not readable yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    /// Memory that the view's contents take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<i64>,
}
