//! Who may come in.

use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use pgwire::{
    api::auth::{
        AuthSource, LoginInfo, Password,
        mechanism::{AuthMechanism, AuthMechanismFactory},
        sasl::scram::{SCRAM_ITERATIONS, ScramAuth, ScramSecret, gen_salted_password},
    },
    error::{PgWireError, PgWireResult},
};
use rand::Rng;

use crate::{
    config::{Auth, Tls},
    error::BindError,
};

/// Decides how a client proves who it is.
pub enum Gate {
    Open,
    Scram {
        /// For connections without TLS.
        plain: Box<ScramAuth>,
        /// With channel binding to our certificate, for connections with TLS.
        bound: Box<ScramAuth>,
    },
}

impl Gate {
    /// Salts and hashes the passwords once; the passwords themselves are not kept.
    pub fn new(auth: &Auth, tls: Option<&Tls>) -> Result<Gate, BindError> {
        let Auth::Scram { users } = auth else { return Ok(Gate::Open) };
        if users.is_empty() {
            return Err(BindError::NoUsers);
        }
        let users = users
            .iter()
            .map(|(user, password)| (user.clone(), Verifier::new(password.expose())))
            .collect::<HashMap<_, _>>();
        let mut nobody = [0u8; 32];
        rand::rng().fill(&mut nobody);
        let source = Arc::new(Users { users, nobody: Verifier::new(&format!("{nobody:?}")) });
        let plain = ScramAuth::new(source);
        let mut bound = plain.clone();
        if let Some(tls) = tls {
            // A certificate whose signature algorithm has no binding defined (Ed25519) leaves plain SCRAM.
            if let Err(error) = bound.configure_certificate(tls.certificate_chain.as_bytes()) {
                tracing::warn!(%error, "SCRAM channel binding is off: the certificate has no usable signature hash");
                bound = plain.clone();
            }
        }
        Ok(Gate::Scram { plain: Box::new(plain), bound: Box::new(bound) })
    }

    /// The exchange that a new connection has to pass; `None`: it may come in at once.
    pub fn exchange(&self, secure: bool) -> Option<Box<dyn AuthMechanism>> {
        match self {
            Gate::Open => None,
            Gate::Scram { plain, bound } => Some(if secure { bound.create() } else { plain.create() }),
        }
    }
}

struct Users {
    users: HashMap<String, Verifier>,
    /// Unknown users go through the whole exchange too and fail at its end, so that names cannot be tried out.
    nobody: Verifier,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.users.len()).finish()
    }
}

/// What RFC 5802 lets a server keep instead of a password.
struct Verifier {
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Verifier {
    fn new(password: &str) -> Verifier {
        let mut salt = vec![0u8; 16];
        rand::rng().fill(&mut salt[..]);
        let salted = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
        match ScramSecret::verifier_from_salted_password(salt, salted, SCRAM_ITERATIONS) {
            ScramSecret::Verifier { salt, stored_key, server_key, .. } => {
                Verifier { salt, stored_key, server_key }
            }
            // The constructor makes nothing else; kept total all the same.
            ScramSecret::SaltedPassword { salt, .. } => {
                Verifier { salt, stored_key: Vec::new(), server_key: Vec::new() }
            }
        }
    }
}

#[async_trait]
impl AuthSource for Users {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        // Only clear-text and MD5 ask for it, and neither is offered.
        Err(PgWireError::InvalidPassword(login.user().unwrap_or_default().to_owned()))
    }

    async fn get_scram_secret(&self, login: &LoginInfo) -> PgWireResult<(ScramSecret, Option<()>)> {
        let verifier = login.user().and_then(|user| self.users.get(user)).unwrap_or(&self.nobody);
        let secret = ScramSecret::Verifier {
            salt: verifier.salt.clone(),
            iterations: SCRAM_ITERATIONS,
            stored_key: verifier.stored_key.clone(),
            server_key: verifier.server_key.clone(),
        };
        Ok((secret, None))
    }
}
