//! From manifests to the catalog.

use offtake_contract::{Problem, TlsMode};
use offtake_crds::{ObjectName, catalog::to_catalog, manifests::read_dir};

use crate::{fixture, read};

/// A connection, a source and what else a test wants.
fn base(connection: &str, source: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: offtake.dev/v1alpha1, kind: PgConnection, metadata: {{name: c}}, \
          spec: {{host: db, database: shop, user: offtake{connection}}}}}\n---\n\
         {{apiVersion: offtake.dev/v1alpha1, kind: PgSource, metadata: {{name: s}}, \
          spec: {{connectionRef: {{name: c}}, publication: p{source}}}}}\n---\n{rest}"
    )
}

fn problems(text: &str) -> Vec<Problem> {
    to_catalog(&read(text).expect("is valid"), None).expect_err("is refused")
}

fn reasons(text: &str) -> Vec<String> {
    let mut reasons: Vec<String> = problems(text).into_iter().map(|problem| problem.reason).collect();
    reasons.sort();
    reasons
}

#[test]
fn references_and_defaults_are_filled_in() {
    let manifests = read_dir(&fixture("good")).expect("is valid");
    let catalog = to_catalog(&manifests, None).expect("is complete");
    let source = &catalog.source;
    assert_eq!(
        (&*source.object, &*source.slot, &*source.publication),
        ("default/shop", "offtake_default_shop", "shop")
    );
    let connection = &source.connection;
    assert_eq!(
        (&*connection.object, connection.port, connection.tls.mode),
        ("default/database", 5432, TlsMode::VerifyFull)
    );
    assert_eq!(connection.password.as_ref().map(|password| password.expose()), Some("secret"));
    assert!(connection.tls.ca.as_ref().is_some_and(|ca| ca.contains("BEGIN CERTIFICATE")));
    let [first, second] = &catalog.tables[..] else { panic!("{:?}", catalog.tables) };
    assert_eq!((&*first.schema, &*first.name, &*first.upstream_schema), ("public", "order_lines", "public"));
    assert_eq!((&*second.schema, &*second.name, &*second.upstream_schema), ("v2", "order_lines", "sales"));
    assert_eq!(
        (&first.exclude_columns[..], &second.text_columns[..]),
        (&["note".to_owned()][..], &["tags".to_owned()][..])
    );
    assert_eq!(catalog.views[0].name, "by_product");
    assert_eq!(catalog.views[0].indexes.len(), 2);
    assert_eq!(to_catalog(&manifests, Some(&ObjectName::new("default", "shop"))), Ok(catalog));
}

#[test]
fn what_this_version_does_not_do_is_refused_by_name() {
    let tunnel = ", sshTunnel: {host: h, user: u, privateKeySecretRef: {name: k}, hostKey: x}";
    let found = problems(&base(tunnel, ", worker: {replicas: 3}, schemaAliases: {live: v2}", ""));
    let text: Vec<String> = found.iter().map(Problem::to_string).collect();
    assert_eq!(found.len(), 3, "{text:?}");
    for field in [
        "PgConnection default/c: spec.sshTunnel",
        "PgSource default/s: spec.worker.replicas",
        "spec.schemaAliases",
    ] {
        assert!(
            found.iter().any(|problem| problem.message.contains(field) && !problem.remedy.is_empty()),
            "{text:?}"
        );
    }
    assert_eq!(reasons(&base(", awsPrivateLink: {serviceName: s, port: 1}", "", "")), ["NotSupportedYet"]);
}

#[test]
fn dangling_references_are_found_at_once() {
    let rest = "{apiVersion: offtake.dev/v1alpha1, kind: View, metadata: {name: v}, spec: {sourceRef: {name: other}, query: SELECT 1}}\n";
    let tls = ", tls: {mode: VerifyCa, caSecretRef: {name: ca}, clientCertificateSecretRef: {name: missing}}";
    let secret = "---\n{apiVersion: v1, kind: Secret, metadata: {name: ca}, stringData: {tls.crt: nothing, ca.crt: nothing}}\n";
    let text = base(&format!(", passwordSecretRef: {{name: ca}}{tls}"), "", &format!("{rest}{secret}"));
    assert_eq!(
        reasons(&text),
        ["SecretInvalid", "SecretKeyNotFound", "SecretNotFound", "SecretNotFound", "SourceNotFound"]
    );
    let found = problems(&text);
    let key = found.iter().find(|problem| problem.reason == "SecretKeyNotFound").expect("is there");
    assert!(key.message.contains("no key \"password\"") && key.remedy.contains("ca.crt, tls.crt"), "{key}");
    assert!(
        found.iter().all(|problem| !problem.to_string().contains("nothing")),
        "a secret's value was printed"
    );
}

#[test]
fn the_source_is_the_only_one_or_the_one_named() {
    assert_eq!(reasons(""), ["SourceNotFound"]);
    let second = "{apiVersion: offtake.dev/v1alpha1, kind: PgSource, metadata: {name: t}, \
                  spec: {connectionRef: {name: gone}, publication: p, slot: {name: mine, onLost: Resnapshot}}}\n";
    let text = base("", ", slot: {name: mine}", second);
    assert_eq!(reasons(&text), ["SourceAmbiguous"]);
    let manifests = read(&text).expect("is valid");
    let named = |name: &str| to_catalog(&manifests, Some(&ObjectName::new("default", name)));
    assert_eq!(named("s").expect("is complete").source.slot, "mine");
    assert_eq!(named("t").expect_err("its connection is gone")[0].reason, "ConnectionNotFound");
    assert_eq!(named("u").expect_err("is not there")[0].reason, "SourceNotFound");
}

#[test]
fn two_relations_under_one_name_are_refused() {
    let table = |name: &str| {
        format!(
            "{{apiVersion: offtake.dev/v1alpha1, kind: SourceTable, metadata: {{name: {name}}}, \
             spec: {{sourceRef: {{name: s}}, upstream: {{table: t}}}}}}\n---\n"
        )
    };
    let view = "{apiVersion: offtake.dev/v1alpha1, kind: View, metadata: {name: v}, spec: {sourceRef: {name: s}, name: a_b, query: SELECT 1}}\n";
    let found = problems(&base("", "", &format!("{}{}{view}", table("a-b"), table("a.b"))));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0]
            .message
            .contains("SourceTable default/a.b: public.a_b is already the name of SourceTable default/a-b")
    );
    assert!(found[1].message.starts_with("View default/v: public.a_b"));
}

#[test]
fn the_demos_manifests_are_complete() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo");
    let catalog = to_catalog(&read_dir(&folder).expect("is valid"), None).expect("is complete");
    assert_eq!((catalog.tables.len(), catalog.views.len()), (5, 5));
    assert_eq!(catalog.source.connection.host, "127.0.0.1");
}
