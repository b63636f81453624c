//! The state of the connection as people see it.

use baton_protocol::TimestampMs;
use baton_protocol::view::ConnectionPhase;

use super::engine::{Line, SyncEngine};
use super::{ConnectionStatus, Now, Output};
use crate::limits::STALE_AFTER_MS;

impl SyncEngine {
    /// Reports the state if it has changed.
    pub(super) fn show(&mut self, now: Now) {
        let status = self.status(now);
        if self.shown.as_ref() != Some(&status) {
            self.shown = Some(status.clone());
            self.emit(Output::Connection(status));
        }
    }

    fn status(&self, now: Now) -> ConnectionStatus {
        let attempt = if self.tried {
            ConnectionPhase::Reconnecting
        } else {
            ConnectionPhase::Connecting
        };
        let (phase, retry_at) = match self.line {
            Line::Down if self.problem.is_some() => (ConnectionPhase::Refused, None),
            Line::Down | Line::Connecting { .. } | Line::Greeting { .. } => (attempt, None),
            Line::Waiting { until_ms } => (ConnectionPhase::Reconnecting, Some(until_ms)),
            Line::Open { heard_ms, .. } if now.mono_ms >= heard_ms + STALE_AFTER_MS => {
                (ConnectionPhase::Stale, None)
            }
            Line::Open { .. } if self.following.all_caught_up() => (ConnectionPhase::Live, None),
            Line::Open { .. } => (ConnectionPhase::CatchingUp, None),
        };
        // Keep the time that was shown for this wait, so that one wait is one message.
        let at = |until_ms: u64| {
            let left_ms = until_ms.saturating_sub(now.mono_ms);
            TimestampMs(now.wall.0.saturating_add_unsigned(left_ms))
        };
        let same_wait = self.shown.as_ref().filter(|shown| shown.phase == phase);
        let retry_at = retry_at.map(|until_ms| {
            let shown = same_wait.and_then(|shown| shown.retry_at);
            shown
                .filter(|shown| shown.0.abs_diff(at(until_ms).0) < 100)
                .unwrap_or(at(until_ms))
        });
        ConnectionStatus {
            phase,
            retry_at,
            problem: self.problem.as_ref().map(|problem| problem.error.clone()),
        }
    }
}
