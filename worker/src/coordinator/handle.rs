//! How others speak to the coordinator.

use crossbeam_channel::{Receiver, Sender};
use offtake_contract::{Problem, View};
use offtake_lir::CollectionId;
use offtake_row::{Column, Row};
use thiserror::Error;

/// Messages that may wait before senders do.
const CAPACITY: usize = 64;

/// What a table is, and whether it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    pub id: CollectionId,
    /// The SourceTable's `namespace/name`.
    pub object: String,
    pub schema: String,
    pub name: String,
    /// Empty until the upstream table was described.
    pub columns: Vec<Column>,
    /// Positions of the key, ascending; empty where it has none.
    pub key: Vec<usize>,
    pub availability: Availability,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Availability {
    Copying,
    Live,
    Stopped { problem: Problem, altered: bool },
}

pub(super) enum Message {
    Ahead { time: u64, tables: Vec<(CollectionId, Vec<(Row, i64)>)> },
    Advance { time: u64 },
    TakeBack { time: u64 },
    Declare(Declaration),
    Rows { id: CollectionId, rows: Vec<(Row, i64)> },
    Live { id: CollectionId, time: u64, updates: Vec<(Row, i64)> },
    Drop { id: CollectionId },
    Views { views: Vec<View>, generation: u64 },
}

/// The coordinator is gone: the process is ending.
#[derive(Clone, Copy, Debug, Error)]
#[error("the coordinator is gone")]
pub struct Gone;

/// Speaks to the coordinator. Every call waits while the coordinator is behind, and none waits for an answer.
#[derive(Clone)]
pub struct Handle {
    sender: Sender<Message>,
}

pub(super) fn channel() -> (Handle, Receiver<Message>) {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    (Handle { sender }, receiver)
}

impl Handle {
    fn send(&self, message: Message) -> Result<(), Gone> {
        self.sender.send(message).map_err(|_| Gone)
    }

    /// Rows that came (+) and went (-), by table, at `time`, which rises from call to call. Nobody sees them before
    /// [`Handle::advance`] has come to that time, but views are computed from here on.
    pub fn ahead(&self, time: u64, tables: Vec<(u64, Vec<(Row, i64)>)>) -> Result<(), Gone> {
        let tables = tables.into_iter().map(|(id, rows)| (CollectionId(id), rows)).collect();
        self.send(Message::Ahead { time, tables })
    }

    /// Everything up to and including `time` is known and written: it may be read.
    pub fn advance(&self, time: u64) -> Result<(), Gone> {
        self.send(Message::Advance { time })
    }

    /// What was told ahead and not advanced to did not happen. `time` is after all of it, and before the next advance.
    pub fn take_back(&self, time: u64) -> Result<(), Gone> {
        self.send(Message::TakeBack { time })
    }

    /// A table is known, or changed its state.
    pub fn declare(&self, declaration: Declaration) -> Result<(), Gone> {
        self.send(Message::Declare(declaration))
    }

    /// Part of a table's first contents.
    pub fn rows(&self, id: CollectionId, rows: Vec<(Row, i64)>) -> Result<(), Gone> {
        self.send(Message::Rows { id, rows })
    }

    /// The first contents are complete as of `time`, once `updates` are added.
    pub fn live(&self, id: CollectionId, time: u64, updates: Vec<(Row, i64)>) -> Result<(), Gone> {
        self.send(Message::Live { id, time, updates })
    }

    pub fn drop_table(&self, id: CollectionId) -> Result<(), Gone> {
        self.send(Message::Drop { id })
    }

    /// The views that should be kept. Once they are looked at, the catalog of this generation counts as taken up.
    pub fn views(&self, views: Vec<View>, generation: u64) -> Result<(), Gone> {
        self.send(Message::Views { views, generation })
    }
}
