//! Which replica reconciles: the holder of a Lease.
//!
//! Whether the Lease is free is judged by this process's own clock: by when it last *saw* the record change, never by comparing the
//! record's time with ours. Every write names the version that it replaces, so of two that try, one is refused. Losing the Lease ends the
//! process: nothing of an old leader runs beside the new one. (What must hold even so rests elsewhere: a slot has one reader.)

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio_util::sync::CancellationToken;

use crate::{error::ApiError, metrics};

const NAME: &str = "offtake-operator";
/// How long a Lease holds without being renewed.
const DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for this long gives up before others may take over.
const DEADLINE: Duration = Duration::from_secs(10);
const RENEW_EVERY: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_secs(2);
const REQUEST: Duration = Duration::from_secs(4);

/// What is known of the Lease's record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    pub holder: Option<String>,
    /// What changes with every write of it.
    pub version: String,
    /// As the holder promised.
    pub duration: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// It is free, or its holder is gone: take it.
    Acquire,
    /// It is ours: renew it.
    Renew,
    /// It is somebody else's.
    Wait,
}

/// `unchanged` is for how long we have seen this version of the record.
pub fn decide(record: Option<&Record>, me: &str, unchanged: Duration) -> Decision {
    match record {
        None => Decision::Acquire,
        Some(record) => match record.holder.as_deref() {
            None | Some("") => Decision::Acquire,
            Some(holder) if holder == me => Decision::Renew,
            Some(_) if unchanged > record.duration => Decision::Acquire,
            Some(_) => Decision::Wait,
        },
    }
}

/// This replica's part in the election.
pub struct Election {
    api: Api<Lease>,
    namespace: String,
    me: String,
    /// The version seen last, and since when.
    seen: Option<(String, Instant)>,
}

/// The process has to end: another replica may lead by now.
#[derive(Debug, thiserror::Error)]
#[error("the Lease could not be renewed in time")]
pub struct Lost;

impl Election {
    pub fn new(client: Client, namespace: &str, me: String) -> Election {
        Election { api: Api::namespaced(client, namespace), namespace: namespace.to_owned(), me, seen: None }
    }

    /// Waits until the Lease is ours; `false` where `stop` came first.
    pub async fn win(&mut self, stop: &CancellationToken) -> bool {
        loop {
            match self.attempt().await {
                Ok(true) => {
                    tracing::info!(identity = self.me, "leading");
                    metrics::leading(true);
                    return true;
                }
                Ok(false) => {}
                Err(error) => tracing::warn!("{error}"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                return false;
            }
        }
    }

    /// Renews until `stop`.
    ///
    /// # Errors
    /// [`Lost`] where the Lease is somebody else's, or could not be renewed for too long.
    pub async fn hold(&mut self, stop: &CancellationToken) -> Result<(), Lost> {
        let mut renewed = Instant::now();
        while stop.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await.is_some() {
            // From its beginning on, for others may have seen the record change that early.
            let begun = Instant::now();
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(Ok(true)) => renewed = begun,
                Ok(Ok(false)) | Err(_) => return Err(self.lost()),
                Ok(Err(error)) => tracing::warn!("{error}"),
            }
        }
        Ok(())
    }

    fn lost(&self) -> Lost {
        metrics::leading(false);
        Lost
    }

    /// Gives the Lease away, so that the next leader need not wait.
    pub async fn release(&mut self) {
        let released = async {
            let Some(mut lease) = self.read().await? else { return Ok(()) };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(self.me.as_str()) {
                spec.holder_identity = None;
                spec.lease_duration_seconds = Some(1);
                self.replace(&lease).await?;
            }
            Ok::<(), ApiError>(())
        };
        if let Err(error) = released.await {
            tracing::warn!("{error}");
        }
    }

    /// One look at the Lease, and one write where it is ours to write. Whether we hold it afterwards.
    async fn attempt(&mut self) -> Result<bool, ApiError> {
        let Some(mut lease) = self.read().await? else { return self.create().await };
        let record = record(&lease);
        let since = match &self.seen {
            Some((version, since)) if *version == record.version => *since,
            _ => Instant::now(),
        };
        self.seen = Some((record.version.clone(), since));
        let decision = decide(Some(&record), &self.me, since.elapsed());
        if decision == Decision::Wait {
            return Ok(false);
        }
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.get_or_insert_default();
        if decision == Decision::Acquire {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
        }
        spec.holder_identity = Some(self.me.clone());
        spec.lease_duration_seconds = Some(DURATION.as_secs() as i32);
        spec.renew_time = Some(now);
        self.replace(&lease).await
    }

    async fn read(&self) -> Result<Option<Lease>, ApiError> {
        timed(self.api.get_opt(NAME)).await.map_err(ApiError::new("read the Lease"))
    }

    /// `false` where somebody else was faster.
    async fn replace(&self, lease: &Lease) -> Result<bool, ApiError> {
        match timed(self.api.replace(NAME, &PostParams::default(), lease)).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(false),
            Err(error) => Err(ApiError::new("write the Lease")(error)),
        }
    }

    async fn create(&self) -> Result<bool, ApiError> {
        let now = MicroTime(Timestamp::now());
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.me.clone()),
                lease_duration_seconds: Some(DURATION.as_secs() as i32),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(0),
                ..LeaseSpec::default()
            }),
        };
        match timed(self.api.create(&PostParams::default(), &lease)).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(answer)) if answer.is_already_exists() => Ok(false),
            Err(error) => Err(ApiError::new("create the Lease")(error)),
        }
    }
}

/// The client has no limit of its own, and a renewal that hangs is one that failed.
async fn timed<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    tokio::time::timeout(REQUEST, request)
        .await
        .unwrap_or_else(|_| Err(kube::Error::Service("no answer in time".into())))
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let seconds =
        spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.and_then(|spec| spec.holder_identity.clone()),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_when_it_is_free_or_its_holder_is_silent() {
        let held = |holder: Option<&str>| Record {
            holder: holder.map(str::to_owned),
            version: "1".into(),
            duration: Duration::from_secs(15),
        };
        let seconds = Duration::from_secs;
        assert_eq!(decide(None, "a", seconds(0)), Decision::Acquire);
        assert_eq!(decide(Some(&held(None)), "a", seconds(0)), Decision::Acquire, "given away");
        assert_eq!(decide(Some(&held(Some("a"))), "a", seconds(99)), Decision::Renew);
        assert_eq!(decide(Some(&held(Some("b"))), "a", seconds(15)), Decision::Wait);
        assert_eq!(decide(Some(&held(Some("b"))), "a", seconds(16)), Decision::Acquire);
    }
}
