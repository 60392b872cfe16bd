//! Real servers, started and ended in every way: the oldest and the newest version, and the machine's own.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use offtake_embedded::{Binaries, Options, Server, Shutdown, Version};
use tokio_postgres::NoTls;

/// Tells [`parent_of_a_server`] that it is the process to be killed.
const PARENT: &str = "OFFTAKE_EMBEDDED_TEST_PARENT";

async fn connect(server: &Server) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&server.connection_string("postgres"), NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

async fn text(client: &tokio_postgres::Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.expect("runs").get(0)
}

fn exists(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn live(version: &str, options: Options) {
    let version: Version = version.parse().expect("a version");
    let binaries = Binaries::find_or_fetch(&version, None).await.expect("binaries");
    let mut server = Server::start(&binaries, options).await.expect("starts");
    let client = connect(&server).await;
    assert_eq!(text(&client, "SHOW wal_level").await, "logical");
    let number: u32 = text(&client, "SHOW server_version_num").await.parse().expect("a number");
    assert_eq!(number / 10_000, u32::from(server.major()));
    assert_eq!(text(&client, "SELECT current_setting('listen_addresses')").await, "127.0.0.1");
    assert_eq!(text(&client, "SELECT pg_encoding_to_char(encoding) FROM pg_database LIMIT 1").await, "UTF8");
    client.batch_execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await.expect("runs");
    text(&client, "SELECT (pg_create_logical_replication_slot('s', 'pgoutput')).slot_name::text").await;

    let (pid, port) = (server.pid().expect("runs"), server.port());
    server.kill9().await.expect("dies");
    assert!(!exists(pid) && server.pid().is_none());
    server.set("log_min_messages", "warning");
    server.resume().await.expect("recovers");
    assert_eq!(server.port(), port);
    let client = connect(&server).await;
    assert_eq!(text(&client, "SELECT count(*)::text FROM t").await, "1");
    assert_eq!(text(&client, "SELECT slot_name::text FROM pg_replication_slots").await, "s");
    assert_eq!(text(&client, "SHOW log_min_messages").await, "warning");

    for how in [Shutdown::Fast, Shutdown::Immediate] {
        server.restart(how).await.expect("restarts");
        let client = connect(&server).await;
        assert_eq!(text(&client, "SELECT count(*)::text FROM t").await, "1");
    }
    let (pid, folder) = (server.pid().expect("runs"), server.data_dir());
    drop(server);
    assert!(!exists(pid));
    assert!(!folder.parent().expect("has one").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_lives_and_leaves_nothing() {
    let password = Some(r"it's a \ secret".to_owned());
    live("18", Options { password, ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_version_lives_and_leaves_nothing() {
    live("11", Options { durable: true, user: "o'brien".into(), ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_for_any_version_lives_and_leaves_nothing() {
    live("any", Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_folder_is_kept_and_taken_up_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let binaries = Binaries::find_or_fetch(&Version::Any, None).await.expect("binaries");
    let options = Options { data_dir: Some(folder.path().to_owned()), ..Options::default() };
    let server = Server::start(&binaries, options.clone()).await.expect("starts");
    connect(&server).await.batch_execute("CREATE TABLE kept ()").await.expect("runs");
    drop(server);
    let server = Server::start(&binaries, options).await.expect("starts again");
    assert_eq!(text(&connect(&server).await, "SELECT count(*)::text FROM kept").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_does_not_exist_is_reported_from_the_log() {
    let binaries = Binaries::find_or_fetch(&Version::Any, None).await.expect("binaries");
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error =
        Server::start(&binaries, Options { settings, ..Options::default() }).await.expect_err("refused");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_refused_with_a_remedy() {
    let version: Version = "18.99".parse().expect("a version");
    let cache = tempfile::tempdir().expect("a folder");
    let error = Binaries::find_or_fetch(&version, Some(cache.path())).await.expect_err("refused");
    assert!(error.to_string().contains("18.99") && error.to_string().contains("install"), "{error}");
    let error = Binaries::at(Path::new("/nonexistent")).expect_err("refused");
    assert!(error.to_string().contains("initdb"), "{error}");
}

/// The process that the next test kills: it starts a server and says where.
#[tokio::test(flavor = "multi_thread")]
async fn parent_of_a_server() {
    if std::env::var_os(PARENT).is_none() {
        return;
    }
    let binaries = Binaries::find_or_fetch(&Version::Any, None).await.expect("binaries");
    let server = Server::start(&binaries, Options::default()).await.expect("starts");
    println!("\nserver {} {}", server.pid().expect("runs"), server.data_dir().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn a_killed_parent_leaves_no_server_and_no_file() {
    let mut parent = Command::new(std::env::current_exe().expect("has one"))
        .args(["--exact", "parent_of_a_server", "--nocapture"])
        .env(PARENT, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let lines = BufReader::new(parent.stdout.take().expect("piped")).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("server ")).expect("a server");
    let mut words = line.split(' ').skip(1);
    let pid: u32 = words.next().expect("a pid").parse().expect("a number");
    let data = words.next().expect("a folder");
    assert!(exists(pid) && Path::new(data).exists());
    parent.kill().expect("dies");
    parent.wait().expect("is gone");
    let start = Instant::now();
    while exists(pid) || Path::new(data).parent().expect("has one").exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "server {pid} or {data} is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}
