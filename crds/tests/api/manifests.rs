//! Reading folders.

use offtake_crds::{
    ObjectName, TlsMode,
    manifests::{ManifestErrors, read_dir},
};

use crate::{fixture, read};

#[test]
fn a_folder_is_read_whole() {
    let manifests = read_dir(&fixture("good")).expect("is valid");
    let name = |name: &str| ObjectName::new("default", name);
    let connection = &manifests.connections[&name("database")].spec;
    assert_eq!(
        (connection.port, connection.tls.as_ref().map(|tls| tls.mode)),
        (5432, Some(TlsMode::VerifyFull))
    );
    let source = &manifests.sources[&name("shop")].spec;
    assert_eq!(source.worker.resources.requests["cpu"].0, "2");
    assert_eq!((source.worker.replicas, &*source.worker.storage.size.0), (1, "20Gi"));
    assert_eq!(manifests.tables.len(), 2);
    assert_eq!(manifests.tables[&name("order-lines")].spec.upstream.schema, "public");
    assert!(manifests.tables.values().all(|table| table.status.is_none()));
    assert_eq!(manifests.views[&name("by.product")].spec.indexes.len(), 3);
    assert_eq!(manifests.secrets[&name("database")].get("password"), Some(&b"secret\n"[..]));
    assert_eq!(manifests.notes.len(), 1);
    assert!(manifests.notes[0].contains("all.yaml, document 3: Deployment"), "{:?}", manifests.notes);
    assert!(!format!("{manifests:?}").contains("secret\\n"));
}

#[test]
fn one_file_is_read_too_and_none_is_an_error() {
    let manifests = read_dir(&fixture("good/view.json")).expect("is valid");
    assert_eq!((manifests.views.len(), manifests.sources.len()), (1, 0));
    let error = read_dir(&fixture("no-such-folder")).expect_err("is refused");
    assert!(error.to_string().contains("no-such-folder: cannot be read"), "{error}");
}

/// Every finding of the folder, each with file, document, object, field, what is wrong and what to do.
#[test]
fn everything_wrong_is_found_at_once() {
    let ManifestErrors(errors) = read_dir(&fixture("bad")).expect_err("is invalid");
    let text: Vec<String> = errors
        .iter()
        .map(|error| error.to_string().replace(&format!("{}/", fixture("bad").display()), ""))
        .collect();
    let one = "a.yaml, document 1, PgConnection";
    let expected = [
        format!("{one}, metadata.namspace: is not a field of metadata (did you mean namespace?)"),
        format!("{one} default/one, spec.database: is missing (The database; logical replication is per database)"),
        format!("{one} default/one, spec.databse: is not a known field (did you mean database?)"),
        format!(r#"{one} default/one, spec.host: "postgres://db" is not valid (A host name, an IP address"#),
        format!("{one} default/one, spec.port: 70000 is out of range (a number from 1 to 65535)"),
        format!("{one} default/one, spec.sshTunnel.host: is missing"),
        format!("{one} default/one, spec.sshTunnel.hostKey: is missing"),
        format!(r#"{one} default/one, spec.tls.mode: "verify-full" is not one of Disable, Require, VerifyCa, VerifyFull (did you mean VerifyFull?)"#),
        format!(r#"{one} default/one, spec.user: is a whole number, not a string (put quotes around it: "5")"#),
        "a.yaml, document 2, PgConnection default/two, spec.tls: mode VerifyCa needs caSecretRef".into(),
        "a.yaml, document 4, PgConnection default/two, metadata.name: the same object is already in".into(),
        r#"a.yaml, document 5, SourceTables, apiVersion: "offtake.dev/v1" is not known (write offtake.dev/v1alpha1)"#.into(),
        r#"a.yaml, document 5, SourceTables, kind: offtake.dev has no kind "SourceTables" (did you mean SourceTable?)"#.into(),
        r#"a.yaml, document 6, PgSource, metadata.name: "Four_4" is not an object's name"#.into(),
        r#"a.yaml, document 6, PgSource, spec.slot.name: "Big-Slot" is not valid (By default "offtake_", the namespace"#.into(),
        r#"a.yaml, document 6, PgSource, spec.slot.onLost: "resnapshot" is not one of Stop, Resnapshot (did you mean Resnapshot?)"#.into(),
        "a.yaml, document 6, PgSource, spec.worker.replicas: is a string, not a whole number (write it without quotes)".into(),
        r#"a.yaml, document 6, PgSource, spec.worker.storage.size: "10 gigs" is not valid"#.into(),
        "a.yaml, document 7, PgSource default/aliases, spec.schemaAliases: a schema alias names a schema of tables".into(),
        "a.yaml, document 7, PgSource default/aliases, spec.worker.affinity: invalid type".into(),
        r#"a.yaml, document 8, SourceTable default/five, spec.excludeColumns: "a" stands twice (remove one)"#.into(),
        "a.yaml, document 8, SourceTable default/five, spec.upstream.table: is empty (at least 1)".into(),
        r#"a.yaml, document 9, SourceTable default/six, spec.schema: "offtake": pg_*, information_schema and offtake"#.into(),
        r#"a.yaml, document 9, SourceTable default/six, spec.textColumns: "a" is in both"#.into(),
        "a.yaml, document 10, View default/seven, spec.indexes[0].columns: has 0 items (at least 1)".into(),
        "a.yaml, document 10, View default/seven, spec.indexes[1].columns: is a string, not a list".into(),
        "a.yaml, document 10, View default/seven, spec.query: is missing (One SELECT in PostgreSQL's SQL)".into(),
        "a.yaml, document 10, View default/seven, spec.qurey: is not a known field (did you mean query?)".into(),
        "a.yaml, document 11, Secret default/eight, data.password: is not base64".into(),
        "a.yaml, document 11, Secret default/eight, stringData.pin: is not a string (put quotes around it)".into(),
        "a.yaml, document 11, Secret default/eight, strngData: is not a field of a Secret (did you mean stringData?)".into(),
        "a.yaml, document 12: has no apiVersion or no kind".into(),
        "a.yaml, document 13: is not an object".into(),
        "a.yaml, document 14: is not YAML: duplicate entry with key \"a\"".into(),
        "a.yaml, document 15: has no apiVersion or no kind".into(),
        "a.yaml, document 16: is not YAML: ".into(),
        "b.json, document 1: is not JSON: EOF".into(),
    ];
    for expected in &expected {
        assert!(
            text.iter().any(|line| line.starts_with(&**expected)),
            "missing: {expected}\n{}",
            text.join("\n")
        );
    }
    for line in &text {
        let known =
            expected.iter().any(|expected| line.starts_with(&**expected)) || line.contains("spec.sshTunnel.");
        assert!(known, "unexpected: {line}");
    }
}

#[test]
fn an_object_of_the_same_name_in_another_namespace_is_another_one() {
    let view = |namespace: &str| {
        format!(
            "{{apiVersion: offtake.dev/v1alpha1, kind: View, metadata: {{name: v, namespace: {namespace}}}, \
             spec: {{sourceRef: {{name: s}}, query: SELECT 1}}}}\n---\n"
        )
    };
    assert_eq!(read(&(view("a") + &view("b"))).expect("is valid").views.len(), 2);
    assert!(read(&(view("a") + &view("a"))).is_err());
}
