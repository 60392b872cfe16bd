//! What a session and its surroundings are, for those who are asked about them after the session went on: the planner, and the relations
//! and functions of the catalog.

use std::{net::SocketAddr, sync::Arc};

use offtake_introspect::{Cursor, Functions, Moment, PreparedStatement};

use crate::{
    published::{DATABASE, Published},
    settings::Settings,
    sql::Core,
};

/// A session's facts at the start of a statement.
#[derive(Clone)]
pub struct Witness {
    pub core: Arc<Core>,
    pub user: String,
    pub pid: i32,
    /// The server's own address, as the client reached it.
    pub address: Option<SocketAddr>,
    pub settings: Settings,
    /// What RESET goes back to.
    pub defaults: Settings,
    /// The LSN that the session's reads see.
    pub lsn: u64,
    /// When its transaction started, in microseconds since 2000-01-01.
    pub now: i64,
}

impl Witness {
    /// The schemas of the session's setting.
    pub fn search_path(&self) -> Vec<String> {
        self.settings.schemas()
    }

    /// The session as the planner wants to know it, without the catalog's functions.
    pub fn plan_session(&self) -> offtake_plan::Session {
        offtake_plan::Session {
            search_path: offtake_introspect::search_path(&self.search_path()),
            database: DATABASE.to_owned(),
            user: self.user.clone(),
            server_version: format!("PostgreSQL {}", self.core.server_version),
            backend_pid: self.pid,
            now: Some(self.now),
            catalog: None,
        }
    }

    /// The functions about the catalog, as the session sees it.
    pub fn functions(&self, published: &Arc<Published>) -> Functions {
        let (witness, of) = (self.clone(), published.clone());
        let moment = Arc::new(move || Arc::new(witness.moment(&of, Vec::new(), Vec::new())));
        Functions::new(published.catalog().clone(), self.search_path(), self.user.clone(), moment)
    }

    /// What is at this moment.
    pub fn moment(
        &self,
        published: &Published,
        statements: Vec<PreparedStatement>,
        cursors: Vec<Cursor>,
    ) -> Moment {
        let status = self.core.status.borrow().clone();
        Moment {
            user: self.user.clone(),
            pid: self.pid,
            clients: self.core.roster.clients(),
            settings: self.settings.described(
                &self.defaults,
                &self.core.boot_settings(),
                &self.own_settings(),
            ),
            sizes: published.sizes(&status),
            address: self.address,
            started: self.core.started,
            statements,
            cursors,
        }
    }

    /// Settings that only the session knows the values of.
    fn own_settings(&self) -> [(&'static str, String); 3] {
        [
            ("server_version", self.core.server_version.clone()),
            ("session_authorization", self.user.clone()),
            ("offtake.lsn", offtake_contract::Lsn(self.lsn).to_string()),
        ]
    }
}
