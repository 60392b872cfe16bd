//! What a table's record means for others: its status, its declaration to the coordinator, its drift. Pure, but for the posting itself.

use offtake_contract::{
    ColumnStatus, Drift, DriftChange, Lsn, Problem, SnapshotProgress, TablePhase, TableStatus,
};
use offtake_lir::CollectionId;
use offtake_postgres::{
    fence::{FenceChange, FenceChangeKind},
    pgoutput::Relation,
    shape::ShapeError,
};
use offtake_row::{Column, Row};

use super::{
    records::{Layout, TableRecord, TableState},
    staged::read_count,
};
use crate::{
    board::{self, Board},
    coordinator::{Availability, Declaration},
};

/// What the coordinator needs to know of a table.
pub fn declaration(record: &TableRecord) -> Declaration {
    let availability = match &record.state {
        TableState::Copying => Availability::Copying,
        TableState::Live => Availability::Live,
        TableState::Stopped { problem, altered } => {
            Availability::Stopped { problem: problem.clone(), altered: *altered }
        }
    };
    Declaration {
        id: CollectionId(record.id),
        object: record.definition.object.clone(),
        schema: record.definition.schema.clone(),
        name: record.definition.name.clone(),
        columns: record.layout.as_ref().map(columns).unwrap_or_default(),
        key: record.layout.as_ref().map(|layout| layout.key.clone()).unwrap_or_default(),
        availability,
    }
}

fn columns(layout: &Layout) -> Vec<Column> {
    layout.columns.iter().map(|column| Column::new(&column.name, column.ty, column.nullable)).collect()
}

/// A stored entry as a row and its multiplicity.
pub fn stored_row(key: &[u8], value: &[u8], bag: bool) -> (Row, i64) {
    if bag {
        (Row::from_bytes(key), read_count(value).and_then(|count| i64::try_from(count).ok()).unwrap_or(1))
    } else {
        (Row::from_bytes(value), 1)
    }
}

/// Posts a table's record; rows and memory are posted by the coordinator.
pub fn post(board: &Board, record: &TableRecord) {
    let (phase, problem) = match &record.state {
        TableState::Copying if record.snapshot.started_at.is_some() => (TablePhase::Snapshotting, None),
        TableState::Copying => (TablePhase::Pending, None),
        TableState::Live => (TablePhase::Running, None),
        TableState::Stopped { problem, altered: true } => (TablePhase::SchemaAltered, Some(problem.clone())),
        TableState::Stopped { problem, altered: false } => (TablePhase::Failed, Some(problem.clone())),
    };
    board.post(|status| {
        let found = status.tables.iter().position(|table| table.object == record.definition.object);
        let place = found.unwrap_or_else(|| {
            status.tables.push(TableStatus {
                object: record.definition.object.clone(),
                schema: String::new(),
                name: String::new(),
                upstream: String::new(),
                phase: TablePhase::Pending,
                problem: None,
                snapshot: SnapshotProgress::default(),
                columns: Vec::new(),
                drift: Vec::new(),
                rows: None,
                memory_bytes: None,
            });
            status.tables.len() - 1
        });
        let table = &mut status.tables[place];
        table.schema.clone_from(&record.definition.schema);
        table.name.clone_from(&record.definition.name);
        table.upstream =
            format!("{}.{}", record.definition.upstream_schema, record.definition.upstream_table);
        table.phase = phase;
        table.problem = problem;
        table.snapshot = record.snapshot.clone();
        table.drift.clone_from(&record.drift);
        table.columns =
            record.layout.as_ref().map(columns).unwrap_or_default().iter().map(column_status).collect();
    });
}

pub fn column_status(column: &Column) -> ColumnStatus {
    ColumnStatus { name: column.name.clone(), ty: column.ty.to_string(), nullable: column.nullable }
}

/// Notes a drift once: the same change of the same column is not listed again.
pub fn add_drift(record: &mut TableRecord, drift: Drift) {
    if !record.drift.iter().any(|known| known.change == drift.change && known.column == drift.column) {
        record.drift.push(drift);
    }
}

/// What a description on the stream shows that the table does not have: columns that were added since.
pub fn drift_of_relation(record: &TableRecord, relation: &Relation, lsn: Lsn) -> Vec<Drift> {
    let Some(layout) = &record.layout else { return Vec::new() };
    relation
        .columns
        .iter()
        .filter(|column| !layout.columns.iter().any(|known| known.name == column.name))
        .filter(|column| !record.definition.exclude_columns.contains(&column.name))
        .map(|column| Drift {
            change: DriftChange::ColumnAdded,
            column: Some(column.name.clone()),
            lsn: Some(lsn),
            observed_at: board::now(),
            breaking: false,
            message: format!(
                "column \"{}\" is new upstream; a new SourceTable beside this one picks it up",
                column.name
            ),
        })
        .collect()
}

/// The drift behind a shape that no longer fits.
pub fn drift_of_error(error: &ShapeError, lsn: Lsn) -> Option<Drift> {
    let change = match error {
        ShapeError::ColumnMissing { .. } => DriftChange::ColumnDropped,
        ShapeError::ColumnsSwapped { .. } => DriftChange::ColumnRenamed,
        ShapeError::TypeChanged { .. } => DriftChange::TypeChanged,
        ShapeError::KeyChanged { .. } => DriftChange::KeyChanged,
        _ => return None,
    };
    Some(Drift {
        change,
        column: error.column().map(str::to_owned),
        lsn: Some(lsn),
        observed_at: board::now(),
        breaking: true,
        message: error.to_string(),
    })
}

/// What a change in the upstream's catalog means for one table.
pub struct Consequence {
    pub drift: Drift,
    /// The table must stop, because of this.
    pub stop: Option<Problem>,
    /// A used column was altered, as opposed to changes missed.
    pub altered: bool,
}

/// Judges one observed change for one table.
pub fn consequence(record: &TableRecord, change: &FenceChange, lsn: Lsn) -> Consequence {
    let used = |name: &String| {
        record.layout.as_ref().is_some_and(|layout| layout.columns.iter().any(|c| c.name == *name))
    };
    let column_used = change.column.as_ref().is_some_and(used);
    let (kind, altered, missed) = match change.kind {
        FenceChangeKind::ColumnAdded => (DriftChange::ColumnAdded, false, false),
        FenceChangeKind::ColumnDropped => (DriftChange::ColumnDropped, column_used, false),
        FenceChangeKind::ColumnRenamed => (DriftChange::ColumnRenamed, column_used, false),
        FenceChangeKind::TypeChanged => (DriftChange::TypeChanged, column_used, false),
        // The stream's next description of the table decides whether its key still fits.
        FenceChangeKind::KeyChanged => (DriftChange::KeyChanged, false, change.loses_changes()),
        FenceChangeKind::ReplicaIdentityChanged => {
            (DriftChange::ReplicaIdentityChanged, false, change.loses_changes())
        }
        FenceChangeKind::TableRenamed => (DriftChange::TableRenamed, false, change.loses_changes()),
        FenceChangeKind::TableDropped => (DriftChange::TableDropped, false, true),
        FenceChangeKind::TableReplaced => (DriftChange::TableReplaced, false, true),
        FenceChangeKind::Unpublished => (DriftChange::Unpublished, false, true),
        FenceChangeKind::Republished => (DriftChange::Unpublished, false, true),
        FenceChangeKind::PublicationDropped
        | FenceChangeKind::PublicationReplaced
        | FenceChangeKind::PublicationChanged => {
            (DriftChange::PublicationChanged, false, change.loses_changes())
        }
        FenceChangeKind::PersistenceChanged
        | FenceChangeKind::PartitionsChanged
        | FenceChangeKind::PartitionRewritten => (DriftChange::TableReplaced, false, change.loses_changes()),
    };
    let object = &record.definition.object;
    let stop = if altered {
        Some(Problem::new(
            "SchemaAltered",
            format!("SourceTable {object}: {}", change.message),
            "apply a new SourceTable for the table as it is now, point the views at it, then remove this one",
        ))
    } else if missed {
        Some(Problem::new(
            "ChangesMissed",
            format!("SourceTable {object}: {}; changes may be missing from the stream", change.message),
            "apply a new SourceTable for it (it is copied beside this one), then remove this one",
        ))
    } else {
        None
    };
    let drift = Drift {
        change: kind,
        column: change.column.clone(),
        lsn: Some(lsn),
        observed_at: board::now(),
        breaking: stop.is_some(),
        message: change.message.clone(),
    };
    Consequence { drift, stop, altered }
}
