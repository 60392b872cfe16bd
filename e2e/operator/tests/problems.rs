//! What is wrong with a source has its own reason and remedy in the conditions, and heals without a restart once it is mended.

use std::time::{Duration, Instant};

use offtake_e2e_operator::{report, secret};

use crate::{beside_others, ok, prepare, table};

const SCHEMA: &str = "
    CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
    CREATE ROLE reader LOGIN SUPERUSER PASSWORD 'upstream'";
/// A PgConnection that is well is probed every 30 s; and what a loaded machine needs besides.
const PROBED: Duration = Duration::from_secs(30 + 60);

#[test]
fn each_problem_has_its_reason_and_heals() {
    let _beside = beside_others();
    let (mut database, place) = prepare("problems", SCHEMA);
    let manifests = place.source(&database).replace("user: postgres", "user: reader") + &table("t");

    // The Secret is not there.
    let without = manifests.split_once("---").expect("several documents").1;
    ok(place.apply(without));
    let message = ok(place.wait_reason("pgconnection/app", "SecretNotFound"));
    assert!(message.contains("app") && message.contains("Remedy"), "{message}");
    let message = ok(place.wait_reason("pgsource/app", "SecretNotFound"));
    assert!(message.contains("Remedy"), "{message}");

    // It is, with another password.
    ok(place.apply(&secret("wrong")));
    let message = ok(place.wait_reason("pgconnection/app", "AuthenticationFailed"));
    assert!(message.contains("Remedy"), "{message}");

    // The password is right, the publication is missing.
    ok(place.apply(&manifests));
    ok(place.wait_ready("pgconnection/app"));
    let message = ok(place.wait_reason("pgsource/app", "PublicationMissing"));
    assert!(message.contains("CREATE PUBLICATION"), "{message}");

    // It is made.
    ok(database.sql("CREATE PUBLICATION app FOR TABLE t"));
    ok(place.wait_ready("pgsource/app"));
    ok(place.wait_ready("sourcetable/t"));
    ok(place.reads("SELECT * FROM t", "1\n"));
    let pod = ok(place.field("pod/offtake-app-0", ".metadata.uid"));

    // The server is down; what was read before is still served.
    let start = Instant::now();
    ok(database.stop());
    let message = ok(place.wait_reason("pgsource/app", "Unreachable"));
    assert!(message.contains("Remedy"), "{message}");
    assert_eq!(ok(place.read("SELECT * FROM t")), "1\n");
    let message = ok(place.wait_reason("pgconnection/app", "Unreachable"));
    assert!(message.contains("Remedy"), "{message}");
    let took = start.elapsed();
    report("PostgreSQL down to PgConnection not Ready", took);
    assert!(took < PROBED, "{took:?}");
    ok(database.resume());
    ok(place.wait_ready("pgconnection/app"));
    ok(place.wait_ready("pgsource/app"));
    ok(database.sql("INSERT INTO t VALUES (2)"));
    ok(place.reads("SELECT * FROM t ORDER BY id", "1\n2\n"));

    // The password is changed while changes stream in, and the next session needs it.
    ok(database.sql("ALTER ROLE reader PASSWORD 'changed'"));
    ok(database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"));
    let message = ok(place.wait_reason("pgsource/app", "AuthenticationFailed"));
    assert!(message.contains("Remedy"), "{message}");
    assert_eq!(ok(place.read("SELECT * FROM t ORDER BY id")), "1\n2\n");
    ok(database.sql("INSERT INTO t VALUES (3)"));
    ok(place.apply(&secret("changed")));
    ok(place.wait_ready("pgsource/app"));
    ok(place.reads("SELECT * FROM t ORDER BY id", "1\n2\n3\n"));
    ok(place.wait_ready("pgconnection/app"));

    assert_eq!(ok(place.field("pod/offtake-app-0", ".metadata.uid")), pod, "nothing was restarted");
    assert_eq!(ok(place.field("pod/offtake-app-0", ".status.containerStatuses[0].restartCount")), "0");
    ok(place.delete("pgsource/app"));
}
