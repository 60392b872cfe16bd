//! A reconcile that has nothing to do writes nothing, also by an operator that has just taken over.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::ensure;
use offtake_e2e_operator::{Database, Place, lead_anew, totals};

use crate::{alone, ok, prepare, table, view};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1); CREATE PUBLICATION app FOR TABLE t";
const OBJECTS: [&str; 4] = ["pgconnection/app", "pgsource/app", "sourcetable/t", "view/v"];
const ROUNDS: usize = 5;
/// PostgreSQL logs what runs 15 s after the last write (bgwriter.c, LOG_SNAPSHOT_INTERVAL_MS), and the status follows.
const REST: Duration = Duration::from_secs(20);

#[test]
fn a_second_reconcile_writes_nothing() {
    let _alone = alone();
    let (database, place) = prepare("quiet", SCHEMA);
    ok(place.apply(&(place.source(&database) + &table("t") + &view("v", "SELECT count(*) AS n FROM t"))));
    for object in OBJECTS {
        ok(place.wait_ready(object));
    }
    rest(&place, &database);
    let before = ok(versions(&place));
    // The new leader counts from zero, and knows nothing but what it finds.
    let leader = ok(lead_anew(place.cluster));
    for round in 0..ROUNDS {
        reconcile(&place, &leader, round);
    }
    let writes = ok(totals(place.cluster, &leader, "offtake_operator_writes_total", "kind"));
    assert_eq!(writes, BTreeMap::new(), "writes of the new leader");
    assert_eq!(ok(versions(&place)), before);

    // It does write where there is something to write.
    ok(place.apply(&view("w", "SELECT max(n) AS n FROM t")));
    ok(place.wait_ready("view/w"));
    let writes = ok(totals(place.cluster, &leader, "offtake_operator_writes_total", "kind"));
    assert!(writes["View/status"] >= 1, "{writes:?}");
    ok(place.delete("pgsource/app"));
}

/// Waits until nothing moves any more: neither the end of the log upstream nor the numbers that follow it.
fn rest(place: &Place, database: &Database) {
    let mut last = (String::new(), Instant::now());
    ok(place.until("everything to be at rest", || {
        let version = place.field("pgsource/app", ".metadata.resourceVersion")?;
        let now = database.sql("SELECT pg_current_wal_lsn()")? + &version;
        if now != last.0 {
            last = (now, Instant::now());
        }
        ensure!(last.1.elapsed() > REST, "{} changed {:?} ago", last.0, last.1.elapsed());
        Ok(())
    }));
}

/// Touches every object, and waits until each of the four controllers has looked again.
fn reconcile(place: &Place, leader: &str, round: usize) {
    let reconciles = || totals(place.cluster, leader, "offtake_operator_reconciles_total", "kind");
    let before = ok(reconciles());
    for object in OBJECTS {
        ok(place.kubectl(&["annotate", object, &format!("example.com/round={round}"), "--overwrite"]));
    }
    ok(place.until("every object to be reconciled", || {
        let now = reconciles()?;
        for kind in ["PgConnection", "PgSource", "SourceTable", "View"] {
            let count = |counts: &BTreeMap<String, u64>| counts.get(kind).copied().unwrap_or_default();
            ensure!(count(&now) > count(&before), "{kind} was not");
        }
        Ok(())
    }));
}

/// What every write would change: the versions of all that was made for the source, and the conditions of the four.
fn versions(place: &Place) -> anyhow::Result<String> {
    let made = "services,secrets,serviceaccounts,poddisruptionbudgets,networkpolicies,statefulsets";
    let version =
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let conditions = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.status.conditions}{\"\\n\"}{end}";
    Ok(place.kubectl(&["get", made, "-o", version])?
        + &place.kubectl(&["get", "pgconnections,pgsources,sourcetables,views", "-o", conditions])?)
}
