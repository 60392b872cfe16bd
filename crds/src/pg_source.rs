//! PgSource: one slot on one publication, and the worker cluster that reads it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Affinity, Toleration},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{quantity::Quantity, reference::LocalRef};

/// One replication slot on one publication, and the worker cluster that reads it.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "offtake.dev",
    version = "v1alpha1",
    kind = "PgSource",
    namespaced,
    category = "offtake",
    shortname = "pgs",
    status = "PgSourceStatus",
    derive = "PartialEq",
    selectable = ".spec.connectionRef.name",
    doc = "One replication slot on one publication, and the worker cluster that reads it.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Slot", type_ = "string", json_path = ".status.slot.state"),
    printcolumn(name = "Tables", type_ = "integer", json_path = ".status.tables.total"),
    printcolumn(name = "Tables ready", type_ = "integer", json_path = ".status.tables.ready"),
    printcolumn(name = "Lag (s)", type_ = "number", json_path = ".status.lag.seconds"),
    printcolumn(name = "Retained (bytes)", type_ = "integer", json_path = ".status.slot.retainedBytes"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "LSN", type_ = "string", json_path = ".status.slot.confirmedLsn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.connectionRef.name == oldSelf.connectionRef.name && self.publication == oldSelf.publication")
        .message("connectionRef and publication cannot be changed: the slot belongs to them. Make another PgSource")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new(
        "has(self.slot) && has(self.slot.name) ? has(oldSelf.slot) && has(oldSelf.slot.name) && self.slot.name == oldSelf.slot.name \
         : !has(oldSelf.slot) || !has(oldSelf.slot.name)"
    )
        .message("slot.name cannot be changed: another slot has other changes. Make another PgSource")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new(
        "!has(self.schemaAliases) || self.schemaAliases.all(alias, self.schemaAliases[alias] != alias \
         && !(self.schemaAliases[alias] in self.schemaAliases))"
    )
        .message("a schema alias names a schema of tables, not itself and not another alias"),
)]
#[serde(rename_all = "camelCase")]
pub struct PgSourceSpec {
    /// The PgConnection, in the same namespace.
    pub connection_ref: LocalRef,
    /// The upstream's publication that holds the tables. It must exist before the slot is made.
    #[schemars(length(min = 1, max = 63))]
    pub publication: String,
    /// The replication slot.
    #[serde(default)]
    pub slot: Slot,
    /// The pods that read the slot and keep tables and views.
    #[serde(default)]
    pub worker: Worker,
    /// Second names of schemas, re-pointed atomically when everything in the new one is there: "live: v2".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64), schema_with = "aliases")]
    pub schema_aliases: BTreeMap<String, String>,
}

/// The replication slot.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// By default "offtake_", the namespace, "_" and the name, with "_" for what a slot's name cannot hold and a hash where it could be
    /// another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9_]{1,63}$"), length(max = 63))]
    pub name: Option<String>,
    /// What becomes of the slot when the source is deleted.
    #[serde(default)]
    pub reclaim_policy: ReclaimPolicy,
    /// What to do when the slot is gone or invalidated, so that changes were missed: Stop keeps serving the last exact state and reports the
    /// loss, Resnapshot copies every table again.
    #[serde(default)]
    pub on_lost: OnLost,
}

/// Delete frees the write-ahead log that the slot keeps; Retain leaves the slot to you, and its log grows until you drop it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ReclaimPolicy {
    #[default]
    Delete,
    Retain,
}

/// What to do when changes were missed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum OnLost {
    #[default]
    Stop,
    Resnapshot,
}

/// The pods that read the slot and keep tables and views.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Pods that share the work. This version runs one.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub replicas: u16,
    /// Threads that keep views; as many as the cpu limit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub threads: Option<u16>,
    /// CPU and memory of a pod.
    #[serde(default)]
    pub resources: Resources,
    /// The volume that holds tables and progress.
    #[serde(default)]
    pub storage: Storage,
    /// The worker's container image; the operator's own version by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// Secrets for the image's registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<LocalRef>,
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that are tolerated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,
    /// Rules about nodes and other pods, as in a Pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "open_object")]
    pub affinity: Option<serde_json::Value>,
    /// The PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}

impl Worker {
    /// The rules of [`Worker::affinity`].
    ///
    /// # Errors
    /// It is not what a Pod takes; the API server does not look into it.
    pub fn read_affinity(&self) -> Result<Option<Affinity>, serde_json::Error> {
        self.affinity.as_ref().map(Affinity::deserialize).transpose()
    }
}

impl Default for Worker {
    fn default() -> Worker {
        Worker {
            replicas: one(),
            threads: None,
            resources: Resources::default(),
            storage: Storage::default(),
            image: None,
            image_pull_secrets: Vec::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: None,
            priority_class_name: None,
        }
    }
}

/// As a container's resources.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Resources {
    /// What is reserved: cpu, memory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, Quantity>,
    /// What may be used at most: cpu, memory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
}

/// The volume that holds tables and progress.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new(
        "has(self.storageClassName) ? has(oldSelf.storageClassName) && self.storageClassName == oldSelf.storageClassName \
         : !has(oldSelf.storageClassName)"
    )
        .message("storageClassName cannot be changed: a volume stays in its class. Make another PgSource")
        .reason(Reason::FieldValueForbidden),
)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The volume's size; it may grow later.
    #[serde(default = "default_size")]
    pub size: Quantity,
    /// The volume's StorageClass; the cluster's default class without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage { size: default_size(), storage_class_name: None }
    }
}

/// What the worker reports.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PgSourceStatus {
    /// The generation of the spec that this status is about; -1 before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The replication slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotStatus>,
    /// Between the upstream's write-ahead log and what is readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
    /// The source's SourceTables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Ready>,
    /// The source's Views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<Ready>,
    /// The copies that are under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// The worker's pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerStatus>,
    /// What the worker was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<CatalogStatus>,
}

/// The worker's pods.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// The image that the pods run; the operator's own default reaches them with the next rollout only.
    pub image: String,
    /// The worker's own version, once it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Pods that are ready.
    pub ready: i32,
}

/// What the worker was told last.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogStatus {
    /// Rises with every change of the catalog.
    pub generation: i64,
    /// A keyed digest of the catalog: an equal one is not sent again, by the next operator either.
    pub digest: String,
}

/// The replication slot as the upstream shows it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotStatus {
    /// The slot's name.
    pub name: String,
    /// Streaming, Inactive or Lost; Unknown while the worker is not heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether this source has read from the slot. One that it never read from may be another's, and is not dropped with the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<bool>,
    /// The system identifier of the server on which this source has read from the slot: it is dropped there only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// Everything before it is durable on the worker's volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_lsn: Option<String>,
    /// Write-ahead log that the slot keeps on the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained_bytes: Option<i64>,
}

/// Between the upstream's write-ahead log and what is readable.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Lag {
    /// Bytes of write-ahead log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Age of the oldest upstream commit that is not readable yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// How many there are and how many of them are well.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Ready {
    /// All of them.
    pub total: i32,
    /// Those that are well.
    pub ready: i32,
}

/// The copies that are under way, together.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Tables whose copy is not finished.
    pub tables_remaining: i32,
    /// Rows copied so far.
    pub rows_copied: i64,
    /// From the upstream's statistics, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_estimated: Option<i64>,
    /// Of the estimated rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i32>,
}

fn one() -> u16 {
    1
}

fn default_size() -> Quantity {
    Quantity("10Gi".into())
}

/// Names of schemas, short enough for the cost limit of CEL rules.
fn aliases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 63},
    })
}

/// An object whose fields the API server leaves alone: its own schema would be larger than all the rest. It is kept as it is, for an object
/// that cannot be read could not even be deleted in order; [`Worker::read_affinity`] reads it.
fn open_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true})
}
