//! Who is here and what they do: what pg_stat_activity shows.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use offtake_introspect::{Client, ClientState};
use parking_lot::Mutex;

use crate::sql::session::Block;

/// Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH: i64 = 946_684_800;

/// More of a statement is not shown. Source: PostgreSQL's `track_activity_query_size`.
const MOST_BYTES: usize = 1023;

/// Now, in microseconds since 2000-01-01.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX) - EPOCH * 1_000_000
}

/// All sessions by process id.
#[derive(Clone, Default)]
pub struct Roster(Arc<Mutex<BTreeMap<i32, Arc<Mutex<Client>>>>>);

/// A session's place in the [`Roster`]; given back when it is dropped.
pub struct Place {
    pid: i32,
    client: Arc<Mutex<Client>>,
    roster: Roster,
}

impl Roster {
    pub fn enter(&self, client: Client) -> Place {
        let (pid, client) = (client.pid, Arc::new(Mutex::new(client)));
        self.0.lock().insert(pid, client.clone());
        Place { pid, client, roster: self.clone() }
    }

    pub fn clients(&self) -> Vec<Client> {
        let places: Vec<_> = self.0.lock().values().cloned().collect();
        places.iter().map(|client| client.lock().clone()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.0.lock().remove(&self.pid);
    }
}

impl Place {
    /// A statement begins.
    pub fn begins(&self, query: &str, application_name: &str) {
        let mut end = query.len().min(MOST_BYTES);
        while !query.is_char_boundary(end) {
            end -= 1;
        }
        let now = now();
        let mut client = self.client.lock();
        client.query.clear();
        client.query.push_str(&query[..end]);
        client.state = ClientState::Active;
        client.query_start = Some(now);
        client.state_change = Some(now);
        client.transaction.get_or_insert(now);
        if client.application_name != application_name {
            application_name.clone_into(&mut client.application_name);
        }
    }

    /// The session waits for its client.
    pub fn waits(&self, block: Block, application_name: &str) {
        let mut client = self.client.lock();
        client.state = match block {
            Block::None => ClientState::Idle,
            Block::Open => ClientState::IdleInTransaction,
            Block::Failed => ClientState::IdleInFailedTransaction,
        };
        client.state_change = Some(now());
        if block == Block::None {
            client.transaction = None;
        }
        if client.application_name != application_name {
            application_name.clone_into(&mut client.application_name);
        }
    }
}
