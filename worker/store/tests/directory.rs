//! Directories that are not what they should be, and volumes without room.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtake_store::{Options, Retry, Store, StoreError, TableId, WriteBatch};
use rand::{Rng, SeedableRng, rngs::StdRng};

const TABLE: TableId = TableId(1);

fn options() -> Options {
    Options { memtable_bytes: 64 << 10, write_buffer_bytes: 64 << 10, reserve_bytes: 0, ..Options::default() }
}

fn value(number: u32) -> Vec<u8> {
    number.to_le_bytes().repeat(10)
}

fn fill(directory: &Path) {
    let store = Store::open_with(directory, options()).unwrap();
    store.create_table(TABLE).unwrap();
    let mut loader = store.load(TABLE).unwrap();
    for number in 0..5_000u32 {
        loader.add(&number.to_be_bytes(), &value(number)).unwrap();
    }
    loader.finish().unwrap();
    for numbers in (5_000..10_000u32).collect::<Vec<_>>().chunks(100) {
        let mut batch = WriteBatch::new();
        for number in numbers {
            batch.put(TABLE, number.to_be_bytes(), value(*number));
        }
        batch.put_meta("lsn", numbers[0].to_be_bytes());
        store.write(batch).unwrap();
    }
    store.sync().unwrap();
}

fn error(result: Result<Store, StoreError>) -> StoreError {
    let error = result.map(drop).unwrap_err();
    assert!(!error.reason().is_empty() && !error.remedy().is_empty());
    error
}

#[test]
fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let refused = error(Store::open(directory.path()));
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    assert_eq!(refused.retry(), Retry::Later);
    drop(store);
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_foreign_directory_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.tex"), "x").unwrap();
    let refused = error(Store::open(directory.path()));
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_fresh_volume_is_not_foreign() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_file_is_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    error(Store::open(&file));
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("offtake-store.json"), r#"{"kind":"offtake-store","format":99}"#)
        .unwrap();
    let refused = error(Store::open(directory.path()));
    assert!(matches!(refused, StoreError::NewerFormat { found: 99, .. }), "{refused}");
}

#[test]
fn a_creation_that_was_cut_off_starts_over() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path()).unwrap());
    let database = directory.path().join("db");
    fs::remove_dir_all(&database).unwrap();
    fs::create_dir_all(database.join("keyspaces")).unwrap();
    fs::write(database.join("0.jnl"), "").unwrap();
    fs::write(database.join("version"), "").unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.create_table(TABLE).unwrap();
}

#[test]
fn tables_without_a_version_file_are_damage_and_stay() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    fs::remove_file(directory.path().join("db/version")).unwrap();
    let refused = error(Store::open(directory.path()));
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(directory.path().join("db/keyspaces").exists());
}

#[test]
fn a_full_volume_refuses_and_goes_on_later() {
    let directory = tempfile::tempdir().unwrap();
    let store =
        Store::open_with(directory.path(), Options { reserve_bytes: u64::MAX / 2, ..options() }).unwrap();
    store.create_table(TABLE).unwrap();
    let mut batch = WriteBatch::new();
    batch.put(TABLE, b"key", vec![0; 8 << 20]);
    let refused = store.write(batch).unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull { reopen: false, .. }), "{refused}");
    assert_eq!((refused.retry(), refused.reason()), (Retry::Later, "VolumeFull"));
    assert!(store.get(TABLE, b"key").unwrap().is_none());
    store.sync().unwrap();
}

#[test]
fn a_full_volume_can_be_tidied_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), options()).unwrap();
    store.create_table(TABLE).unwrap();
    let mut batch = WriteBatch::new();
    batch.put(TABLE, b"key", b"value");
    batch.put(TABLE, b"other", b"value");
    batch.append_pending(TABLE, 1, b"later");
    store.write(batch).unwrap();
    drop(store);

    let full = Options { reserve_bytes: u64::MAX / 2, ..options() };
    let store = Store::open_with(directory.path(), full).unwrap();
    // So much that the volume is looked at.
    let mut batch = WriteBatch::new();
    batch.put_meta("large", vec![0; 8 << 20]);
    batch.delete(TABLE, b"key");
    batch.clear_pending(TABLE);
    store.write(batch).unwrap();
    assert!(store.get(TABLE, b"key").unwrap().is_none());
    let mut batch = WriteBatch::new();
    batch.put_meta("large", vec![0; 8 << 20]);
    batch.append_pending(TABLE, 1, b"later");
    batch.clear(TABLE);
    assert_eq!(store.write(batch).unwrap_err().reason(), "VolumeFull");
    assert!(store.get(TABLE, b"other").unwrap().is_some());

    let mut batch = WriteBatch::new();
    batch.put_meta("large", vec![0; 8 << 20]);
    batch.put(TABLE, b"new", vec![0; 8 << 20]);
    batch.append_pending(TABLE, 1, b"later");
    batch.forget(TABLE);
    store.write(batch).unwrap();
    assert!(store.get(TABLE, b"new").unwrap().is_none());
    store.drop_table(TABLE).unwrap();
}

#[test]
fn wrong_calls_are_refused_and_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), options()).unwrap();
    store.create_table(TABLE).unwrap();
    let long = vec![0; 70_000];
    for (key, table) in [(&b""[..], TABLE), (&long, TABLE), (b"key", TableId(2))] {
        let mut batch = WriteBatch::new();
        batch.put(TABLE, b"good", b"good");
        batch.clear(TABLE);
        batch.put(table, key, b"bad");
        assert_eq!(store.write(batch).unwrap_err().retry(), Retry::Never);
    }
    assert!(store.get(TABLE, b"good").unwrap().is_none());
    assert!(store.get(TABLE, &long).unwrap().is_none());
    assert!(
        store.scan(TableId(2)).is_err()
            && store.pending(TableId(2)).is_err()
            && store.load(TableId(2)).is_err()
    );
    store.drop_table(TableId(2)).unwrap();
}

#[test]
fn a_load_shows_at_its_end_only_and_a_scan_keeps_what_it_began_with() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_with(directory.path(), options()).unwrap();
    store.create_table(TABLE).unwrap();
    let mut batch = WriteBatch::new();
    batch.put(TABLE, b"old", b"1");
    store.write(batch).unwrap();
    let scan = store.scan(TABLE).unwrap();

    let mut loader = store.load(TABLE).unwrap();
    loader.add(b"dropped", b"1").unwrap();
    drop(loader);
    let mut loader = store.load(TABLE).unwrap();
    loader.add(b"b", b"1").unwrap();
    loader.add(b"a", b"1").unwrap();
    loader.add(b"b", b"2").unwrap();
    assert_eq!(store.scan(TABLE).unwrap().count(), 1);
    let mut batch = WriteBatch::new();
    batch.put(TABLE, b"c", b"3");
    assert_eq!(loader.finish_with(batch).unwrap(), 3);

    let rows = |scan: offtake_store::Scan| -> Vec<(Vec<u8>, Vec<u8>)> {
        scan.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
    };
    let row = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    assert_eq!(rows(store.scan(TABLE).unwrap()), [row(b"a", b"1"), row(b"b", b"2"), row(b"c", b"3")]);
    assert_eq!(rows(scan), [row(b"old", b"1")]);
}

/// Flips, cuts and removes in every file: what comes back is the data, or an error that says what is wrong. Never other data, never a
/// panic.
#[test]
fn damage_is_named_and_never_read_as_data() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path());
    let (mut refused, mut read) = (0, 0);
    for path in files(whole.path()) {
        for damage in 0..4 {
            let copy = tempfile::tempdir().unwrap();
            for file in files(whole.path()) {
                let to = copy.path().join(&file);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                // Most of a journal is a hole.
                let bytes = fs::read(whole.path().join(&file)).unwrap();
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                fs::write(&to, &bytes[..used]).unwrap();
                if bytes.len() < 1 << 20 {
                    fs::write(&to, &bytes).unwrap();
                }
            }
            let victim = copy.path().join(&path);
            let mut bytes = fs::read(&victim).unwrap();
            match damage {
                0 => fs::remove_file(&victim).unwrap(),
                1 => fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap(),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] ^= 1 << random.random_range(0..8);
                    fs::write(&victim, &bytes).unwrap();
                }
            }
            match all_rows(copy.path()) {
                Ok(()) => read += 1,
                Err(error) => {
                    assert!(!error.remedy().is_empty());
                    refused += 1;
                }
            }
        }
    }
    println!("{refused} times refused, {read} times read");
    assert!(refused > 0 && read > 0);
}

fn all_rows(directory: &Path) -> Result<(), StoreError> {
    let store = Store::open_with(directory, options())?;
    for table in store.tables() {
        for row in store.scan(table)? {
            let (key, stored) = row?;
            let number = u32::from_be_bytes((&*key).try_into().expect("a key as it was written"));
            assert_eq!(&*stored, value(number), "a wrong value was read");
        }
        for number in (0..10_000u32).step_by(371) {
            if let Some(stored) = store.get(table, &number.to_be_bytes())? {
                assert_eq!(&*stored, value(number), "a wrong value was read");
            }
        }
    }
    store.meta("lsn").map(drop)
}

/// All files below a directory, relative to it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path)
            } else {
                found.push(path.strip_prefix(directory).unwrap().to_owned())
            }
        }
    }
    found.sort();
    found
}
