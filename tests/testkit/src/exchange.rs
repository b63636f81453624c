//! The requests to a model and its answers, as the fake model and the recording proxy record them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::eventually::within;

/// A request for a completion, and its answer so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The client's name for the request (`x-request-id`), if it has one.
    pub request_id: Option<String>,
    pub request: Value,
    /// The text that was handed to the client's connection, joined.
    pub text: String,
    /// The reasoning that was handed to the client's connection, joined.
    pub reasoning: String,
    /// How many pieces the text and the reasoning came in.
    pub deltas: usize,
    /// Absent while the answer is in progress.
    pub ending: Option<Ending>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was handed over.
    Finished,
    /// The client closed its connection before that.
    ClosedByClient,
    /// The server side cut the connection, because the test asked for it or the upstream server did so.
    CutByServer,
    /// The answer is an HTTP error.
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

    /// Adds an exchange; the returned guard writes it.
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

    /// Waits until `pick` accepts the exchange with this index.
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

/// Writes one exchange. If it is dropped without an ending, it records that the client closed: the server drops a response's body when
/// the connection is gone.
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

    /// Records the ending. A later call changes nothing.
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
