//! What opening does: sequence numbers, and the tables that the records name.

use std::collections::BTreeMap;

use fjall::{Database, Keyspace, Slice};

use super::{
    FLOOR_KEY, FLOOR_STEP, Generation, META, Options, Table, TableId, keyspace_name, keyspace_options,
};
use crate::{
    StoreError,
    directory::{Directory, from_io},
    journal::Journal,
};

/// Takes the sequence numbers of this opening from above all that earlier ones used, and keeps a new floor for the next, durably.
///
/// fjall 3.1 keeps its list of keyspaces in a tree of its own and forgets that tree when it works out after a crash which sequence
/// numbers were used. A keyspace that is then made with an internal number that was in use before carries an older sequence number than
/// the tombstone of its predecessor, and is removed as unknown at the next opening.
pub(super) fn raise_floor(
    directory: &Directory,
    database: &Database,
    meta: &Keyspace,
    journal: &Journal,
) -> Result<u64, StoreError> {
    let stored = directory.guard("reading the sequence number", || meta.get(FLOOR_KEY))?;
    let stored = stored.and_then(|value| Some(u64::from_be_bytes((*value).try_into().ok()?))).unwrap_or(0);
    database.supervisor.seqno.fetch_max(stored);
    let floor = database.seqno() + FLOOR_STEP;
    directory.guard("writing the sequence number", || {
        let mut batch = database.batch();
        batch.insert(meta, FLOOR_KEY, floor.to_be_bytes());
        batch.commit()
    })?;
    journal.sync().map_err(|error| from_io(directory.path(), "syncing the journal", error))?;
    Ok(floor)
}

/// Finds the tables that the records name, and removes the keyspaces that none names.
pub(super) fn open_tables(
    directory: &Directory,
    database: &Database,
    meta: &Keyspace,
    options: &Options,
) -> Result<(BTreeMap<TableId, Table>, u64), StoreError> {
    let damaged = |detail| StoreError::Corrupt {
        path: directory.path().to_owned(),
        doing: "opening the tables",
        detail,
    };
    let records: Vec<(Slice, Slice)> =
        directory.guard("opening the tables", || meta.iter().map(fjall::Guard::into_inner).collect())?;
    let mut orphans: Vec<String> = database.list_keyspace_names().iter().map(ToString::to_string).collect();
    orphans.retain(|name| name != META);
    let mut next_generation = 1;
    for name in &orphans {
        let number = name.rsplit_once('.').and_then(|(_, number)| number.parse::<u64>().ok());
        let number = number.ok_or_else(|| damaged(format!("a table of the name \"{name}\"")))?;
        next_generation = next_generation.max(number + 1);
    }
    let mut open = |kind, id, number| {
        let name = keyspace_name(kind, id, number);
        let Some(position) = orphans.iter().position(|orphan| *orphan == name) else {
            return Err(damaged(format!("no contents for table {id}")));
        };
        orphans.swap_remove(position);
        let keyspace =
            directory.guard("opening a table", || database.keyspace(&name, || keyspace_options(options)))?;
        Ok(Generation { number, keyspace })
    };
    let mut tables = BTreeMap::new();
    for (key, value) in records {
        let Some(id) = key.strip_prefix(b"t") else {
            continue;
        };
        let (Ok(id), Ok(record)) = (<[u8; 8]>::try_from(id), <[u8; 16]>::try_from(&*value)) else {
            return Err(damaged("a table record of a wrong length".to_owned()));
        };
        let id = TableId(u64::from_be_bytes(id));
        let numbers = u128::from_be_bytes(record);
        let rows = open('t', id, (numbers >> 64) as u64)?;
        let pending = match numbers as u64 {
            0 => None,
            number => Some(open('p', id, number)?),
        };
        tables.insert(id, Table { rows, pending });
    }
    for name in orphans {
        tracing::info!(keyspace = name, "removing contents that were replaced or never came into place");
        directory.guard("removing replaced contents", || {
            let keyspace = database.keyspace(&name, || keyspace_options(options))?;
            database.delete_keyspace(keyspace)
        })?;
    }
    Ok((tables, next_generation))
}
