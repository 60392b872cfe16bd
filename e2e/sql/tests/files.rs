//! Every file of `slt/`, one test each.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{collections::BTreeSet, fs, path::PathBuf, sync::OnceLock};

use offtake_sql_tests::{Oracle, file::Script, script};

/// One server for all tests of this process, with which it ends.
fn oracle() -> &'static Oracle {
    static ORACLE: OnceLock<Oracle> = OnceLock::new();
    ORACLE.get_or_init(Oracle::start)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("slt")
}

fn run(name: &str) {
    let text = fs::read_to_string(folder().join(format!("{name}.slt"))).unwrap();
    let database = oracle().database(name);
    match script::run(&database, &Script::parse(&text), &[1, 4]) {
        Ok(seen) => println!("{name}: {seen:?}"),
        Err(faults) => panic!("{name}.slt\n{faults}"),
    }
}

macro_rules! files {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_file_is_run() {
            let run: BTreeSet<String> = [$(format!("{}.slt", stringify!($name))),*].into();
            let found = fs::read_dir(folder()).unwrap();
            let found: BTreeSet<String> =
                found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            assert_eq!(run, found);
        }
    };
}

files! { grouping joins recursion sets subqueries topk windows with }
