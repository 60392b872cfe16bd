//! What goes wrong, for the one who starts the server and for the clients it serves.

use std::{io, net::SocketAddr};

use pgwire::{
    error::{ErrorInfo, PgWireError},
    messages::response::ErrorResponse,
};
use thiserror::Error;

/// The server did not start.
#[derive(Debug, Error)]
pub enum BindError {
    #[error(
        "SQL would be open without a password on {0}, which is not a loopback address: configure SCRAM users, or listen on 127.0.0.1"
    )]
    SqlOpen(SocketAddr),
    #[error(
        "HTTP would be open on {0}, which is not a loopback address: configure a bearer token, or listen on 127.0.0.1"
    )]
    HttpOpen(SocketAddr),
    #[error("authentication is SCRAM but no user is configured: name at least one user with a password")]
    NoUsers,
    #[error("cannot listen on {address} for {protocol}")]
    Listen { protocol: &'static str, address: SocketAddr, source: io::Error },
    #[error("the TLS certificate or key of the SQL listener cannot be used: {0}")]
    Tls(String),
    #[error("registering metrics")]
    Metrics(#[from] prometheus::Error),
    #[error("starting the query threads")]
    Threads(#[source] io::Error),
}

/// An error as a client of the PostgreSQL protocol gets it.
///
/// Source of the codes: PostgreSQL documentation, appendix A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    pub fatal: bool,
    pub sqlstate: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Character index into the statement, from 1.
    pub position: Option<usize>,
}

impl SqlError {
    pub fn new(sqlstate: impl Into<String>, message: impl Into<String>) -> SqlError {
        SqlError {
            fatal: false,
            sqlstate: sqlstate.into(),
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    /// An error that ends the session.
    pub fn fatal(sqlstate: &str, message: impl Into<String>) -> SqlError {
        SqlError { fatal: true, ..SqlError::new(sqlstate, message) }
    }

    /// `feature_not_supported`: what it is, and what to do instead.
    pub fn unsupported(what: impl Into<String>, hint: impl Into<String>) -> SqlError {
        SqlError::new("0A000", what).hint(hint)
    }

    /// The client broke the protocol.
    pub fn protocol(message: impl Into<String>) -> SqlError {
        SqlError::new("08P01", message)
    }

    pub fn canceled(message: &str) -> SqlError {
        SqlError::new("57014", message)
    }

    pub fn detail(mut self, detail: impl Into<String>) -> SqlError {
        self.detail = Some(detail.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> SqlError {
        self.hint = Some(hint.into());
        self
    }

    /// Moves the position by the characters that came before the statement in the client's string.
    pub fn after(mut self, characters: usize) -> SqlError {
        self.position = self.position.map(|position| position + characters);
        self
    }

    pub fn response(&self) -> ErrorResponse {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        let mut info = ErrorInfo::new(severity.to_owned(), self.sqlstate.clone(), self.message.clone());
        info.severity_nonlocalized = Some(severity.to_owned());
        info.detail = self.detail.clone();
        info.hint = self.hint.clone();
        info.position = self.position.map(|position| position.to_string());
        info.into()
    }
}

/// What ends the handling of one message: an answer to the client, or a connection that is gone.
#[derive(Debug)]
pub enum Failure {
    Sql(Box<SqlError>),
    Gone(io::Error),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Failure {
        Failure::Sql(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Gone(error)
    }
}

impl From<PgWireError> for Failure {
    fn from(error: PgWireError) -> Failure {
        match error {
            PgWireError::IoError(error) => Failure::Gone(error),
            error => {
                let fatal = error.is_fatal();
                let info: ErrorInfo = error.into();
                let mut error = SqlError::new(info.code, info.message);
                error.fatal = fatal;
                Failure::Sql(Box::new(error))
            }
        }
    }
}
