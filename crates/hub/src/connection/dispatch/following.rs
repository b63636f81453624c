//! What a connection follows, and the history that it asks for.

use std::sync::Arc;

use baton_protocol::{ErrorCode, limits};
use tokio::time::Instant;

use super::{AbortOnDrop, Connection};
use crate::connection::snapshot::{self, Wanted};
use crate::connection::subscription::{self, Wish};
use crate::tasks::TaskGroup;

impl Connection {
    pub(super) async fn subscribe(&mut self, wish: Wish) {
        let Wish { log, .. } = wish;
        self.subscriptions.remove(&log);
        if !self.subscribes.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many subscriptions in a short time",
                "subscribe again in a second",
            );
            return self.refuse_log(log, error).await;
        }
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS_PER_CONNECTION_MAX {
            let message = format!(
                "a connection follows at most {} logs",
                limits::SUBSCRIPTIONS_PER_CONNECTION_MAX
            );
            let error = ErrorCode::TooLarge.with(message, "unsubscribe from one first");
            return self.refuse_log(log, error).await;
        }
        let work = subscription::follow(
            Arc::clone(&self.core),
            self.caller.clone(),
            wish,
            self.outgoing.clone(),
        );
        let task = self.core.tasks.spawn(TaskGroup::Edge, "subscription", work);
        self.subscriptions.insert(log, AbortOnDrop(task));
    }

    /// One at a time: a second one before the answer takes the place of the first.
    pub(super) fn read_history(&mut self, wanted: Wanted) {
        let work = snapshot::history(
            Arc::clone(&self.core),
            self.caller.clone(),
            wanted,
            self.outgoing.clone(),
        );
        let task = self.core.tasks.spawn(TaskGroup::Edge, "history", work);
        self.history = Some(AbortOnDrop(task));
    }
}
