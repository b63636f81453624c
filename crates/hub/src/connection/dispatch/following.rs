//! What a connection follows, and the history that it asks for.

use baton_protocol::{ErrorCode, limits};
use tokio::time::Instant;

use super::Connection;
use crate::connection::snapshot::{Wanted, read_history};
use crate::connection::subscription::{Wish, follow};

impl Connection {
    pub(super) fn subscribe(&mut self, wish: Wish) {
        let Wish { log, .. } = wish;
        self.subscriptions.remove(&log);
        if !self.subscribes.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many subscriptions in a short time",
                "subscribe again in a second",
            );
            return self.refuse_log(log, error);
        }
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS_PER_CONNECTION_MAX {
            let message = format!(
                "a connection follows at most {} logs",
                limits::SUBSCRIPTIONS_PER_CONNECTION_MAX
            );
            let error = ErrorCode::TooLarge.with(message, "unsubscribe from one first");
            return self.refuse_log(log, error);
        }
        let following = follow(&self.core, &self.caller, &self.outgoing, wish);
        self.subscriptions.insert(log, following);
    }

    /// One at a time: a second one before the answer takes the place of the first.
    pub(super) fn read_history(&mut self, wanted: Wanted) {
        self.history = None;
        self.history = Some(read_history(
            &self.core,
            &self.caller,
            &self.outgoing,
            wanted,
        ));
    }
}
