//! What can be wrong with a source or a table, each with its reason word and its remedy. One function a problem.

use offtake_contract::{Lsn, Problem};
use offtake_postgres::shape::ValueError;
use offtake_store::StoreError;

use super::{records::TableRecord, staged::Mismatch};

const NEW_VERSION: &str =
    "apply a new SourceTable for it (it is copied beside this one), then remove this one";

fn upstream(record: &TableRecord) -> String {
    format!("{}.{}", record.definition.upstream_schema, record.definition.upstream_table)
}

/// A value that the table's column cannot hold here.
pub fn value(record: &TableRecord, error: &ValueError) -> Problem {
    Problem::new(
        "ValueUnsupported",
        format!(
            "SourceTable {}: a change of {} has a value that cannot be kept: {error}",
            record.definition.object,
            upstream(record)
        ),
        format!("list the column in spec.textColumns or spec.excludeColumns: {NEW_VERSION}"),
    )
}

/// The stream and the stored table disagree.
pub fn mismatch(record: &TableRecord, mismatch: &Mismatch) -> Problem {
    let what = match mismatch {
        Mismatch::MissingRow => "an UPDATE or DELETE came for a row that is not stored",
        Mismatch::DuplicateKey => "a row came under a key that is stored already",
        Mismatch::NoOldRow => "an UPDATE came without the old row, and the table has no key",
        Mismatch::Undescribed => "a change came under a description that does not fit the table",
        Mismatch::UnreadableCount => "a stored row cannot be read",
    };
    let remedy = match mismatch {
        Mismatch::NoOldRow => {
            format!("run ALTER TABLE {} REPLICA IDENTITY FULL upstream, then {NEW_VERSION}", upstream(record))
        }
        _ => format!("changes of this table were missed: {NEW_VERSION}"),
    };
    Problem::new("ChangesMissed", format!("SourceTable {}: {what}", record.definition.object), remedy)
}

/// A key, which in a table without one is the whole row, is longer than the store's keys may be.
pub fn row_too_large(record: &TableRecord, keyed: bool) -> Problem {
    let upstream = upstream(record);
    let (what, remedy) = if keyed {
        (
            "a row whose key is longer than 64 KiB",
            format!("give {upstream} a shorter primary key or replica identity"),
        )
    } else {
        (
            "no key and a row of more than 64 KiB",
            format!("give {upstream} a primary key, or list its long columns in spec.excludeColumns"),
        )
    };
    Problem::new(
        "RowTooLarge",
        format!("SourceTable {}: {upstream} has {what}", record.definition.object),
        format!("{remedy}; {NEW_VERSION}"),
    )
}

/// A change came before the stream described its relation.
pub fn unannounced_relation(record: &TableRecord) -> Problem {
    Problem::new(
        "ChangesMissed",
        format!(
            "SourceTable {}: a change of {} came before its description",
            record.definition.object,
            upstream(record)
        ),
        NEW_VERSION,
    )
}

/// A change that waited during the copy cannot be read back.
pub fn unreadable_pending(record: &TableRecord) -> Problem {
    Problem::new(
        "DataDirectoryDamaged",
        format!(
            "SourceTable {}: a change that waited during the copy cannot be read back",
            record.definition.object
        ),
        NEW_VERSION,
    )
}

/// The store cannot be written.
pub fn store(error: &StoreError) -> Problem {
    Problem::new(error.reason(), error.to_string(), error.remedy())
}

/// The database at the other end is not the one that the stored rows came from.
pub fn other_system(stored: &str, found: &str) -> Problem {
    Problem::new(
        "SystemChanged",
        format!("the database's system identifier is {found}; the stored tables came from {stored}"),
        "point the PgConnection at the database it was, or start with an empty data directory to copy everything from the new one",
    )
}

/// A field of the source that the stored rows depend on was changed.
pub fn source_changed(field: &str, stored: &str, wanted: &str) -> Problem {
    Problem::new(
        "SourceChanged",
        format!("spec.{field} was \"{stored}\" when the tables were copied and is now \"{wanted}\""),
        format!("set spec.{field} back, or apply a new PgSource and remove this one"),
    )
}

/// Every table is to be copied again, but the server's log is not yet where the tables stand.
pub fn log_behind(end: Lsn, applied: Lsn) -> Problem {
    Problem::new(
        "LogBehind",
        format!(
            "the server's log ends at {end}, and the tables here stand at {applied}: it was restored to an earlier state"
        ),
        "the tables are copied again once the log has passed that position; to have it now, remove and re-apply the PgSource, or start \
         with an empty data directory",
    )
}

/// The slot is gone or was invalidated: changes were missed.
pub fn slot_lost(slot: &str, why: &str, applied: Lsn) -> Problem {
    Problem::new(
        "SlotLost",
        format!(
            "replication slot \"{slot}\": {why}; tables are served as of {applied} and are no longer followed"
        ),
        "set spec.slot.onLost to Resnapshot to make the slot again and copy every table again, or remove and re-apply the PgSource",
    )
}
