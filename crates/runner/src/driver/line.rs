//! The connection to the hub, made again each time it is lost.
//!
//! Owns one task that connects, says hello, sends heartbeats and carries frames. Each connection has its own channel for outbound
//! frames, so that a frame meant for one connection is never sent on the next.

use std::time::Duration;

use baton_protocol::{
    AfterClose, ClientFrame, ErrorCode, HubAddress, HubFrame, Principal, RunId, RunnerHello,
    RunnerId, UnreadFrame, limits,
};
use baton_transport::{ConnectError, HubSocket, connect};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Refused;
use crate::limits::{RECONNECT_MS_MAX, RECONNECT_MS_MIN};

/// Frames between the line and the driver, either way: enough to keep both busy, few enough to hold nothing back.
const FRAMES_MAX: usize = 16;

/// Events that the line reports to the driver.
pub(super) enum LineEvent {
    /// The hub has welcomed this runner. Frames in `outbound` are sent on this connection.
    Up {
        runner: RunnerId,
        hub_name: String,
        capabilities: Vec<String>,
        outbound: mpsc::Sender<ClientFrame>,
    },
    Frame(Box<HubFrame>),
    /// The connection is lost, or an attempt failed; another attempt follows.
    Down {
        why: String,
        sent: Sent,
    },
    /// The hub refuses this runner. No further attempt follows.
    Refused(Refused),
}

/// The hub to connect to, and who connects.
pub(super) struct Line {
    pub hub: HubAddress,
    pub token: String,
    pub hello: RunnerHello,
    /// The runs that the driver works for, for the heartbeats.
    pub held: watch::Receiver<Vec<RunId>>,
}

/// What the hub's welcome says.
struct Welcome {
    runner: RunnerId,
    hub_name: String,
    capabilities: Vec<String>,
}

/// Why a connection ended.
enum Lost {
    Passing(String),
    /// One side could not read what the other one sent. The connection was good until then, and the next one may end in the same way.
    Misfit {
        why: String,
        sent: Sent,
    },
    Final(Refused),
}

/// Whether the hub could read what this runner sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    Readable,
    Unreadable,
}

impl Line {
    /// Runs until the hub refuses the runner or the task is dropped.
    pub async fn run(self, events: mpsc::Sender<LineEvent>) {
        let (mut failures, mut misfits) = (0, 0);
        loop {
            let (why, sent) = match self.connection(&events, &mut failures).await {
                Lost::Final(refused) => {
                    let _ = events.send(LineEvent::Refused(refused)).await;
                    return;
                }
                Lost::Passing(why) => {
                    misfits = 0;
                    (why, Sent::Readable)
                }
                Lost::Misfit { why, sent } => {
                    misfits += 1;
                    (why, sent)
                }
            };
            if events.send(LineEvent::Down { why, sent }).await.is_err() {
                return;
            }
            tokio::time::sleep(pause(failures.max(misfits))).await;
            failures += 1;
        }
    }

    async fn connection(&self, events: &mpsc::Sender<LineEvent>, failures: &mut u32) -> Lost {
        let socket = match connect(&self.hub, &self.token).await {
            Ok(socket) => socket,
            Err(error) if error.may_pass() => return Lost::Passing(error.to_string()),
            Err(error) => return Lost::Final(Refused::from(error)),
        };
        let (mut sink, mut stream) = socket.split();
        let hello = timeout(
            Duration::from_millis(limits::HELLO_TIMEOUT_MS),
            self.hello(&mut sink, &mut stream),
        );
        let welcome = match hello.await {
            Ok(Ok(welcome)) => welcome,
            Ok(Err(lost)) => return lost,
            Err(_) => return Lost::Passing("the hub did not answer `hello` in time".to_owned()),
        };
        *failures = 0;
        let (outbound, frames) = mpsc::channel(FRAMES_MAX);
        if events
            .send(LineEvent::Up {
                runner: welcome.runner,
                hub_name: welcome.hub_name,
                capabilities: welcome.capabilities,
                outbound,
            })
            .await
            .is_err()
        {
            return Lost::Passing("the runner is stopping".to_owned());
        }
        tokio::select! {
            lost = read(&mut stream, events) => lost,
            lost = write(&mut sink, frames, &self.held) => lost,
        }
    }

    async fn hello(
        &self,
        sink: &mut SplitSink<HubSocket, Message>,
        stream: &mut SplitStream<HubSocket>,
    ) -> Result<Welcome, Lost> {
        let hello = ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: Some(self.hello.clone()),
        };
        send(sink, &hello).await?;
        loop {
            match next(stream).await? {
                HubFrame::Welcome {
                    principal: Principal::Runner { runner, .. },
                    hub_name,
                    capabilities,
                    ..
                } => {
                    return Ok(Welcome {
                        runner,
                        hub_name,
                        capabilities,
                    });
                }
                HubFrame::Welcome { .. } => {
                    let error = ErrorCode::Forbidden
                        .with("this link is for a device", "make a link for a runner");
                    return Err(Lost::Final(Refused::Hub(error)));
                }
                HubFrame::Refused { error, .. }
                    if error.code.after_close() == AfterClose::StayAway =>
                {
                    return Err(Lost::Final(Refused::Hub(error)));
                }
                HubFrame::Refused { error, .. } => return Err(Lost::Passing(error.message)),
                _ => {}
            }
        }
    }
}

async fn read(stream: &mut SplitStream<HubSocket>, events: &mpsc::Sender<LineEvent>) -> Lost {
    let silence = Duration::from_millis(limits::HEARTBEAT_TIMEOUT_MS);
    loop {
        let frame = match timeout(silence, next(stream)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(lost)) => return lost,
            Err(_) => {
                return Lost::Passing("nothing was heard from the hub for too long".to_owned());
            }
        };
        if matches!(frame, HubFrame::HeartbeatAck {}) {
            continue;
        }
        if events
            .send(LineEvent::Frame(Box::new(frame)))
            .await
            .is_err()
        {
            return Lost::Passing("the runner is stopping".to_owned());
        }
    }
}

async fn write(
    sink: &mut SplitSink<HubSocket, Message>,
    mut frames: mpsc::Receiver<ClientFrame>,
    held: &watch::Receiver<Vec<RunId>>,
) -> Lost {
    let mut heartbeat = tokio::time::interval(Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS));
    loop {
        let frame = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => frame,
                None => return Lost::Passing("the runner is stopping".to_owned()),
            },
            _ = heartbeat.tick() => ClientFrame::Heartbeat {
                runs: Some(held.borrow().clone()),
            },
        };
        if let Err(lost) = send(sink, &frame).await {
            return lost;
        }
    }
}

async fn send(sink: &mut SplitSink<HubSocket, Message>, frame: &ClientFrame) -> Result<(), Lost> {
    let text = serde_json::to_string(frame).expect("a frame is plain JSON");
    sink.send(Message::text(text))
        .await
        .map_err(|error| broken(&error))
}

/// The next frame of a kind that this version knows.
async fn next(stream: &mut SplitStream<HubSocket>) -> Result<HubFrame, Lost> {
    loop {
        let message = match stream.next().await {
            None => return Err(Lost::Passing("the hub closed the connection".to_owned())),
            Some(Err(error)) => return Err(broken(&error)),
            Some(Ok(message)) => message,
        };
        match message {
            Message::Text(text) => {
                if let Some(frame) = parse(&text)? {
                    return Ok(frame);
                }
            }
            Message::Close(close) => return Err(closed(close)),
            _ => {}
        }
    }
}

/// Parses a frame. Skips a kind that this version does not know; a known kind that does not fit is an error.
fn parse(text: &str) -> Result<Option<HubFrame>, Lost> {
    match HubFrame::read(text) {
        Ok(frame) => Ok(Some(frame)),
        Err(UnreadFrame::Newer { kind }) => {
            tracing::debug!(frame.kind = kind, "a frame of a newer hub is left out");
            Ok(None)
        }
        Err(UnreadFrame::Malformed { kind, column }) => {
            tracing::warn!(frame.kind = kind, column, "a frame cannot be read");
            Err(Lost::Misfit {
                why: "the hub sent a frame that cannot be read: update Baton here or at the hub"
                    .to_owned(),
                sent: Sent::Readable,
            })
        }
    }
}

/// Logs the library's words at debug level; the status gets plain ones.
fn broken(error: &tungstenite::Error) -> Lost {
    tracing::debug!(%error, "the socket broke");
    Lost::Passing("the connection to the hub was lost".to_owned())
}

fn closed(close: Option<CloseFrame>) -> Lost {
    let Some(close) = close else {
        return Lost::Passing("the hub closed the connection".to_owned());
    };
    let reason = close.reason.as_str();
    let why = format!("the hub closed the connection: {reason}");
    let Some(code) = ErrorCode::of_close(u16::from(close.code), reason) else {
        return Lost::Passing(why);
    };
    match code.after_close() {
        AfterClose::ConnectAgain => Lost::Passing(why),
        AfterClose::SetAside => Lost::Misfit {
            why,
            sent: Sent::Unreadable,
        },
        AfterClose::StayAway => {
            // The reason has the form `code: message`.
            let message = reason
                .split_once(": ")
                .map_or(reason, |(_, message)| message);
            let hint = "link this runner again, or stop the other process that uses its token";
            Lost::Final(Refused::Hub(code.with(message, hint)))
        }
    }
}

impl From<ConnectError> for Refused {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(error) => Self::Hub(error),
            other => Self::Connect(other),
        }
    }
}

/// Doubles with each failure. Random within its upper half, so that runners do not come back all at once.
fn pause(failures: u32) -> Duration {
    let full = RECONNECT_MS_MIN
        .saturating_mul(1 << failures.min(16))
        .min(RECONNECT_MS_MAX);
    let chance = getrandom::u32().unwrap_or(u32::MAX);
    let half = full / 2;
    Duration::from_millis(half + half * u64::from(chance) / u64::from(u32::MAX))
}
