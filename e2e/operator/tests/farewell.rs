//! What stays upstream when a source goes: nothing, but for the slot that its user wants to keep, or that could not be reached; a
//! namespace that is deleted while PostgreSQL is away goes within the finalizer's bound, and an Event names the slot that was left.

use std::time::{Duration, Instant};

use anyhow::ensure;
use offtake_e2e_operator::report;

use crate::{beside_others, ok, prepare, table};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION app FOR TABLE t";
/// The chart's slotDropDeadline, and what a loaded machine needs besides.
const BOUND: Duration = Duration::from_secs(60 + 120);

#[test]
fn a_namespace_goes_though_postgresql_is_down() {
    let _beside = beside_others();
    let (mut database, place) = prepare("farewell", SCHEMA);
    ok(place.apply(&(place.source(&database) + &table("t"))));
    ok(place.wait_ready("pgsource/app"));
    let slot = ok(place.field("pgsource/app", ".status.slot.name"));
    ok(database.stop());
    let start = Instant::now();
    ok(place.kubectl(&["delete", "namespace", place.namespace, "--wait=false"]));
    // Events of a namespace go with it: the one that counts is looked for while the namespace is on its way.
    let mut told = false;
    ok(place.until("the namespace to be gone", || {
        let events = place.kubectl(&["get", "events", "-A", "-o", "jsonpath={.items[*].message}"])?;
        told |= events.contains(&slot) && events.contains("left");
        let left = place.cluster.kubectl(&[
            "get",
            "namespace",
            place.namespace,
            "--ignore-not-found",
            "-o",
            "name",
        ])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    }));
    let took = start.elapsed();
    report("a namespace deleted with PostgreSQL down to gone", took);
    assert!(took < BOUND, "{took:?}");
    assert!(told, "no Event named slot {slot}");
}

#[test]
fn a_slot_to_be_retained_stays() {
    let _beside = beside_others();
    let (database, place) = prepare("retained", SCHEMA);
    ok(place.apply(&(place.source(&database) + &table("t"))));
    ok(place.wait_ready("sourcetable/t"));
    let retain = r#"{"spec": {"slot": {"reclaimPolicy": "Retain"}}}"#;
    ok(place.kubectl(&["patch", "pgsource/app", "--type=merge", "--patch", retain]));
    ok(place.delete("pgsource/app"));
    ok(place.until("the worker to be gone", || {
        let pods = place.kubectl(&["get", "pods", "-o", "name"])?;
        ensure!(pods.is_empty(), "{pods}");
        Ok(())
    }));
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE NOT temporary AND active_pid IS NULL";
    ok(place.until("the slot to be free", || {
        let slots = database.sql(slots)?;
        ensure!(slots == "1\n", "{slots}");
        Ok(())
    }));
}
