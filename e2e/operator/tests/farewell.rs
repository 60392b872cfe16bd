//! What stays upstream when a source goes: nothing, but for the slot that its user wants to keep, or that could not be reached; a
//! namespace that is deleted while PostgreSQL is away goes within the finalizer's bound, and an Event names the slot that was left.

use std::time::{Duration, Instant};

use anyhow::ensure;
use offtake_e2e_operator::{Database, Installation, report};

use crate::{alone, beside_others, ok, prepare, table};

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

/// An operator with rights in one namespace only loses them with it, before it has let go of what is in it.
#[test]
fn a_namespace_goes_that_takes_the_operators_rights_along() {
    let _alone = alone();
    let (database, place) = prepare("narrow", SCHEMA);
    let _narrow = ok(Installation::get().with_values(&["watchNamespaces={narrow}"]));
    ok(place.apply(&(place.source(&database) + &table("t"))));
    ok(place.wait_ready("sourcetable/t"));
    ok(place.kubectl(&["delete", "namespace", place.namespace, "--wait=false"]));
    ok(place.until("the namespace to be gone", || {
        let namespace = ["get", "namespace", place.namespace, "--ignore-not-found", "-o", "name"];
        let left = place.cluster.kubectl(&namespace)?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    }));
    assert_eq!(ok(database.sql("SELECT count(*) FROM pg_replication_slots")), "0\n");
}

/// A PgConnection that leads to another server by now: nothing is dropped there, and the slot that was left is named.
#[test]
fn a_slot_of_another_server_is_never_touched() {
    let _beside = beside_others();
    let (database, place) = prepare("moved", SCHEMA);
    ok(place.apply(&(place.source(&database) + &table("t"))));
    ok(place.wait_ready("sourcetable/t"));
    let slot = ok(place.field("pgsource/app", ".status.slot.name"));
    let other = ok(Database::start(place.cluster));
    ok(other.sql(SCHEMA));
    ok(other.sql(&format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")));
    ok(place.apply(&place.source(&other)));
    ok(place.wait_reason("pgsource/app", "SystemChanged"));
    ok(place.delete("pgsource/app"));
    for server in [&database, &other] {
        assert_eq!(ok(server.sql("SELECT count(*) FROM pg_replication_slots")), "1\n");
    }
    let events = ok(place.kubectl(&["get", "events", "-o", "jsonpath={.items[*].message}"]));
    assert!(events.contains(&slot) && events.contains("was left upstream"), "{events}");
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
