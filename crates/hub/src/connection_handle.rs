//! How the rest of the hub reaches one connection: a frame for its client, or its end. Never waits for the socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::{ErrorBody, ErrorCode, RunId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::frame_text::EncodedFrame;
use crate::presence::ConnectionId;

/// A connection, from outside.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    id: ConnectionId,
    assignments: Arc<Assignments>,
    end: Ending,
}

impl ConnectionHandle {
    /// Of the connection that drains `assignments` and ends with `end`.
    pub fn new(id: ConnectionId, assignments: Arc<Assignments>, end: Ending) -> Self {
        Self {
            id,
            assignments,
            end,
        }
    }

    /// Which connection.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Tells a runner of its run.
    pub fn assign(&self, run: RunId, frame: EncodedFrame) {
        self.assignments.note(run, frame);
    }

    /// Ends the connection with a reason.
    pub fn end(&self, reason: ErrorBody) {
        self.end.because(reason);
    }
}

/// Runs that a runner's connection has not been told of, each once: bounded by the runs that are on.
#[derive(Default, Debug)]
pub struct Assignments {
    waiting: Mutex<BTreeMap<RunId, EncodedFrame>>,
    noted: Notify,
}

impl Assignments {
    fn note(&self, run: RunId, frame: EncodedFrame) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run, frame);
        self.noted.notify_one();
    }

    /// Takes the next one. Waits for it; safe to drop and to call again.
    pub async fn next(&self) -> EncodedFrame {
        loop {
            let first = self
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_first();
            if let Some((_, frame)) = first {
                return frame;
            }
            self.noted.notified().await;
        }
    }
}

/// The end of a connection, decided from outside. The first reason stands.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    token: CancellationToken,
    reason: Arc<Mutex<Option<ErrorBody>>>,
}

impl Ending {
    fn because(&self, reason: ErrorBody) {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
        self.token.cancel();
    }

    /// Returns when somebody ended the connection.
    pub async fn decided(&self) -> ErrorBody {
        self.token.cancelled().await;
        let reason = self
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        reason.unwrap_or_else(|| {
            ErrorCode::Internal.with("the hub ended this connection", "connect again")
        })
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::HubFrame;
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn any_number_of_assignments_waits_for_a_slow_runner() {
        let (assignments, end) = (Arc::new(Assignments::default()), Ending::default());
        let handle = ConnectionHandle::new(ConnectionId(1), Arc::clone(&assignments), end.clone());
        let runs: Vec<RunId> = (0..500).map(|_| RunId::mint()).collect();
        for run in runs.iter().chain(&runs) {
            handle.assign(*run, EncodedFrame::of(&HubFrame::HeartbeatAck {}));
        }
        assert!(end.decided().now_or_never().is_none());
        let told = std::iter::from_fn(|| assignments.next().now_or_never()).count();
        assert_eq!(told, runs.len());
    }
}
