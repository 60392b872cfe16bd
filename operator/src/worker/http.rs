//! The worker's HTTP API: `GET /v1/status` and `PUT /v1/catalog`, one connection for each request.

use std::{net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use offtake_contract::{Catalog, Secret, Status};
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};

use crate::error::{Diagnosis, Retry};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What an answer takes at most, beyond what a long poll was told to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A status of some ten thousand tables.
const LARGEST_ANSWER: usize = 64 << 20;

/// A request to a worker failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the worker at {address} cannot be reached: {source}")]
    Unreachable { address: SocketAddr, source: std::io::Error },
    #[error("the worker at {address} did not answer in time")]
    Silent { address: SocketAddr },
    #[error("the connection to the worker at {address} broke: {source}")]
    Broken { address: SocketAddr, source: hyper::Error },
    #[error("the worker at {address} does not know this operator's token")]
    Unauthorized { address: SocketAddr },
    #[error("the worker refuses the catalog: {0}")]
    Refused(String),
    #[error("the worker at {address} answered {status} to {what}: {text}")]
    Answer { address: SocketAddr, status: u16, what: &'static str, text: String },
}

impl Diagnosis for WorkerError {
    fn reason(&self) -> String {
        match self {
            WorkerError::Unreachable { .. } | WorkerError::Silent { .. } | WorkerError::Broken { .. } => {
                "WorkerUnreachable"
            }
            WorkerError::Unauthorized { .. } => "WorkerUnauthorized",
            WorkerError::Refused(_) => "CatalogRefused",
            WorkerError::Answer { .. } => "WorkerAnswer",
        }
        .to_owned()
    }

    fn remedy(&self) -> String {
        match self {
            WorkerError::Unreachable { .. } | WorkerError::Silent { .. } | WorkerError::Broken { .. } => {
                "it is tried again; look at the pod's log, and at NetworkPolicies between the operator and the worker"
            }
            WorkerError::Unauthorized { .. } => {
                "the pod runs with an older Secret: delete the pod, and it starts with the present one"
            }
            WorkerError::Refused(_) => "correct the fields that the message names; an older worker image may lack them",
            WorkerError::Answer { .. } => "look at the pod's log",
        }
        .to_owned()
    }

    fn retry(&self) -> Retry {
        match self {
            WorkerError::Refused(_) => Retry::OnChange,
            _ => Retry::Backoff,
        }
    }
}

/// Where a worker is, and the token that it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    pub address: SocketAddr,
    pub token: Secret,
}

impl Endpoint {
    /// The status, once its revision is larger than `after`, or as it is after `wait`.
    pub async fn status(&self, after: Option<u64>, wait: Duration) -> Result<Status, WorkerError> {
        let path = match after {
            Some(after) => format!("/v1/status?after={after}&timeout={}", wait.as_secs()),
            None => "/v1/status".to_owned(),
        };
        let (code, body) = self.request(Method::GET, &path, Bytes::new(), wait + ANSWER_TIMEOUT).await?;
        self.accept(code, &body, "GET /v1/status")?;
        serde_json::from_slice(&body).map_err(|error| WorkerError::Answer {
            address: self.address,
            status: code.as_u16(),
            what: "GET /v1/status",
            text: format!("a status that this version cannot read: {error}"),
        })
    }

    /// Replaces the catalog.
    pub async fn put(&self, catalog: &Catalog) -> Result<(), WorkerError> {
        let body = serde_json::to_vec(catalog).expect("a catalog is JSON");
        let (code, body) = self.request(Method::PUT, "/v1/catalog", body.into(), ANSWER_TIMEOUT).await?;
        if code == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(WorkerError::Refused(fields(&body)));
        }
        self.accept(code, &body, "PUT /v1/catalog")
    }

    fn accept(&self, code: StatusCode, body: &[u8], what: &'static str) -> Result<(), WorkerError> {
        match code {
            code if code.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => Err(WorkerError::Unauthorized { address: self.address }),
            code => {
                let text = String::from_utf8_lossy(&body[..body.len().min(500)]).trim().to_owned();
                Err(WorkerError::Answer { address: self.address, status: code.as_u16(), what, text })
            }
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), WorkerError> {
        let address = self.address;
        let silent = |_| WorkerError::Silent { address };
        let unreachable = |source| WorkerError::Unreachable { address, source };
        let broken = |source| WorkerError::Broken { address, source };
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(silent)?
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, address.to_string())
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
                .body(Full::new(body))
                .expect("the parts of the request are valid");
            let answer = async {
                let response = sender.send_request(request).await.map_err(broken)?;
                let code = response.status();
                let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
                let body = body.map_err(|error| WorkerError::Answer {
                    address,
                    status: code.as_u16(),
                    what: "a request",
                    text: error.to_string(),
                })?;
                Ok((code, body.to_bytes()))
            };
            // The connection runs beside the request and ends with it.
            tokio::pin!(answer, connection);
            tokio::select! {
                answered = &mut answer => answered,
                ended = &mut connection => match ended {
                    Ok(()) => answer.await,
                    Err(error) => Err(broken(error)),
                },
            }
        };
        timeout(limit, exchange).await.map_err(silent)?
    }
}

/// The first fields that are wrong, from the worker's `{"errors": [{"field", "message"}]}`.
fn fields(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Field {
        field: String,
        message: String,
    }
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Field>,
    }
    match serde_json::from_slice::<Errors>(body) {
        Ok(found) => {
            let list: Vec<String> = found
                .errors
                .iter()
                .take(5)
                .map(|error| format!("{}: {}", error.field, error.message))
                .collect();
            list.join("; ")
        }
        Err(_) => "its answer names no field".to_owned(),
    }
}
