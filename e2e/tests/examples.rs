//! The documentation's example, as its reader runs it.

use std::{fs, path::Path, process::Command};

use offtake_e2e::{
    Upstream, Worker,
    upstream::{connect, wal_end},
    wait,
    worker::{self, rows},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_example_shows_what_the_readme_shows() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("docs/examples/first");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the example");
    let upstream = Upstream::start(super::NEWEST).await;
    upstream.run("CREATE DATABASE shop").await;
    let shop =
        connect(&upstream.server.connection_string("shop")).await.expect("the database of the example");
    shop.batch_execute(&read("upstream.sql")).await.expect("upstream.sql runs");

    // Only the port differs from what a reader has.
    let port = format!("port: {}", upstream.server.port());
    let manifests: Vec<(&str, String)> =
        ["10-connection.yaml", "20-source.yaml", "30-tables.yaml", "40-views.yaml"]
            .map(|name| (name, read(name).replace("port: 5432", &port)))
            .to_vec();
    let mut worker = Worker::start(&manifests);
    worker.ready().await;
    let check = |arguments: &[&str]| {
        let output = Command::new(worker::binary())
            .arg("check")
            .args(arguments)
            .arg("-f")
            .arg(worker.manifests())
            .output();
        output.expect("offtake check runs")
    };
    let checked = check(&["--connect"]);
    assert!(checked.status.success(), "{checked:?}");

    let client = worker.connect().await;
    worker::read_at(&client, wal_end(&shop).await.expect("the log's end")).await.expect("a setting");
    let shown = rows(&client, "SELECT * FROM revenue_by_region ORDER BY region").await.expect("the view");
    let shown: Vec<Vec<String>> =
        shown.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect();
    assert_eq!(shown, [["north", "2", "135.25"], ["south", "1", "40.50"]]);
    let readme = fs::read_to_string(folder.join("../../../README.md")).expect("the README");
    for row in &shown {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        let line = readme.lines().any(|line| line.split('|').map(str::trim).eq(cells.iter().copied()));
        assert!(line, "README does not show {row:?}");
    }
    let explained = rows(&client, "EXPLAIN revenue_by_region").await.expect("its plan");
    for line in explained.into_iter().flatten().flatten() {
        assert!(readme.contains(line.trim()), "README's plan lacks {line:?}");
    }

    // A slip in a query is told before it could take the view away.
    let views = manifests[3].1.clone();
    let (misread, misnamed) =
        (views.replace("SELECT c.region", "SELEC c.region"), views.replace("o.total", "o.totals"));
    assert!(misread != views && misnamed != views);
    worker.write(manifests[3].0, &misnamed);
    let checked = check(&["--connect"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        !checked.status.success()
            && said.contains("revenue-by-region: spec.query")
            && said.contains("totals"),
        "{checked:?}"
    );
    worker.write(manifests[3].0, &misread);
    let checked = check(&[]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success() && said.contains("revenue-by-region: spec.query"), "{checked:?}");
    wait::until("the edit to be refused", || async {
        worker.log().contains("the edit is not taken up").then_some(())
    })
    .await;
    worker.write(manifests[3].0, &views);
    worker.stop().await;
}
