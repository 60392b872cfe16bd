//! A reconcile that has nothing to do writes nothing, also by an operator that has just started.

use anyhow::ensure;
use offtake_e2e_operator::SYSTEM;

use crate::{ok, prepare, table, view};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1); CREATE PUBLICATION app FOR TABLE t";
const OBJECTS: &str = "pgconnections,pgsources,sourcetables,views,statefulsets,services,secrets,serviceaccounts,poddisruptionbudgets,networkpolicies";

#[test]
fn a_second_reconcile_writes_nothing() {
    let (place, database) = prepare("quiet", SCHEMA);
    ok(place.apply(&(place.source(&database) + &table("t") + &view("v", "SELECT count(*) AS n FROM t"))));
    for object in ["pgconnection/app", "pgsource/app", "sourcetable/t", "view/v"] {
        ok(place.wait_ready(object));
    }
    // Every write of an object makes a new version of it; those of the four kinds' status are numbers that move with the stream, so
    // their conditions are compared, and all of what was made for them.
    let versions = || -> anyhow::Result<String> {
        let made = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.managedFields[*].time}{\"\\n\"}{end}";
        let kinds: Vec<&str> = OBJECTS.split(',').skip(4).filter(|kind| *kind != "statefulsets").collect();
        let conditions = "jsonpath={range .items[*]}{.metadata.name} {.status.conditions}{\"\\n\"}{end}";
        let four: Vec<&str> = OBJECTS.split(',').take(4).collect();
        Ok(place.kubectl(&["get", &kinds.join(","), "-o", made])?
            + &place.kubectl(&["get", &four.join(","), "-o", conditions])?)
    };
    let before = ok(versions());
    let leader = ok(place.cluster.kubectl(&[
        "get",
        "lease",
        "-n",
        SYSTEM,
        "-o",
        "jsonpath={.items[*].spec.holderIdentity}",
    ]));
    ok(place.cluster.kubectl(&["delete", "pods", "-n", SYSTEM, "--all", "--grace-period=0", "--force"]));
    ok(place.until("another leader", || {
        let now = place.cluster.kubectl(&[
            "get",
            "lease",
            "-n",
            SYSTEM,
            "-o",
            "jsonpath={.items[*].spec.holderIdentity}",
        ])?;
        ensure!(!now.is_empty() && now != leader, "{now} leads");
        Ok(())
    }));
    // The new leader has taken up its work when a change comes through.
    ok(place.apply(&view("w", "SELECT max(n) AS n FROM t")));
    ok(place.wait_ready("view/w"));
    ok(place.delete("view/w"));
    assert_eq!(ok(versions()), before);
    ok(place.delete("pgsource/app"));
}
