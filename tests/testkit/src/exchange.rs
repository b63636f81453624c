//! What was asked of a model and what it was seen to answer, as the fake model and the recording proxy keep it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::eventually::within;

/// A request for a completion, and its answer so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// How the client named the request (`x-request-id`), where it did.
    pub request_id: Option<String>,
    /// The request's body.
    pub request: Value,
    /// The answer's text that was handed to the client's connection, put together.
    pub text: String,
    /// The same for the reasoning.
    pub reasoning: String,
    /// How many pieces of text and reasoning that was.
    pub deltas: usize,
    /// How it ended; nothing while it goes on.
    pub ending: Option<Ending>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it was handed over.
    Finished,
    /// The client closed its connection before that.
    ClosedByClient,
    /// This side broke off, as it was told to, or because the server behind it did.
    CutByServer,
    /// Answered with an HTTP error.
    Refused,
}

/// The exchanges of one endpoint, in the order of their requests.
#[derive(Clone)]
pub(crate) struct ExchangeLog {
    shared: Arc<Shared>,
}

struct Shared {
    exchanges: Mutex<Vec<Exchange>>,
    changed: watch::Sender<u64>,
}

impl ExchangeLog {
    pub fn new() -> Self {
        let shared = Shared {
            exchanges: Mutex::new(Vec::new()),
            changed: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub fn all(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    /// A new exchange, to be written by the guard.
    pub fn open(&self, request: Value, request_id: Option<String>) -> OpenExchange {
        let exchange = Exchange {
            request_id,
            request,
            text: String::new(),
            reasoning: String::new(),
            deltas: 0,
            ending: None,
        };
        let mut exchanges = self.lock();
        exchanges.push(exchange);
        let index = exchanges.len() - 1;
        drop(exchanges);
        self.tell();
        OpenExchange {
            log: self.clone(),
            index,
        }
    }

    /// Waits until the exchange of this index is as asked for.
    pub async fn wait<T>(
        &self,
        index: usize,
        what: &str,
        pick: impl Fn(&Exchange) -> Option<T>,
    ) -> T {
        let mut changes = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.lock().get(index).and_then(&pick) {
                    return found;
                }
                changes.changed().await.expect("the log holds the sender");
            }
        };
        within(&format!("{what} of request {index}"), waiting).await
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.shared
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.shared.changed.send_modify(|version| *version += 1);
    }
}

/// Writes one exchange. Dropped without an ending, it says that the client closed: the server drops a response's body
/// when its connection is gone.
pub(crate) struct OpenExchange {
    log: ExchangeLog,
    index: usize,
}

impl OpenExchange {
    pub fn index(&self) -> usize {
        self.index
    }

    pub fn add_text(&self, text: &str) {
        self.change(|exchange| {
            exchange.text.push_str(text);
            exchange.deltas += 1;
        });
    }

    pub fn add_reasoning(&self, text: &str) {
        self.change(|exchange| {
            exchange.reasoning.push_str(text);
            exchange.deltas += 1;
        });
    }

    /// The first ending stands.
    pub fn end(&self, ending: Ending) {
        self.change(|exchange| {
            exchange.ending.get_or_insert(ending);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Exchange)) {
        change(&mut self.log.lock()[self.index]);
        self.log.tell();
    }
}

impl Drop for OpenExchange {
    fn drop(&mut self) {
        self.end(Ending::ClosedByClient);
    }
}
