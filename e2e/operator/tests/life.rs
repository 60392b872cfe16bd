//! A source's life: from `kubectl apply` over drift, a schema change and a killed pod to its deletion.

use std::time::Instant;

use offtake_e2e_operator::{Database, Place, report};

use crate::{beside_others, ok, prepare, table, view};

const SCHEMA: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, amount numeric(10,2) NOT NULL);
    INSERT INTO orders SELECT i, i % 1000, i / 7.0 FROM generate_series(1, 100000) i;
    CREATE TABLE people (id int PRIMARY KEY, name text);
    INSERT INTO people VALUES (1, 'Ada'), (2, NULL);
    CREATE TABLE log (id int PRIMARY KEY, line text);
    INSERT INTO log SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 1000000) i;
    ANALYZE;
    CREATE PUBLICATION app FOR TABLE orders, people, log;
";
const TOTALS: &str = "SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer";

#[test]
fn a_source_lives() {
    let _beside = beside_others();
    let (database, place) = prepare("life", SCHEMA);
    comes_to_be(&place, &database);
    is_closed_to_others(&place);
    follows_changes(&place, &database);
    survives_a_killed_pod(&place, &database);
    notices_a_schema_change(&place, &database);
    leaves_nothing(&place, &database);
}

fn totals_equal_upstream(place: &Place, database: &Database) {
    let expected = ok(database.sql(&format!("{TOTALS} ORDER BY customer")));
    ok(place.reads("SELECT * FROM totals ORDER BY customer", &expected));
}

fn comes_to_be(place: &Place, database: &Database) {
    let start = Instant::now();
    ok(place.apply(&place.source(database)));
    report("PgSource applied to Ready", ok(place.wait("pgsource/app", "condition=Ready", start)));

    let start = Instant::now();
    ok(place.apply(&table("orders")));
    let first = "jsonpath={.status.observedGeneration}=1";
    report("SourceTable applied to its first status", ok(place.wait("sourcetable/orders", first, start)));
    let ready = ok(place.wait("sourcetable/orders", "condition=Ready", start));
    report("SourceTable (100,000 rows) applied to Ready", ready);

    let pod = ok(place.field("pod/offtake-app-0", ".metadata.uid"));
    let start = Instant::now();
    ok(place.apply(&view("totals", TOTALS)));
    let ready = ok(place.wait("view/totals", "condition=Ready", start));
    report("View over 100,000 rows applied to Ready", ready);
    totals_equal_upstream(place, database);

    ok(place.apply(&table("people")));
    ok(place.wait_ready("sourcetable/people"));
    ok(place.reads("SELECT id, name FROM people ORDER BY id", "1|Ada\n2|\n"));

    // Status is written once a second: this copy takes several.
    let start = Instant::now();
    ok(place.apply(&table("log")));
    let ready = ok(place.wait("sourcetable/log", "condition=Ready", start));
    report("SourceTable (1,000,000 rows) applied to Ready", ready);
    ok(place.until("the watch to show the copy's progress", || {
        anyhow::ensure!(place.saw_copying("log"), "no state of the table told of it");
        Ok(())
    }));
    assert_eq!(ok(place.field("sourcetable/log", ".status.snapshot.rowsCopied")), "1000000");

    assert_eq!(
        ok(place.field("pod/offtake-app-0", ".metadata.uid")),
        pod,
        "neither a view nor a table restarts a pod"
    );
    assert_eq!(ok(place.field("pod/offtake-app-0", ".status.containerStatuses[0].restartCount")), "0");
}

fn is_closed_to_others(place: &Place) {
    // As anybody in the cluster who knows the address but not the token.
    let status = format!("/api/v1/namespaces/{}/pods/offtake-app-0:7655/proxy/v1/status", place.namespace);
    let refusal = place.cluster.kubectl(&["get", "--raw", &status]).expect_err("the worker asks for a token");
    assert!(format!("{refusal:#}").contains("provide credentials"), "{refusal:#}");
    let account = ok(place.field("pod/offtake-app-0", ".spec.serviceAccountName"));
    let user = format!("--as=system:serviceaccount:{}:{account}", place.namespace);
    for (verb, kind) in [("get", "pods"), ("get", "secrets"), ("list", "views.offtake.dev")] {
        // kubectl says no by its exit code, too.
        let answer = place.kubectl(&["auth", "can-i", verb, kind, &user]);
        assert!(answer.is_err(), "the worker may {verb} {kind}: {answer:?}");
    }
    let token = ok(place.field("pod/offtake-app-0", ".spec.volumes[*].projected"));
    assert_eq!(token, "", "no token of the API is in the pod");
}

fn follows_changes(place: &Place, database: &Database) {
    ok(database.sql(
        "UPDATE orders SET amount = amount + 1 WHERE id % 3 = 0; DELETE FROM orders WHERE id % 1000 = 7",
    ));
    totals_equal_upstream(place, database);

    let start = Instant::now();
    ok(database.sql("ALTER TABLE people ADD COLUMN age int"));
    let added = "jsonpath={.status.drift[0].change}=ColumnAdded";
    let told = ok(place.wait("sourcetable/people", added, start));
    report("a column added upstream to its drift in status", told);
    assert_eq!(ok(place.field("sourcetable/people", ".status.drift[0].column")), "age");
    ok(place.reads("SELECT id, name FROM people ORDER BY id", "1|Ada\n2|\n"));
}

fn survives_a_killed_pod(place: &Place, database: &Database) {
    let snapshot = ok(place.field("sourcetable/orders", ".status.snapshot"));
    let pod = ok(place.field("pod/offtake-app-0", ".metadata.uid"));
    ok(place.kubectl(&["delete", "pod", "offtake-app-0", "--grace-period=0", "--force"]));
    ok(database.sql("INSERT INTO orders SELECT i, i % 1000, 1 FROM generate_series(200000, 200100) i"));
    ok(place.until("another pod", || {
        anyhow::ensure!(place.field("pod/offtake-app-0", ".metadata.uid")? != pod, "it is still the first");
        Ok(())
    }));
    totals_equal_upstream(place, database);
    ok(place.wait_ready("pgsource/app"));
    ok(place.wait_ready("view/totals"));
    let second = ok(place.field("pod/offtake-app-0", ".metadata.uid"));
    // Deleted, it could end in order; killed, it could not.
    ok(place.cluster.kill_pod(place.namespace, "offtake-app-0"));
    ok(database.sql("DELETE FROM orders WHERE id > 200050"));
    ok(place.until("the pod's program to be started again", || {
        let restarts = place.field("pod/offtake-app-0", ".status.containerStatuses[0].restartCount")?;
        let another = place.field("pod/offtake-app-0", ".metadata.uid")?;
        anyhow::ensure!(restarts == "1" || another != second, "{restarts} restarts");
        Ok(())
    }));
    totals_equal_upstream(place, database);
    ok(place.wait_ready("pgsource/app"));
    ok(place.wait_ready("view/totals"));
    assert_eq!(
        ok(place.field("sourcetable/orders", ".status.snapshot")),
        snapshot,
        "no table was copied again"
    );
}

fn notices_a_schema_change(place: &Place, database: &Database) {
    ok(database.sql("ALTER TABLE people DROP COLUMN name; INSERT INTO people (id) VALUES (3)"));
    ok(place.wait_reason("sourcetable/people", "SchemaAltered"));
    assert_eq!(ok(place.field("sourcetable/people", ".status.phase")), "SchemaAltered");
    let refusal = place.read("SELECT * FROM people").expect_err("the table is stopped");
    assert!(format!("{refusal:#}").contains("source table schema has been altered"), "{refusal:#}");
    totals_equal_upstream(place, database);
}

fn leaves_nothing(place: &Place, database: &Database) {
    assert_eq!(ok(database.sql("SELECT count(*) FROM pg_replication_slots")), "1\n");
    ok(place.delete("pgsource/app"));
    assert_eq!(
        ok(database.sql("SELECT count(*) FROM pg_replication_slots")),
        "0\n",
        "the slot went with its source"
    );
    ok(place.until("the worker's objects to be gone", || {
        let left = place.kubectl(&[
            "get",
            "statefulsets,services,pods,secrets",
            "-l",
            "app.kubernetes.io/name=offtake-worker",
            "-o",
            "name",
        ])?;
        anyhow::ensure!(left.is_empty(), "left: {left}");
        Ok(())
    }));
}
