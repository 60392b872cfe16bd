//! The certificate of the PostgreSQL listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use crate::{config::Tls, error::BindError};

/// Reads the PEM texts. The ALPN name is what clients with direct TLS (`sslnegotiation=direct`) must offer.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, BindError> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| BindError::Tls(format!("{what}: {error}"));
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(tls.certificate_chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| wrong("reading the certificate chain", &error))?;
    if chain.is_empty() {
        return Err(BindError::Tls("the certificate chain holds no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(tls.private_key.expose().as_bytes())
        .map_err(|error| wrong("reading the private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("choosing protocol versions", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong("the key does not fit the certificate", &error))?;
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
