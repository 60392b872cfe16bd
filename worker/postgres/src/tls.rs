//! TLS with the server, with libpq's four modes. One client configuration serves SQL and replication.
//!
//! Source: PostgreSQL documentation, section 34.19 (SSL Support).

use std::sync::Arc;

use offtake_contract::{Connection, Tls, TlsMode};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedCipherSuite,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, ring::cipher_suite, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

use crate::error::PgError;

/// The client configuration for a connection; `None` where TLS is off or the server is reached by a Unix socket.
pub(crate) fn config(connection: &Connection) -> Result<Option<Arc<ClientConfig>>, PgError> {
    let tls = &connection.tls;
    if tls.mode == TlsMode::Disable || connection.host.starts_with('/') {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| material("mode", error))?;
    let verifier = Arc::new(verifier(tls, provider)?);
    let builder = versions.dangerous().with_custom_certificate_verifier(verifier);
    let config = match (&tls.client_certificate, &tls.client_key) {
        (Some(chain), Some(key)) => {
            let chain = certificates("clientCertificate", chain)?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| material("clientKey", format!("{error:?}")))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| material("clientKey", error))?
        }
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err(material("clientKey", "a client certificate needs its key")),
        (None, Some(_)) => return Err(material("clientCertificate", "a client key needs its certificate")),
    };
    Ok(Some(Arc::new(config)))
}

/// The name that the certificate is checked against and that is sent as SNI.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, PgError> {
    ServerName::try_from(host.to_owned()).map_err(|_| material("mode", format!("{host:?} is no host name")))
}

fn material(field: &'static str, message: impl ToString) -> PgError {
    PgError::TlsMaterial { field, message: message.to_string() }
}

fn certificates(field: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, PgError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| material(field, format!("not PEM certificates: {error:?}")))?;
    if found.is_empty() { Err(material(field, "holds no PEM certificate")) } else { Ok(found) }
}

fn verifier(tls: &Tls, provider: Arc<CryptoProvider>) -> Result<Verifier, PgError> {
    if matches!(tls.mode, TlsMode::Disable | TlsMode::Require) {
        return Ok(Verifier { mode: tls.mode, inner: None, trusted: Vec::new(), provider });
    }
    let mut roots = RootCertStore::empty();
    let trusted = match &tls.ca {
        Some(pem) => certificates("ca", pem)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (_, unusable) = roots.add_parsable_certificates(trusted.iter().cloned());
    if roots.is_empty() {
        let what = if tls.ca.is_some() {
            "holds no usable certificate"
        } else {
            "the system has no trusted authorities"
        };
        return Err(material("ca", what));
    }
    if unusable > 0 {
        tracing::debug!(unusable, "certificates of authorities that cannot be used are left out");
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| material("ca", error))?;
    let trusted = if tls.ca.is_some() { trusted } else { Vec::new() };
    Ok(Verifier { mode: tls.mode, inner: Some(inner), trusted, provider })
}

/// Checks the server's certificate as far as the mode asks.
#[derive(Debug)]
struct Verifier {
    mode: TlsMode,
    /// Absent where any certificate will do.
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of `tls.ca`. A server that shows one of them itself is trusted too, as libpq does: self-signed ones are
    /// common with PostgreSQL, and webpki refuses an authority as a server.
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        if self.trusted.iter().any(|trusted| trusted == end_entity) {
            if self.mode == TlsMode::VerifyFull {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is checked before the name, so all else is well.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.mode == TlsMode::VerifyCa => Ok(ServerCertVerified::assertion()),
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// 1.2.840.113549.1.1: RSA signatures by PKCS #1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
/// 1.2.840.10045.4: ECDSA signatures.
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4];

/// The `tls-server-end-point` channel binding of a server certificate: its digest by the hash of its own signature, where MD5 and
/// SHA-1 count as SHA-256. `None` for signatures by other hashes: authentication is then not bound.
///
/// Source: RFC 5929, section 4.1.
pub(crate) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = signature_algorithm(certificate)?;
    let suite = match (algorithm.strip_prefix(RSA), algorithm.strip_prefix(ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => cipher_suite::TLS13_AES_128_GCM_SHA256,
        (Some([12]), _) | (_, Some([3, 3])) => cipher_suite::TLS13_AES_256_GCM_SHA384,
        _ => return None,
    };
    match suite {
        SupportedCipherSuite::Tls13(suite) => {
            Some(suite.common.hash_provider.hash(certificate).as_ref().to_vec())
        }
        SupportedCipherSuite::Tls12(_) => None,
    }
}

/// The OID of a certificate's signature: `SEQUENCE { tbs SEQUENCE, SEQUENCE { OID … } … }`.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = element(certificate, 0x30)?;
    let (_, rest) = element(outer, 0x30)?;
    let (algorithm, _) = element(rest, 0x30)?;
    Some(element(algorithm, 0x06)?.0)
}

/// The contents of the DER element that `bytes` starts with, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, first, rest @ ..] = bytes else { return None };
    if *found != tag {
        return None;
    }
    let (len, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As little of a certificate as the reader looks at.
    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, inner: &[u8]| [&[tag, inner.len() as u8], inner].concat();
        let body = [wrap(0x30, b"to be signed"), wrap(0x30, &wrap(0x06, algorithm))].concat();
        wrap(0x30, &body)
    }

    #[test]
    fn the_binding_uses_the_signatures_hash() {
        let len = |algorithm: &[u8]| end_point(&certificate(algorithm)).map(|digest| digest.len());
        assert_eq!(len(&[RSA, &[11]].concat()), Some(32));
        assert_eq!(len(&[RSA, &[5]].concat()), Some(32), "SHA-1 counts as SHA-256");
        assert_eq!(len(&[ECDSA, &[3, 3]].concat()), Some(48));
        assert_eq!(len(&[0x2b, 0x65, 0x70]), None, "Ed25519 names no hash");
        assert_eq!(end_point(b"\x30\x84\xff\xff\xff\xff"), None);
        assert_eq!(end_point(b""), None);
    }

    #[test]
    fn material_is_checked_by_field() {
        let tls = |change: fn(&mut Tls)| {
            let mut tls = Tls { mode: TlsMode::VerifyFull, ..Tls::default() };
            change(&mut tls);
            let connection = Connection {
                object: "default/c".into(),
                host: "db".into(),
                address: None,
                port: 5432,
                database: "d".into(),
                user: "u".into(),
                password: None,
                tls,
            };
            config(&connection).map(|config| config.is_some())
        };
        let field = |answer: Result<bool, PgError>| match answer {
            Err(PgError::TlsMaterial { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(tls(|tls| tls.ca = Some("no PEM".into()))), "ca");
        let lone = |tls: &mut Tls| {
            tls.mode = TlsMode::Require;
            tls.client_certificate = Some("x".into());
        };
        assert_eq!(field(tls(lone)), "clientKey");
        assert!(matches!(tls(|tls| tls.mode = TlsMode::Disable), Ok(false)));
        assert!(matches!(tls(|tls| tls.mode = TlsMode::Require), Ok(true)));
    }
}
