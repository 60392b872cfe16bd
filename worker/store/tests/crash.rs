//! The store is killed while it works, again and again, and must hold exactly what some prefix of its steps makes.

#![allow(clippy::unwrap_used)]

mod steps;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use offtake_store::Store;
use rand::Rng;
use steps::{Model, compare, options, perform, position, prepare, read};

const DIRECTORY: &str = "OFFTAKE_STORE_CRASH_DIRECTORY";
const SEED: &str = "OFFTAKE_STORE_SEED";

fn seed() -> u64 {
    let seed =
        std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| rand::rng().random());
    println!("seed {seed} (repeat with {SEED}={seed})");
    seed
}

#[test]
fn the_store_equals_the_model_after_every_reopening() {
    let seed = seed();
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut step = 0;
    for round in 1..=5 {
        let store = Store::open_with(directory.path(), options()).unwrap();
        prepare(&store).unwrap();
        if round > 1 {
            compare(seed, &read(&store).unwrap(), &model);
        }
        for _ in 0..130 {
            step += 1;
            perform(&store, seed, step).unwrap();
        }
        model.advance(seed, step);
        compare(seed, &read(&store).unwrap(), &model);
    }
}

#[test]
fn a_killed_writer_leaves_whole_steps_and_all_that_was_synced() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return write_until_killed(&directory);
    }
    let seed = seed();
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let rounds = 10;
    for round in 1..=rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_writer_leaves_whole_steps_and_all_that_was_synced", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let listener = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            let synced = lines.filter_map(|line| line.strip_prefix("synced ")?.parse::<u64>().ok());
            synced.last().unwrap_or(0)
        });
        // From before the store is open to well into compactions.
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(10..1200)));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success(), "the writer stopped by itself");
        let synced = listener.join().unwrap();

        let store = Store::open_with(directory.path(), options()).unwrap();
        prepare(&store).unwrap();
        let stored = position(&store).unwrap();
        assert!(stored >= synced, "seed {seed}: step {synced} was synced, the store is at {stored}");
        assert!(stored >= model.step, "seed {seed}: the store went back to {stored}");
        model.advance(seed, stored);
        let mut found = read(&store).unwrap();
        // Making or dropping the guest table precedes its step and may stand alone.
        if found.tables.len() != model.tables.len() && (stored + 1).is_multiple_of(50) {
            perform(&store, seed, stored + 1).unwrap();
            model.advance(seed, stored + 1);
            found = read(&store).unwrap();
        }
        compare(seed, &found, &model);
        println!("round {round} of {rounds}: step {stored}, {synced} of them synced");
    }
}

fn write_until_killed(directory: &str) {
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let store = Store::open_with(directory, options()).unwrap();
    prepare(&store).unwrap();
    let mut output = std::io::stdout();
    for step in position(&store).unwrap() + 1.. {
        perform(&store, seed, step).unwrap();
        if step.is_multiple_of(7) {
            store.sync().unwrap();
            writeln!(output, "synced {step}").unwrap();
        }
    }
}
