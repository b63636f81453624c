//! How the rest of the hub reaches one connection: a frame for its client, or its end. Never waits for the socket.

use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::{ErrorBody, ErrorCode};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::frame_text::EncodedFrame;
use crate::presence::ConnectionId;

/// A connection, from outside.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    id: ConnectionId,
    outgoing: mpsc::Sender<EncodedFrame>,
    end: Ending,
}

impl ConnectionHandle {
    /// Of the connection that drains `outgoing` and ends with `end`.
    pub fn new(id: ConnectionId, outgoing: mpsc::Sender<EncodedFrame>, end: Ending) -> Self {
        Self { id, outgoing, end }
    }

    /// Which connection.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Sends a frame that the client must get. A client that does not drain its socket is sent away: it finds the same by coming back.
    pub fn send(&self, frame: EncodedFrame) {
        if self.outgoing.try_send(frame).is_err() {
            self.end.because(ErrorCode::RateLimited.with(
                "this connection takes its frames too slowly",
                "connect again",
            ));
        }
    }

    /// Ends the connection with a reason.
    pub fn end(&self, reason: ErrorBody) {
        self.end.because(reason);
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
