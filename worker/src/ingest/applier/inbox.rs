//! The applier's messages, of which some may be looked at before their turn.

use std::{collections::VecDeque, sync::Arc};

use offtake_contract::Catalog;
use tokio::sync::mpsc::Receiver;

use super::Message;

/// So many messages are taken in ahead of their turn, beyond what the channel holds: enough for a catalog to get through.
const AHEAD: usize = 16;

/// Messages in the order in which they were sent.
#[derive(Default)]
pub struct Inbox {
    channel: Option<Receiver<Message>>,
    ahead: VecDeque<Message>,
}

impl Inbox {
    pub fn new(channel: Receiver<Message>) -> Inbox {
        Inbox { channel: Some(channel), ahead: VecDeque::new() }
    }

    /// Waits for the next message; `None` when every sender is gone.
    pub fn next(&mut self) -> Option<Message> {
        self.ahead.pop_front().or_else(|| self.channel.as_mut()?.blocking_recv())
    }

    /// The next message, if it is there.
    pub fn next_now(&mut self) -> Option<Message> {
        self.ahead.pop_front().or_else(|| self.channel.as_mut()?.try_recv().ok())
    }

    /// Whether every sender is gone.
    pub fn is_closed(&self) -> bool {
        self.channel.as_ref().is_some_and(Receiver::is_closed)
    }

    /// The newest catalog that waits for its turn. Every message keeps its place.
    pub fn catalog(&mut self) -> Option<Arc<Catalog>> {
        while self.ahead.len() < AHEAD {
            let Some(message) = self.channel.as_mut().and_then(|channel| channel.try_recv().ok()) else {
                break;
            };
            self.ahead.push_back(message);
        }
        self.ahead.iter().rev().find_map(|message| match message {
            Message::Catalog(catalog) => Some(catalog.clone()),
            _ => None,
        })
    }
}
