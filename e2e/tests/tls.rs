//! TLS to the upstream: every mode, with the right authority and with a wrong one.

use offtake_contract::SourcePhase;
use offtake_e2e::{Upstream, Worker, manifests};
use offtake_embedded::{Options, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A certificate authority of the test's own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate whose issuer has its own name for a self-signed one.
        params.distinguished_name.push(DnType::CommonName, "the authority of a test");
        Authority(
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"),
        )
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name, and its key, as PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tls_mode_trusts_exactly_what_it_says() {
    let authority = Authority::new();
    // Reached as 127.0.0.1, the server has a certificate of another name: VerifyCa takes it, VerifyFull does not.
    let (certificate, key) = authority.issue("localhost");
    let tls = Some(ServerTls { certificate, key, client_ca: None });
    // The fixture's own connections go to another database and are not encrypted.
    let hba = vec!["hostnossl app all 127.0.0.1/32 reject".to_owned()];
    let upstream = Upstream::start_with(super::NEWEST, Options { tls, hba, ..Options::default() }).await;
    let ca = authority.pem();
    let other = Authority::new().pem();
    let secret = |pem: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: ca}}\nstringData:\n  ca.crt: |\n    {}\n",
            pem.trim().replace('\n', "\n    ")
        )
    };
    let verify = |mode: &str| format!("tls: {{mode: {mode}, caSecretRef: {{name: ca, key: ca.crt}}}}");
    let cases = [
        ("Disable", "tls: {mode: Disable}".to_owned(), ca.clone(), false),
        ("Require", "tls: {mode: Require}".to_owned(), ca.clone(), true),
        ("VerifyCa, wrong name", verify("VerifyCa"), ca.clone(), true),
        ("VerifyCa, wrong authority", verify("VerifyCa"), other.clone(), false),
        ("VerifyFull, wrong name", verify("VerifyFull"), ca.clone(), false),
        ("VerifyFull", verify("VerifyFull"), ca, true),
        ("VerifyFull, wrong authority", verify("VerifyFull"), other, false),
    ];
    for (name, connection, pem, works) in cases {
        let mut source = manifests::source_with(&upstream, &connection, "") + &secret(&pem);
        if !name.ends_with("wrong name") {
            source = source.replace("host: 127.0.0.1", "host: localhost");
        }
        let mut worker = Worker::start(&[("source.yaml", source)]);
        let status = worker
            .status_when(name, |status| {
                status.source.phase == SourcePhase::Streaming || status.source.problem.is_some()
            })
            .await;
        // The publication is missing on purpose where TLS works: getting to know that needs a connection.
        let reached =
            status.source.problem.as_ref().is_some_and(|problem| problem.message.contains("publication"));
        assert_eq!(reached, works, "{name}: {:?}", status.source.problem);
    }
}
