//! Who gets in, and what HTTP answers.

use std::{net::SocketAddr, sync::Arc};

use crate::support::start;
use offtake_contract::Secret;
use offtake_serve::{Auth, BindError, Config, Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_postgres::{Config as PgConfig, NoTls, error::SqlState};

fn client(sql: SocketAddr) -> PgConfig {
    let mut config = PgConfig::new();
    config.host("127.0.0.1").port(sql.port()).user("offtake").dbname("offtake");
    config
}

fn scram(config: &mut Config) {
    config.auth = Auth::Scram { users: vec![("offtake".to_owned(), Secret::new("pençil"))] };
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_takes_the_right_password_only() {
    let fixture = start(scram).await;
    let (good, connection) = client(fixture.sql).password("pençil").connect(NoTls).await.expect("comes in");
    tokio::spawn(connection);
    assert_eq!(good.query("SELECT 1", &[]).await.expect("answers").len(), 1);
    for (user, password) in [("offtake", "pencil"), ("nobody", "pençil")] {
        let error = client(fixture.sql)
            .user(user)
            .password(password)
            .connect(NoTls)
            .await
            .err()
            .expect("is turned away");
        let error = error.as_db_error().expect("is answered");
        assert_eq!(error.code(), &SqlState::INVALID_PASSWORD);
        assert_eq!(error.message(), format!("password authentication failed for user \"{user}\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_and_replication_are_refused_by_name() {
    let fixture = start(|_| {}).await;
    let error = client(fixture.sql).dbname("shop").connect(NoTls).await.err().expect("fails");
    let error = error.as_db_error().expect("is answered");
    assert_eq!(error.code(), &SqlState::INVALID_CATALOG_NAME);
    assert!(error.hint().is_some_and(|hint| hint.contains("-d offtake")));
    let error =
        client(fixture.sql).options("-c client_encoding=latin1").connect(NoTls).await.err().expect("fails");
    assert_eq!(error.code(), Some(&SqlState::FEATURE_NOT_SUPPORTED));
    // What JDBC sends, its own zone, and what PGDATESTYLE does. They stay UTC and MDY and say so.
    let (zoned, connection) = client(fixture.sql)
        .options("-c TimeZone=Europe/Berlin -c extra_float_digits=3 -c DateStyle=ISO,DMY")
        .connect(NoTls)
        .await
        .expect("connects");
    tokio::spawn(connection);
    for (name, kept) in [("TimeZone", "UTC"), ("DateStyle", "ISO, MDY")] {
        let rows = zoned.simple_query(&format!("SHOW {name}")).await.expect("answers");
        assert!(
            rows.iter().any(
                |row| matches!(row, tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some(kept))
            ),
            "{name}"
        );
    }
    let style = client(fixture.sql).options("-c DateStyle=German").connect(NoTls).await.err().expect("fails");
    assert_eq!(style.code(), Some(&SqlState::FEATURE_NOT_SUPPORTED));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_and_without_channel_binding() {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (issued.cert, issued.signing_key);
    let fixture = start(|config| {
        scram(config);
        config.tls = Some(Tls {
            certificate_chain: certificate.pem(),
            private_key: Secret::new(key.serialize_pem()),
            required: true,
        });
    })
    .await;
    let error =
        client(fixture.sql).password("pençil").connect(NoTls).await.err().expect("plain is turned away");
    assert_eq!(error.code().map(SqlState::code), Some("28000"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("is a root");
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(fixture.sql).await.expect("connects");
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.expect("asks for TLS");
    let mut answer = [0];
    stream.read_exact(&mut answer).await.expect("answers");
    assert_eq!(&answer, b"S");
    let name = rustls_pki_types::ServerName::try_from("localhost").expect("is a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .expect("the handshake passes");
    // tokio-postgres over a stream that is TLS already: no channel binding on its side.
    let mut config = client(fixture.sql);
    config.password("pençil").ssl_mode(tokio_postgres::config::SslMode::Disable);
    let (client, connection) = config.connect_raw(stream, NoTls).await.expect("comes in");
    tokio::spawn(connection);
    assert_eq!(client.query("SELECT 1", &[]).await.expect("answers").len(), 1);
}

#[tokio::test]
async fn nothing_is_open_to_a_network_without_authentication() {
    let try_bind = async |change: fn(&mut Config)| {
        let (results, _writer) = offtake_results::results();
        let shared = offtake_serve::Shared {
            results,
            relations: tokio::sync::watch::channel(Default::default()).1,
            views: tokio::sync::watch::channel(Default::default()).1,
            status: tokio::sync::watch::channel(Default::default()).1,
            catalog: None,
            registry: prometheus::Registry::new(),
        };
        let mut config = Config::loopback(0, 0);
        change(&mut config);
        offtake_serve::bind(config, shared).await.map(|_| ())
    };
    let any = |port: u16| SocketAddr::from(([0, 0, 0, 0], port));
    assert_eq!(any(0).port(), 0);
    assert!(try_bind(|_| {}).await.is_ok());
    assert!(matches!(
        try_bind(|config| config.sql_listen = "0.0.0.0:0".parse().expect("ok")).await,
        Err(BindError::SqlOpen(_))
    ));
    assert!(matches!(
        try_bind(|config| config.http_listen = "0.0.0.0:0".parse().expect("ok")).await,
        Err(BindError::HttpOpen(_))
    ));
    assert!(matches!(
        try_bind(|config| config.auth = Auth::Scram { users: vec![] }).await,
        Err(BindError::NoUsers)
    ));
    assert!(
        try_bind(|config| {
            scram(config);
            config.sql_listen = "0.0.0.0:0".parse().expect("ok");
        })
        .await
        .is_ok()
    );
}

async fn http(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("is answered");
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (code, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    http(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn http_answers_status_metrics_probes_and_takes_a_catalog() {
    let mut fixture = start(|config| config.http_token = Some(Secret::new("t0ken"))).await;
    let bearer = "Authorization: Bearer t0ken\r\n";
    let address = fixture.http;
    assert_eq!(get(address, "/v1/status", "").await.0, 401);
    assert_eq!(get(address, "/v1/status", "Authorization: Bearer t0kem\r\n").await.0, 401);
    let (code, body) = get(address, "/v1/status", bearer).await;
    assert_eq!(code, 200);
    let status: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
    assert_eq!((status["revision"].as_u64(), status["source"]["lsn"].as_str()), (Some(7), Some("0/100")));

    // A long poll answers when the revision rises.
    let poll = tokio::spawn(get(address, "/v1/status?after=7&timeout=20", bearer));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!poll.is_finished());
    let mut changed = crate::support::status();
    changed.revision = 8;
    fixture.status.send_replace(Arc::new(changed));
    assert!(poll.await.expect("answers").1.contains("\"revision\":8"));
    assert!(get(address, "/v1/status?after=8&timeout=0", bearer).await.1.contains("\"revision\":8"));

    let (code, text) = get(address, "/metrics", "").await;
    assert_eq!(code, 200);
    assert!(text.contains("offtake_sql_connections 0"), "{text}");
    assert_eq!((get(address, "/livez", "").await.0, get(address, "/readyz", "").await.0), (200, 200));
    assert_eq!(get(address, "/", "").await.0, 401);
    let (_, page) = get(address, "/", bearer).await;
    assert!(
        page.contains("default/shop")
            && page.contains("250 of about 1,000")
            && page.contains("Apply a new SourceTable.")
    );

    let put = |body: String| {
        http(
            address,
            Box::leak(
                format!("PUT /v1/catalog HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}Content-Length: {}\r\n\r\n{body}", body.len())
                    .into_boxed_str(),
            ),
        )
    };
    let (code, body) = put("{\"generation\": 2}".to_owned()).await;
    assert_eq!(code, 422, "{body}");
    assert!(body.contains("\"field\":\"source\""), "{body}");
    let catalog = serde_json::json!({
        "generation": 2, "tables": [], "views": [],
        "source": {"object": "a/b", "publication": "p", "slot": "s", "connection": {
            "object": "a/c", "host": "h", "port": 5432, "database": "d", "user": "u", "password": null}}
    });
    let taken = tokio::spawn(put(catalog.to_string()));
    let given = fixture.catalogs.recv().await.expect("arrives");
    assert_eq!(given.catalog.generation, 2);
    given.answer.send(Ok(())).expect("is waited for");
    assert_eq!(taken.await.expect("answers"), (200, "{\"generation\":2}".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_idle_sessions_with_a_word() {
    let fixture = start(|_| {}).await;
    let (client, connection) = client(fixture.sql).connect(NoTls).await.expect("connects");
    let connection = tokio::spawn(connection);
    // Not prepared: the closing of a statement would be on its way when the server stops.
    client.simple_query("SELECT 1").await.expect("answers");
    fixture.shutdown.send_replace(true);
    let ended = connection.await.expect("ends");
    let code = ended.as_ref().err().and_then(|error| error.code());
    assert_eq!(code, Some(&SqlState::ADMIN_SHUTDOWN), "{ended:?}");
    tokio::time::timeout(std::time::Duration::from_secs(3), fixture.served)
        .await
        .expect("in time")
        .expect("cleanly");
}
