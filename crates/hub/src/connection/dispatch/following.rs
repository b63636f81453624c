//! What a connection follows, and the history that it asks for.

use baton_protocol::{ErrorCode, LogId, limits};
use tokio::time::Instant;

use super::Connection;
use crate::connection::snapshot::{Wanted, read_history};
use crate::connection::subscription::{Following, Wish, follow};

/// The logs that a connection follows, in the order of their ids. Most follow one or two, and ten thousand connections have such a table.
#[derive(Default)]
pub(super) struct Follows(Vec<Following>);

impl Follows {
    fn place(&self, log: LogId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&log, Following::log)
    }

    /// Ends what follows this log.
    pub(super) fn end(&mut self, log: LogId) {
        if let Ok(at) = self.place(log) {
            self.0.remove(at);
        }
    }

    /// Whether one more may begin. A client need not unsubscribe from what it was told is over.
    fn has_room(&mut self) -> bool {
        if self.0.len() >= limits::SUBSCRIPTIONS_PER_CONNECTION_MAX {
            self.0.retain(|following| !following.is_over());
        }
        self.0.len() < limits::SUBSCRIPTIONS_PER_CONNECTION_MAX
    }

    fn begin(&mut self, following: Following) {
        if self.0.is_empty() {
            // The vector's own first step is four.
            self.0.reserve_exact(1);
        }
        match self.place(following.log()) {
            Ok(at) => self.0[at] = following,
            Err(at) => self.0.insert(at, following),
        }
    }
}

impl Connection {
    pub(super) fn subscribe(&mut self, wish: Wish) {
        let Wish { log, .. } = wish;
        self.follows.end(log);
        if !self.subscribes.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many subscriptions in a short time",
                "subscribe again in a second",
            );
            return self.refuse_log(log, error);
        }
        if !self.follows.has_room() {
            let message = format!(
                "a connection follows at most {} logs",
                limits::SUBSCRIPTIONS_PER_CONNECTION_MAX
            );
            let error = ErrorCode::TooLarge.with(message, "unsubscribe from one first");
            return self.refuse_log(log, error);
        }
        let following = follow(&self.core, &self.caller, &self.outgoing, wish);
        self.follows.begin(following);
    }

    /// One at a time: a second one before the answer takes the place of the first.
    pub(super) fn read_history(&mut self, wanted: Wanted) {
        self.history = None;
        if !self.subscribes.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too much history was asked for in a short time",
                "ask again in a second",
            );
            return self.refuse_log(wanted.log, error);
        }
        self.history = Some(read_history(
            &self.core,
            &self.caller,
            &self.outgoing,
            wanted,
        ));
    }
}
