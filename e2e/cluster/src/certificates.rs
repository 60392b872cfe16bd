//! The cluster's own authority and the certificates it issues. New at every start; the keys are on disk, as tests may.

use std::{fs, path::Path, path::PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

/// An authority in a folder.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, as files.
pub(crate) struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path) -> anyhow::Result<Authority> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let mut params = CertificateParams::new(Vec::new()).context("an authority without names")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name = name("cluster", None);
        let key = KeyPair::generate().context("generating the authority's key")?;
        let issuer =
            CertifiedIssuer::self_signed(params, key).context("signing the authority's certificate")?;
        let authority = Authority { issuer, folder: folder.to_owned() };
        write(&authority.certificate(), &authority.issuer.pem())?;
        write(&authority.key(), &authority.issuer.key().serialize_pem())?;
        Ok(authority)
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// A certificate for a client `name` of `group`, or a server with `hosts` (names and addresses).
    pub fn issue(&self, common: &str, group: Option<&str>, hosts: &[&str]) -> anyhow::Result<Identity> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).with_context(|| format!("naming {common}"))?;
        params.distinguished_name = name(common, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().with_context(|| format!("generating the key of {common}"))?;
        let issued = params.signed_by(&key, &*self.issuer).with_context(|| format!("signing {common}"))?;
        let file = common.replace(':', "-");
        let identity = Identity {
            certificate: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
        };
        write(&identity.certificate, &issued.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }

    /// A kubeconfig for an identity.
    pub fn kubeconfig(&self, identity: &Identity, server: &str) -> anyhow::Result<PathBuf> {
        let path = identity.certificate.with_extension("kubeconfig");
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": self.certificate()}}],
            "users": [{"name": "test", "user": {"client-certificate": identity.certificate, "client-key": identity.key}}],
        });
        write(&path, &config.to_string())?;
        Ok(path)
    }
}

fn name(common: &str, group: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(group) = group {
        name.push(DnType::OrganizationName, group);
    }
    name
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
