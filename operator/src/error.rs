//! What every error of the operator can tell about itself.

use offtake_contract::Problem;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Again after a while, by itself.
    Backoff,
    /// Not before something was changed. It is still looked at again, for the change may happen where nothing tells us.
    OnChange,
}

/// An error that knows its reason word, what its owner can do, and whether to try again. Each module's enum implements it.
pub trait Diagnosis: std::error::Error {
    /// One PascalCase word: the same in conditions, Events and metrics.
    fn reason(&self) -> String;
    /// What the owner can do, as a sentence; empty where there is nothing to do.
    fn remedy(&self) -> String;
    fn retry(&self) -> Retry;

    fn problem(&self) -> Problem {
        Problem::new(self.reason(), self.to_string(), self.remedy())
    }
}

/// A failed request to the API server: the words are its own.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct ApiError {
    pub doing: String,
    #[source]
    pub source: kube::Error,
}

impl ApiError {
    pub fn new(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> ApiError {
        let doing = doing.into();
        move |source| ApiError { doing, source }
    }

    /// Somebody else changed the object at the same moment.
    pub fn conflict(&self) -> bool {
        matches!(&self.source, kube::Error::Api(status) if status.is_conflict())
    }
}

impl Diagnosis for ApiError {
    fn reason(&self) -> String {
        match &self.source {
            kube::Error::Api(status) if status.is_forbidden() => "ApiForbidden".to_owned(),
            kube::Error::Api(status) if status.is_invalid() => "ApiInvalid".to_owned(),
            _ if self.conflict() => "ApiConflict".to_owned(),
            _ => "ApiUnavailable".to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self.reason().as_str() {
            "ApiForbidden" => {
                "let the operator's role do it, or look at the namespace's quotas and policies".to_owned()
            }
            "ApiInvalid" => "correct the field that the message names".to_owned(),
            _ => "nothing: it is tried again".to_owned(),
        }
    }

    fn retry(&self) -> Retry {
        match &self.source {
            kube::Error::Api(status) if status.is_invalid() => Retry::OnChange,
            _ => Retry::Backoff,
        }
    }
}

/// A reconcile that could not come to its end. What is wrong with an object is no such error: that is told in its status.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the reconcile took longer than {seconds} s")]
    TimedOut { seconds: u64 },
}

impl Diagnosis for ReconcileError {
    fn reason(&self) -> String {
        match self {
            ReconcileError::Api(error) => error.reason(),
            ReconcileError::TimedOut { .. } => "ReconcileTimedOut".to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            ReconcileError::Api(error) => error.remedy(),
            ReconcileError::TimedOut { .. } => {
                "look at the API server's health; it is tried again".to_owned()
            }
        }
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }
}
