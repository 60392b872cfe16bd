//! Making a replication slot. PostgreSQL lets that wait for every older transaction that writes, without a word: status names them.

use std::time::Duration;

use offtake_contract::Problem;
use offtake_postgres::{
    session::Session,
    slot::{self, Blocker},
    wire::{CreatedSlot, ReplicationClient, SlotKind},
};

use super::{Ingest, SessionError};

/// A creation that takes longer than this waits for somebody: say for whom.
const PATIENCE: Duration = Duration::from_secs(3);
const REASON: &str = "SnapshotWaits";

/// What the slot is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// The source's own slot.
    Stream,
    /// A temporary slot that exports its snapshot.
    Snapshot,
}

/// Makes a slot, however long that takes.
pub async fn create_slot(
    ingest: &Ingest,
    sql: &Session,
    client: &mut ReplicationClient,
    slot: &str,
    purpose: Purpose,
) -> Result<CreatedSlot, SessionError> {
    let (kind, export) = match purpose {
        Purpose::Stream => (SlotKind::Permanent, false),
        Purpose::Snapshot => (SlotKind::Temporary, true),
    };
    let creating = client.create_slot(slot, kind, export);
    tokio::pin!(creating);
    let created = loop {
        tokio::select! {
            created = &mut creating => break created?,
            () = tokio::time::sleep(PATIENCE) => {
                let problem = waits(purpose, &slot::blockers(sql).await?);
                ingest.board.post(|status| status.source.problem = Some(problem));
            }
        }
    };
    ingest.board.post(|status| {
        if status.source.problem.as_ref().is_some_and(|problem| problem.reason == REASON) {
            status.source.problem = None;
        }
    });
    Ok(created)
}

/// Whom the creation waits for. The same blockers give the same text at every look, so that status does not change for nothing.
fn waits(purpose: Purpose, blockers: &[Blocker]) -> Problem {
    let what = match purpose {
        Purpose::Stream => "the replication slot can be made",
        Purpose::Snapshot => "a snapshot can be taken",
    };
    if blockers.is_empty() {
        return Problem::new(
            REASON,
            format!("{what} once older transactions that write have ended; the role is shown none of them"),
            "end them; GRANT pg_read_all_stats TO the user to have them named here",
        );
    }
    let blockers: Vec<String> = blockers
        .iter()
        .map(|Blocker { pid, name, user, state, since }| {
            let pid = pid.map_or_else(|| "none (prepared)".to_owned(), |pid| pid.to_string());
            format!("pid {pid} ({name}, user {user}, {state}, open since {since})")
        })
        .collect();
    Problem::new(
        REASON,
        format!("{what} once older transactions end: {}", blockers.join(", ")),
        "end them, or SELECT pg_terminate_backend(pid); ROLLBACK PREPARED for a prepared one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_waited_for_is_named_with_the_time_since_when() {
        let blocker = |pid, state: &str| Blocker {
            pid,
            name: "app".into(),
            user: "u".into(),
            state: state.into(),
            since: "2026-11-23 12:03:07Z".into(),
        };
        let problem =
            waits(Purpose::Snapshot, &[blocker(Some(7), "idle in transaction"), blocker(None, "prepared")]);
        assert_eq!(
            problem.message,
            "a snapshot can be taken once older transactions end: pid 7 (app, user u, idle in transaction, open since \
             2026-11-23 12:03:07Z), pid none (prepared) (app, user u, prepared, open since 2026-11-23 12:03:07Z)"
        );
        assert!(waits(Purpose::Stream, &[]).message.contains("the role is shown none"));
    }
}
