//! What a client's session remembers: settings, the transaction with its pinned version, prepared statements and portals.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use offtake_introspect::{Cursor, PreparedStatement};
use offtake_results::Version;
use offtake_row::Row;
use pgwire::messages::response::TransactionStatus;

use crate::{
    encode::Formats,
    error::SqlError,
    memory::Held,
    settings::{Settings, canonical, display_name},
    shape::Shape,
    sql::{Core, now, statement::Prepared, witness::Witness},
};

/// One client's session.
pub struct Session {
    pub user: String,
    pub pid: i32,
    /// The server's own address, as the client reached it.
    pub address: Option<SocketAddr>,
    pub settings: Settings,
    /// What stays after the transaction: without its SET LOCALs.
    durable: Settings,
    /// What RESET goes back to.
    defaults: Settings,
    pub block: Block,
    /// The version that every read of the transaction, or of the statement, is made on.
    pub pin: Option<Arc<Version>>,
    /// When the transaction started, in microseconds since 2000-01-01: what `now()` answers.
    started: Option<i64>,
    /// A message of several statements is run, which are one transaction: what holds for a transaction holds for them.
    pub several: bool,
    /// Settings as they were before the transaction's first change of them, and at each savepoint.
    before: Option<(Settings, Settings)>,
    savepoints: Vec<(String, Settings, Settings)>,
    pub statements: HashMap<String, Arc<Prepared>>,
    pub portals: HashMap<String, Portal>,
}

/// Where the session is with respect to BEGIN and COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Each statement is a transaction of its own.
    None,
    Open,
    /// A statement failed; only ROLLBACK helps.
    Failed,
}

/// A statement with its parameters, ready to run or running; an SQL cursor is one, too.
pub struct Portal {
    pub statement: Arc<Prepared>,
    /// One row of one datum for each parameter.
    pub values: Vec<Row>,
    pub formats: Formats,
    pub state: PortalState,
    /// WITH HOLD: outlives its transaction.
    pub hold: bool,
    /// Made by DECLARE: survives Sync inside its transaction and is read by FETCH.
    pub cursor: bool,
}

pub enum PortalState {
    Ready,
    Running(Rows),
    /// A command that was executed; executing it again does nothing.
    Finished,
}

/// Rows on their way to a client.
pub struct Rows {
    pub shape: Arc<Shape>,
    pub rows: std::vec::IntoIter<Row>,
    /// The first word of the command tag: SELECT, SHOW, EXPLAIN, FETCH.
    pub tag: &'static str,
    /// What they take, where they are a query's.
    #[expect(dead_code, reason = "given back when it is dropped")]
    pub memory: Option<Held>,
}

impl Session {
    pub fn new(user: String, pid: i32, settings: Settings, address: Option<SocketAddr>) -> Session {
        Session {
            user,
            pid,
            address,
            durable: settings.clone(),
            defaults: settings.clone(),
            settings,
            block: Block::None,
            pin: None,
            started: None,
            several: false,
            before: None,
            savepoints: Vec::new(),
            statements: HashMap::new(),
            portals: HashMap::new(),
        }
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        match self.block {
            Block::None => TransactionStatus::Idle,
            Block::Open => TransactionStatus::Transaction,
            Block::Failed => TransactionStatus::Error,
        }
    }

    /// Microseconds since 2000-01-01 at which the transaction started.
    pub fn now(&mut self) -> i64 {
        *self.started.get_or_insert_with(now)
    }

    /// Ends the implicit transaction of a statement or of a group of messages: what it set stays, but for SET LOCAL.
    pub fn end_implicit(&mut self) {
        self.several = false;
        if self.block == Block::None {
            if self.before.take().is_some() {
                self.settings = self.durable.clone();
            }
            self.release();
        }
    }

    fn release(&mut self) {
        self.pin = None;
        self.started = None;
        self.portals.retain(|_, portal| portal.hold);
    }

    pub fn begin(&mut self) {
        if self.block == Block::None {
            self.block = Block::Open;
            self.remember();
        }
    }

    /// Keeps the settings as they are, for a rollback. What a BEGIN finds in an implicit transaction is part of its own.
    fn remember(&mut self) {
        if self.before.is_none() {
            self.before = Some((self.settings.clone(), self.durable.clone()));
        }
    }

    fn restore(&mut self) {
        if let Some((settings, durable)) = self.before.take() {
            self.settings = settings;
            self.durable = durable;
        }
    }

    /// Ends the transaction and tells whether it was committed.
    pub fn end(&mut self, commit: bool) -> bool {
        let commit = commit && self.block != Block::Failed;
        if commit {
            self.settings = self.durable.clone();
            self.before = None;
        } else {
            self.restore();
        }
        self.savepoints.clear();
        self.block = Block::None;
        self.release();
        commit
    }

    /// A statement failed. Outside of BEGIN and COMMIT that undoes what was set since the last ReadyForQuery.
    pub fn fail(&mut self) {
        match self.block {
            Block::None => self.restore(),
            Block::Open => self.block = Block::Failed,
            Block::Failed => {}
        }
    }

    /// Whether what is set for the transaction is gone with this very statement.
    pub fn is_alone(&self) -> bool {
        self.block == Block::None && !self.several
    }

    pub fn savepoint(&mut self, name: String) {
        self.savepoints.push((name, self.settings.clone(), self.durable.clone()));
    }

    pub fn release_savepoint(&mut self, name: &str) -> Result<(), SqlError> {
        let at = self.find_savepoint(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    pub fn rollback_to(&mut self, name: &str) -> Result<(), SqlError> {
        let at = self.find_savepoint(name)?;
        self.savepoints.truncate(at + 1);
        let (_, settings, durable) = self.savepoints[at].clone();
        self.settings = settings;
        self.durable = durable;
        self.block = Block::Open;
        Ok(())
    }

    fn find_savepoint(&self, name: &str) -> Result<usize, SqlError> {
        self.savepoints
            .iter()
            .rposition(|(savepoint, ..)| savepoint == name)
            .ok_or_else(|| SqlError::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }

    /// SET, SET LOCAL and RESET (no value).
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<(), SqlError> {
        self.remember();
        self.settings.set(name, value, &self.defaults)?;
        if !local {
            self.durable.set(name, value, &self.defaults)?;
        }
        Ok(())
    }

    pub fn reset_all(&mut self) {
        self.remember();
        self.settings = self.defaults.clone();
        self.durable = self.defaults.clone();
    }

    /// The session's facts, for a statement that is about to be planned or run.
    pub fn witness(&mut self, core: &Arc<Core>) -> Witness {
        Witness {
            core: core.clone(),
            user: self.user.clone(),
            pid: self.pid,
            address: self.address,
            settings: self.settings.clone(),
            defaults: self.defaults.clone(),
            lsn: self.pin.as_ref().map_or_else(|| core.results.current().time(), |version| version.time()),
            now: self.now(),
        }
    }

    /// What was prepared by name.
    pub fn prepared_statements(&self) -> Vec<PreparedStatement> {
        let named = self.statements.iter().filter(|(name, _)| !name.is_empty());
        let shown = named.map(|(name, statement)| PreparedStatement {
            name: name.clone(),
            text: statement.text.clone(),
            prepared: statement.at,
            parameters: statement.parameters.iter().map(|ty| ty.oid()).collect(),
            from_sql: false,
        });
        shown.collect()
    }

    /// Cursors, and portals that are not run through.
    pub fn cursors(&self) -> Vec<Cursor> {
        let shown = self.portals.iter().map(|(name, portal)| Cursor {
            name: name.clone(),
            text: portal.statement.text.clone(),
            hold: portal.hold,
            scroll: false,
            opened: portal.statement.at,
        });
        shown.collect()
    }

    /// What SHOW prints and the name that it prints it under.
    pub fn show(
        &self,
        name: &str,
        server_version: &str,
        readable: u64,
    ) -> Result<(String, String), SqlError> {
        let name = canonical(name);
        let value = match name.as_str() {
            "server_version" => server_version.to_owned(),
            "session_authorization" => self.user.clone(),
            // What a read would see: of interest to a client that wants to know how fresh its answer is.
            "offtake.lsn" => {
                offtake_contract::Lsn(self.pin.as_ref().map_or(readable, |version| version.time()))
                    .to_string()
            }
            _ => self.settings.show(&name)?,
        };
        Ok((display_name(&name).to_owned(), value))
    }
}
