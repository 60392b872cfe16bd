//! The applier's messages, and the catalog that may be looked at before its turn.

use std::sync::Arc;

use offtake_contract::Catalog;
use tokio::sync::{mpsc::Receiver, watch};

use super::Message;

/// Messages in the order in which they were sent.
#[derive(Default)]
pub struct Inbox(Option<Ends>);

struct Ends {
    messages: Receiver<Message>,
    coming: watch::Receiver<Option<Arc<Catalog>>>,
}

impl Inbox {
    /// `coming` is the newest catalog. It is shown before its message is sent: where the messages wait, senders do too.
    pub fn new(messages: Receiver<Message>, coming: watch::Receiver<Option<Arc<Catalog>>>) -> Inbox {
        Inbox(Some(Ends { messages, coming }))
    }

    /// Waits for the next message; `None` when every sender is gone.
    pub fn wait(&mut self) -> Option<Message> {
        self.0.as_mut()?.messages.blocking_recv()
    }

    /// The next message, if it is there.
    pub fn next_now(&mut self) -> Option<Message> {
        self.0.as_mut()?.messages.try_recv().ok()
    }

    /// Whether every sender is gone.
    pub fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|ends| ends.messages.is_closed())
    }

    /// The newest catalog, which may still wait for its turn.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.0.as_ref()?.coming.borrow().clone()
    }
}
