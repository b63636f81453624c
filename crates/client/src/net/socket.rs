//! One connection: a task that opens the socket, reads frames in order and writes what it is given.

use std::convert::Infallible;
use std::sync::Arc;

use baton_protocol::{
    AfterClose, ClientFrame, ErrorBody, ErrorCode, HubAddress, HubFrame, UnreadFrame,
};
use baton_transport::{ConnectError, HubSocket};
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::limits::{FRAMES_OUT_MAX, FRAMES_WAITING_MAX};
use crate::sync::Problem;
use crate::token::TokenProvider;

/// What a connection reports.
#[derive(Debug)]
pub(crate) enum LineEvent {
    Opened,
    Frame(Box<HubFrame>),
    /// A frame arrived that cannot be read.
    Unreadable,
    /// The socket was closed or could not be opened. Nothing follows.
    Closed(Problem),
}

/// A connection from its first attempt to its end. Dropping it closes the socket without a close frame.
pub(crate) struct Line {
    frames: Sender<String>,
    events: Receiver<LineEvent>,
    task: JoinHandle<()>,
}

impl Line {
    /// Starts to connect.
    pub(crate) fn open(hub: HubAddress, tokens: Arc<dyn TokenProvider>) -> Self {
        let (frames, outgoing) = channel(FRAMES_OUT_MAX);
        let (incoming, events) = channel(FRAMES_WAITING_MAX);
        let task = tokio::spawn(async move {
            let problem = match connect(&hub, &*tokens).await {
                Ok(socket) => {
                    let _ = incoming.send(LineEvent::Opened).await;
                    carry(socket, outgoing, &incoming).await
                }
                Err(problem) => problem,
            };
            let _ = incoming.send(LineEvent::Closed(problem)).await;
        });
        Self {
            frames,
            events,
            task,
        }
    }

    /// Queues a frame. `false`: the queue is full, so the connection is dead.
    pub(crate) fn send(&self, frame: &ClientFrame) -> bool {
        match serde_json::to_string(frame) {
            // A connection that has ended reports the reason itself.
            Ok(text) => !matches!(self.frames.try_send(text), Err(TrySendError::Full(_))),
            Err(error) => {
                tracing::error!(error = %error, "a frame could not be written as JSON");
                true
            }
        }
    }

    /// The next event, if one has already arrived.
    pub(crate) fn try_next(&mut self) -> Option<LineEvent> {
        self.events.try_recv().ok()
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> LineEvent {
        let ended = || LineEvent::Closed(lost("the connection ended"));
        self.events.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(hub: &HubAddress, tokens: &dyn TokenProvider) -> Result<HubSocket, Problem> {
    let token = tokens.token().await.map_err(|error| {
        let hint = "unlock the keyring, or link this device again";
        Problem::lasting(ErrorCode::Unauthenticated.with(error.to_string(), hint))
    })?;
    let socket = baton_transport::connect(hub, &token).await;
    socket.map_err(|error| unreached(&error))
}

/// Explains to a person why the connection failed.
fn unreached(error: &ConnectError) -> Problem {
    let link_again =
        |hint: &str| Problem::lasting(ErrorCode::Unauthenticated.with(error.to_string(), hint));
    match error {
        ConnectError::Refused(body) => problem(body.clone()),
        ConnectError::KeyMismatch { .. } => link_again(
            "if the hub was set up anew, make a new link there and link this device again",
        ),
        ConnectError::PlainBeyondLoopback(_) | ConnectError::BadAddress(_) => {
            link_again("make a new link at the hub and link this device again")
        }
        ConnectError::Unreachable { .. }
        | ConnectError::TimedOut(_)
        | ConnectError::Tls { .. }
        | ConnectError::Untrusted { .. }
        | ConnectError::NotAHub { .. } => lost(&error.to_string()),
    }
}

/// Reads and writes until the connection ends, and returns the reason.
async fn carry(
    socket: HubSocket,
    mut outgoing: Receiver<String>,
    incoming: &Sender<LineEvent>,
) -> Problem {
    let (mut sink, mut source) = socket.split();
    let write = async move {
        while let Some(text) = outgoing.recv().await {
            if sink.send(Message::text(text)).await.is_err() {
                break;
            }
        }
        // The reader must still see why the hub closed; if the socket is silent too, the heartbeat finds that.
        std::future::pending::<Infallible>().await
    };
    let read = async {
        loop {
            let event = match source.next().await {
                Some(Ok(Message::Text(text))) => read_frame(&text),
                Some(Ok(Message::Close(frame))) => return closed(frame.as_ref()),
                Some(Ok(_)) => None,
                Some(Err(error)) => return broken(&error),
                None => return lost("the hub closed the connection"),
            };
            if let Some(event) = event
                && incoming.send(event).await.is_err()
            {
                return lost("this side gave the connection up");
            }
        }
    };
    tokio::select! {
        problem = read => problem,
        never = write => match never {},
    }
}

/// A frame of an unknown kind is ignored: a newer hub sent it.
fn read_frame(text: &str) -> Option<LineEvent> {
    match HubFrame::read(text) {
        Ok(frame) => Some(LineEvent::Frame(Box::new(frame))),
        Err(UnreadFrame::Newer { kind }) => {
            tracing::debug!(frame.kind = kind, "a frame of a newer hub is left out");
            None
        }
        Err(UnreadFrame::Malformed { kind, column }) => {
            tracing::warn!(frame.kind = kind, column, "a frame cannot be read");
            Some(LineEvent::Unreadable)
        }
    }
}

fn closed(frame: Option<&CloseFrame>) -> Problem {
    let Some(frame) = frame else {
        return lost("the hub closed the connection");
    };
    let reason = frame.reason.as_str();
    // The hub writes `code: message`.
    let message = reason.split_once(": ").map_or("", |(_, message)| message);
    match ErrorCode::of_close(u16::from(frame.code), reason) {
        Some(code) => problem(code.with(words(code, message), hint(code))),
        None => lost("the hub closed the connection"),
    }
}

/// The error code decides whether another attempt makes sense.
fn problem(error: ErrorBody) -> Problem {
    Problem {
        retry: error.code.after_close() != AfterClose::StayAway,
        error,
    }
}

fn words(code: ErrorCode, reason: &str) -> String {
    match code {
        ErrorCode::Unauthenticated => "the hub does not know this device".to_owned(),
        ErrorCode::Revoked => "this device's access was taken away".to_owned(),
        ErrorCode::UnsupportedProtocol => "the hub speaks another protocol version".to_owned(),
        ErrorCode::HubStopping => "the hub is stopping".to_owned(),
        _ if reason.is_empty() => format!("the hub closed the connection ({})", code.as_str()),
        _ => reason.to_owned(),
    }
}

fn hint(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Revoked | ErrorCode::Forbidden => {
            "link this device again"
        }
        ErrorCode::UnsupportedProtocol | ErrorCode::MalformedFrame | ErrorCode::TooLarge => {
            "update Baton here or at the hub"
        }
        _ => "a new connection is made by itself",
    }
}

fn broken(error: &tungstenite::Error) -> Problem {
    match error {
        // This concerns what the hub sent, so none of this device's intents is set aside.
        tungstenite::Error::Capacity(_) => Problem::passing(ErrorCode::Internal.with(
            "the hub sent a frame that is larger than the protocol allows",
            "update Baton here or at the hub",
        )),
        _ => lost("the connection broke"),
    }
}

fn lost(what: &str) -> Problem {
    Problem::passing(ErrorCode::HeartbeatMissed.with(
        what,
        "it is tried again by itself; check that the hub runs and that this device can reach it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_frame_that_does_not_fit_is_said_and_one_of_a_newer_hub_is_left_out() {
        let unreadable = |text: &str| matches!(read_frame(text), Some(LineEvent::Unreadable));
        for kind in ["snapshot", "history", "attention", "batch", "refused"] {
            assert!(
                unreadable(&format!(r#"{{"type":"{kind}","log":7}}"#)),
                "{kind}"
            );
        }
        assert!(read_frame(r#"{"type":"wave"}"#).is_none());
        assert!(unreadable("{"));
    }

    #[test]
    fn only_a_code_that_a_person_must_act_on_keeps_a_device_away() {
        for code in ErrorCode::ALL {
            let reason = format!("{}: why", code.as_str()).into();
            let frame = CloseFrame {
                code: code.close_code().into(),
                reason,
            };
            let problem = closed(Some(&frame));
            assert_eq!(problem.error.code, *code);
            assert_eq!(problem.retry, code.after_close() != AfterClose::StayAway);
        }
    }
}
