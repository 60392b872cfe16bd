//! What is read while transactions go on and the worker is killed equals what PostgreSQL itself, recovered to that very LSN, answers.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
};

use offtake_contract::Lsn;
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question, Rows},
    program::{self, Program},
    upstream::copy_files,
    wait, worker,
};
use offtake_embedded::{Server, Shutdown};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const SAMPLES: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_in_flight_equals_postgres_at_that_lsn_on_the_oldest() {
    in_flight(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_in_flight_equals_postgres_at_that_lsn_on_the_newest() {
    in_flight(super::NEWEST).await;
}

async fn in_flight(version: &str) {
    let seed = program::seed();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut upstream = Upstream::start(version).await;
    upstream.run(program::SCHEMA).await;
    // Before 12, PostgreSQL prints thirds with fewer digits than Offtake does.
    upstream.run("UPDATE pairs SET v = round(v)").await;
    upstream.server.stop(Shutdown::Fast).await.expect("the server stops");
    // Copies lie beside the data: the server's account can enter there, and they go when the server goes.
    let data = upstream.server.data_dir();
    let (base, end) = (data.with_file_name("base"), data.with_file_name("end"));
    copy_files(&data, &base);
    let (keep, size) = match upstream.server.major() {
        ..13 => ("wal_keep_segments", "1000"),
        _ => ("wal_keep_size", "16GB"),
    };
    upstream.server.set(keep, size);
    upstream.server.resume().await.expect("the server goes on");

    let program = Program::start(&upstream.address(), seed, 3);
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&program::TABLES)),
        ("views.yaml", program::all_views()),
    ]);
    let questions = program::questions();
    let mut samples = Vec::new();
    for number in 0..SAMPLES {
        let target = program.committed() + random.random_range(1..150);
        wait::until("some transactions", || {
            std::future::ready((program.committed() >= target).then_some(()))
        })
        .await;
        if random.random_bool(0.6) {
            worker.kill9();
            worker.spawn();
        }
        let what = format!("sample {number}, seed {seed}: every table and view to be readable");
        samples.push(wait::until(what, || sample(&worker, &questions)).await);
    }
    program.finish().await;
    // Recovery stops at the first record that begins at the LSN or after it: there must be one.
    upstream.run("INSERT INTO unwatched VALUES (0)").await;
    worker.stop().await;
    upstream.server.stop(Shutdown::Fast).await.expect("the server stops");

    fs::rename(&data, &end).expect("the last state goes aside");
    for (number, (lsn, answers)) in samples.into_iter().enumerate() {
        let context = format!("PostgreSQL {version}, seed {seed}, sample {number}");
        copy_files(&base, &data);
        fs::remove_dir_all(data.join("pg_wal")).expect("the base's log goes");
        copy_files(&end.join("pg_wal"), &data.join("pg_wal"));
        recover_to(&mut upstream.server, lsn);
        upstream.server.resume().await.unwrap_or_else(|error| panic!("{context}: to {lsn}: {error}"));
        // Version 11 would not complain about an LSN that it did not find.
        let stops = upstream.server.log().matches("recovery stopping before WAL location").count();
        assert_eq!(stops, number + 1, "{context}: recovery did not stop at {lsn}");
        let client = upstream.connect().await;
        for (question, answer) in questions.iter().zip(answers) {
            let expected = worker::rows(&client, question.ask).await;
            let expected = expected.unwrap_or_else(|error| panic!("{context}: {}: {error:?}", question.ask));
            oracle::assert_same(&format!("{context}: {} at {lsn}", question.read), answer, expected);
        }
        upstream.server.stop(Shutdown::Fast).await.expect("the recovered server stops");
        fs::remove_dir_all(&data).expect("the recovered state goes");
    }
}

/// The answer to every question, and the one LSN that they are of; `None` while one of them cannot be had.
async fn sample(worker: &Worker, questions: &[Question<'_>]) -> Option<(Lsn, Vec<Rows>)> {
    let client = worker.connect().await;
    client.batch_execute("BEGIN").await.ok()?;
    let mut answers = Vec::new();
    for question in questions {
        answers.push(worker::rows(&client, question.read).await.ok()?);
    }
    // Not before the first read: that one pins the LSN.
    let lsn = worker::rows(&client, "SHOW offtake.lsn").await.ok()?;
    client.batch_execute("COMMIT").await.ok()?;
    let lsn = lsn.first()?.first()?.as_deref()?;
    Some((lsn.parse().expect("an LSN"), answers))
}

/// The next start recovers everything before `lsn` and nothing after it, and takes connections only then.
fn recover_to(server: &mut Server, lsn: Lsn) {
    let target = [
        // It must be given; the whole log is in its place already.
        ("restore_command", "false".to_owned()),
        ("recovery_target_lsn", lsn.to_string()),
        // The LSN of a commit is its end, which is where the next record begins.
        ("recovery_target_inclusive", "off".to_owned()),
        ("recovery_target_action", "promote".to_owned()),
    ];
    server.set("hot_standby", "off");
    let data = server.data_dir();
    let (file, text) = if server.major() < 12 {
        let lines = target.map(|(name, value)| format!("{name} = '{value}'\n"));
        (data.join("recovery.conf"), lines.concat())
    } else {
        target.iter().for_each(|(name, value)| server.set(name, value));
        (data.join("recovery.signal"), String::new())
    };
    fs::write(&file, text).expect("a file that asks for recovery");
    // The server opens it for writing before it puts it away.
    let owner = fs::metadata(&data).expect("the data directory");
    chown(&file, Some(owner.uid()), Some(owner.gid())).expect("the file is the server's");
}
