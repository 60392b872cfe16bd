//! Bad input and bad surroundings: each its own reason and remedy, healed without a restart.

use offtake_contract::{SourcePhase, TablePhase};
use offtake_e2e::{
    Upstream, Worker, manifests,
    oracle::{self, Question},
    upstream::PASSWORD,
    worker,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_and_missing_publications_are_named_and_heal() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    let right = manifests::source(&upstream);
    let mut worker = Worker::start(&[
        ("source.yaml", right.replace(&PASSWORD.replace('\'', "''"), "wrong")),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    let failed = |reason: &'static str| {
        move |status: &offtake_contract::Status| {
            status.source.problem.as_ref().is_some_and(|problem| problem.reason == reason)
        }
    };
    let status = worker.status_when("the refused password", |status| status.source.problem.is_some()).await;
    let problem = status.source.problem.expect("the problem");
    assert!(!problem.remedy.is_empty() && !problem.message.contains(PASSWORD), "{problem}");
    assert_ne!(status.source.phase, SourcePhase::Streaming);

    worker.write("source.yaml", &right);
    let status = worker
        .status_when("the missing publication", |status| {
            status.source.problem.as_ref().is_some_and(|problem| problem.message.contains("publication"))
        })
        .await;
    let reason: &'static str = Box::leak(status.source.problem.expect("the problem").reason.into_boxed_str());
    assert!(failed(reason)(&worker.try_status().await.expect("a status")));
    upstream.run("CREATE PUBLICATION app FOR TABLE t").await;
    worker.ready().await;

    // The server goes and comes back: what was read stays readable meanwhile.
    let client = worker.connect().await;
    let mut upstream = upstream;
    upstream.server.kill9().await.expect("the server is killed");
    worker.status_when("the lost connection", |status| status.source.phase == SourcePhase::Retrying).await;
    assert_eq!(
        worker::rows(&client, "SELECT * FROM t").await.expect("rows"),
        vec![vec![Some("1".to_owned())]]
    );
    upstream.server.resume().await.expect("the server comes back");
    worker
        .status_when("the stream again", |status| {
            status.source.phase == SourcePhase::Streaming && status.source.problem.is_none()
        })
        .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_slot_is_said_and_copied_again_if_wanted() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.ready().await;
    worker.stop().await;
    upstream
        .run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots; INSERT INTO t VALUES (2)")
        .await;
    worker.spawn();
    worker
        .status_when("the lost slot", |status| {
            status.source.problem.as_ref().is_some_and(|problem| problem.reason == "SlotLost")
        })
        .await;
    let client = worker.connect().await;
    assert_eq!(worker::rows(&client, "SELECT * FROM t").await.expect("the last exact state").len(), 1);
    worker.write(
        "source.yaml",
        &manifests::source_with(&upstream, "tls: {mode: Disable}", "slot: {onLost: Resnapshot}"),
    );
    worker
        .status_when("a new copy", |status| {
            status.tables.iter().all(|table| table.phase == TablePhase::Running && table.rows == Some(2))
        })
        .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_come_and_go_and_errors_are_data() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY, d int); INSERT INTO t VALUES (1, 1), (2, 2); CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
        ("good.yaml", manifests::view("good", "SELECT count(*) AS n FROM t")),
        ("bad.yaml", manifests::view("bad", "SELECT nothing FROM t")),
        ("shares.yaml", manifests::view("shares", "SELECT id, 10 / d AS share FROM t")),
        ("on_shares.yaml", manifests::view("on_shares", "SELECT sum(share) AS s FROM shares")),
    ]);
    let status = worker
        .status_when("the refused view", |status| {
            status.views.iter().any(|view| {
                view.name == "bad"
                    && view.problem.as_ref().is_some_and(|problem| problem.message.contains("nothing"))
            }) && status
                .views
                .iter()
                .filter(|view| view.phase == offtake_contract::ViewPhase::Running)
                .count()
                == 3
        })
        .await;
    assert_eq!(status.tables[0].phase, TablePhase::Running);
    worker.write("bad.yaml", &manifests::view("bad", "SELECT max(id) AS top FROM t"));
    worker.ready().await;

    // A row that cannot be computed makes reads fail while it is there, and no longer.
    let upstream_client = upstream.connect().await;
    let client = worker.connect().await;
    let at_end = async |sql: &str| {
        upstream.run(sql).await;
        let lsn = offtake_e2e::upstream::wal_end(&upstream_client).await.expect("the log's end");
        worker::read_at(&client, lsn).await.expect("a setting");
    };
    at_end("INSERT INTO t VALUES (3, 0)").await;
    for view in ["shares", "on_shares"] {
        let error =
            worker::rows(&client, &format!("SELECT * FROM {view}")).await.expect_err("division by zero");
        assert_eq!(error.code().map(|code| code.code()), Some("22012"), "{error:?}");
    }
    assert_eq!(
        worker::rows(&client, "SELECT n FROM good").await.expect("rows"),
        vec![vec![Some("3".to_owned())]]
    );
    let in_error = |status: &offtake_contract::Status| {
        let shares = status.views.iter().find(|view| view.name == "shares");
        shares.and_then(|view| view.problem.clone()).is_some_and(|problem| problem.reason == "RowsInError")
    };
    worker.status_when("the rows in error", in_error).await;
    at_end("UPDATE t SET d = 5 WHERE id = 3").await;
    worker.status_when("no rows in error", |status| !in_error(status)).await;
    assert_eq!(
        worker::rows(&client, "SELECT s FROM on_shares").await.expect("healed"),
        vec![vec![Some("17".to_owned())]]
    );

    worker.remove("shares.yaml");
    worker
        .status_when("the dependent view to wait", |status| {
            status.views.len() == 3
                && status.views.iter().any(|view| view.name == "on_shares" && view.problem.is_some())
        })
        .await;
    assert!(worker::rows(&client, "SELECT * FROM shares").await.is_err());
    worker.write("shares.yaml", &manifests::view("shares", "SELECT id, 100 / d AS share FROM t"));
    worker.ready().await;
    assert_eq!(
        worker::rows(&client, "SELECT s FROM on_shares").await.expect("rows"),
        vec![vec![Some("170".to_owned())]]
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_leaves_nothing_upstream_and_nothing_here() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.ready().await;
    let down = |worker: &Worker| {
        std::process::Command::new(worker::binary())
            .args(["down", "-f"])
            .arg(worker.manifests())
            .arg("--data-dir")
            .arg(worker.data())
            .output()
            .expect("offtake down runs")
    };
    let refused = down(&worker);
    assert!(!refused.status.success() && worker.data().exists(), "it runs: {refused:?}");
    worker.stop().await;
    let done = down(&worker);
    assert!(done.status.success() && !worker.data().exists(), "{done:?}");
    let slots = upstream.connect().await.query("SELECT slot_name FROM pg_replication_slots", &[]).await;
    assert_eq!(slots.expect("the slots").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_needs_no_more_than_replication_and_the_columns_on_the_oldest() {
    a_role_needs_no_more_than_replication_and_the_columns(super::OLDEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_needs_no_more_than_replication_and_the_columns_on_the_newest() {
    a_role_needs_no_more_than_replication_and_the_columns(super::NEWEST).await;
}

/// One table is large enough to be copied in ranges where the role may read the whole row, which takes SELECT on the table.
async fn a_role_needs_no_more_than_replication_and_the_columns(version: &str) {
    let upstream = Upstream::start(version).await;
    let password = PASSWORD.replace('\'', "''");
    upstream
        .run(&format!(
            "CREATE ROLE reader LOGIN REPLICATION PASSWORD '{password}';
             CREATE TABLE large (id int PRIMARY KEY, line text, secret text);
             INSERT INTO large SELECT i, repeat(md5(i::text), 5), 's' FROM generate_series(1, 120000) i;
             CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1);
             ANALYZE;
             GRANT SELECT (id, line) ON large TO reader; GRANT SELECT ON small TO reader;
             CREATE PUBLICATION app FOR TABLE large, small;",
        ))
        .await;
    let user = format!("user: {}", upstream.server.user());
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream).replace(&user, "user: reader")),
        ("large.yaml", manifests::table("large", "large", "excludeColumns: [secret]")),
        ("small.yaml", manifests::table("small", "small", "")),
    ]);
    worker.ready().await;
    upstream.run("UPDATE large SET secret = 't' WHERE id < 10; DELETE FROM large WHERE id % 1000 = 0; INSERT INTO small VALUES (2)").await;
    let questions = [
        Question { read: "SELECT * FROM large", ask: "SELECT id, line FROM large" },
        Question { read: "SELECT * FROM small", ask: "SELECT * FROM small" },
    ];
    oracle::compare(&upstream.connect().await, &mut worker, &questions, "as a role with few rights").await;
    worker.stop().await;
}

/// Every process of a server.
fn processes(postmaster: u32) -> Vec<i32> {
    let parent = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets, and may hold anything.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let names = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| u32::try_from(*pid) == Ok(postmaster) || parent(*pid) == Some(postmaster)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_grows_while_the_server_is_silent() {
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION app FOR TABLE t").await;
    let mut worker = Worker::start(&[
        ("source.yaml", manifests::source(&upstream)),
        ("tables.yaml", manifests::tables(&["t"])),
    ]);
    worker.ready().await;
    let caught_up = |status: &offtake_contract::Status| {
        status.source.lag.bytes.is_some() && status.source.lag.seconds.is_some_and(|seconds| seconds < 2.0)
    };
    worker.status_when("no lag", caught_up).await;
    // Neither an answer nor a closed connection, as of a host that hangs.
    let silent = Silent::new(processes(upstream.server.pid().expect("a running server")));
    let status = worker
        .status_when("the lag to grow", |status| {
            status.source.lag.seconds.is_some_and(|seconds| seconds > 8.0)
        })
        .await;
    drop(silent);
    assert_eq!((status.source.phase, status.source.lag.bytes), (SourcePhase::Streaming, None));
    worker.status_when("no lag again", caught_up).await;
    worker.stop().await;
}

/// Processes that do not run until this is dropped; a stopped one could not even be ended.
struct Silent(Vec<i32>);

impl Silent {
    fn new(processes: Vec<i32>) -> Silent {
        let silent = Silent(processes);
        silent.send(nix::sys::signal::Signal::SIGSTOP);
        silent
    }

    fn send(&self, signal: nix::sys::signal::Signal) {
        for pid in &self.0 {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), signal).ok();
        }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.send(nix::sys::signal::Signal::SIGCONT);
    }
}
