//! The operator is killed amid its work; in the end everything is as if it had never been.

use std::{thread, time::Duration};

use anyhow::ensure;
use offtake_e2e_operator::{Database, Place, lead_anew};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

use crate::{alone, ok, prepare, table, view};

const SCHEMA: &str = "
    CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i % 10 FROM generate_series(1, 10000) i;
    CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1);
    CREATE PUBLICATION app FOR TABLE t, u";
const SUMS: &str = "SELECT n, count(*) AS rows FROM t GROUP BY n";
const OBJECTS: [&str; 5] =
    ["pgconnection/app", "pgsource/app", "sourcetable/t", "sourcetable/u", "view/sums"];

#[test]
fn an_operator_killed_amid_an_apply_changes_nothing_in_the_end() {
    let _alone = alone();
    let (calm_database, calm) = prepare("calm", SCHEMA);
    for step in steps(&calm, &calm_database) {
        ok(calm.apply(&step));
    }
    let expected = settled(&calm);

    let seed =
        std::env::var("OFFTAKE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("OFFTAKE_SEED={seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let (database, place) = prepare("killed", SCHEMA);
    for step in steps(&place, &database) {
        ok(place.apply(&step));
        kill_soon(&place, &mut random);
    }
    assert_eq!(settled(&place), expected, "seed {seed}");
    assert_eq!(ok(database.sql("SELECT count(*) FROM pg_replication_slots")), "1\n", "seed {seed}");
    ok(place.reads("SELECT * FROM sums ORDER BY n", &ok(database.sql(&format!("{SUMS} ORDER BY n")))));

    // The same while it takes leave.
    ok(place.kubectl(&["delete", "pgsource/app", "--wait=false"]));
    kill_soon(&place, &mut random);
    ok(place.until("the source to be gone", || {
        let left = place.kubectl(&["get", "pgsource/app", "--ignore-not-found", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    }));
    assert_eq!(ok(database.sql("SELECT count(*) FROM pg_replication_slots")), "0\n", "seed {seed}");
    ok(calm.delete("pgsource/app"));
}

/// What a user applies, one after the other.
fn steps(place: &Place, database: &Database) -> [String; 2] {
    [place.source(database) + &table("t"), table("u") + &view("sums", SUMS)]
}

/// Somewhere in what follows an apply, which takes seconds.
fn kill_soon(place: &Place, random: &mut SmallRng) {
    thread::sleep(Duration::from_millis(random.random_range(0..2500)));
    ok(lead_anew(place.cluster));
}

/// Waits until all is well, and answers what was made, without what is another's each time: addresses, versions and secrets.
fn settled(place: &Place) -> Value {
    for object in OBJECTS {
        ok(place.wait_ready(object));
    }
    assert_eq!(ok(place.field("pod/offtake-app-0", ".status.containerStatuses[0].restartCount")), "0");
    let kinds = "statefulsets,services,secrets,serviceaccounts,poddisruptionbudgets,networkpolicies,pods,persistentvolumeclaims";
    let list =
        ok(place.kubectl(&["get", kinds, "-o", "json", "-l", "app.kubernetes.io/name=offtake-worker"]));
    let list: Value =
        serde_json::from_str(&list.replace(place.namespace, "here")).expect("kubectl prints JSON");
    let objects = list["items"].as_array().expect("a list has items").iter().map(|object| {
        let mut spec = object["spec"].clone();
        for field in ["clusterIP", "clusterIPs", "volumeName", "template", "containers"] {
            spec.as_object_mut().map(|spec| spec.remove(field));
        }
        json!({
            "kind": object["kind"],
            "name": object["metadata"]["name"],
            // Written once: a pod is not replaced, a StatefulSet not changed.
            "generation": object["metadata"]["generation"],
            "labels": object["metadata"]["labels"].as_object().map(|labels| labels.keys().collect::<Vec<_>>()),
            "spec": spec,
            "data": object["data"].as_object().map(|data| data.keys().collect::<Vec<_>>()),
        })
    });
    objects.collect()
}
