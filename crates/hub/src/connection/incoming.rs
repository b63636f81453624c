//! What a socket brings: texts, or why it brings no more.

use std::sync::Arc;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use baton_protocol::{ErrorBody, ErrorCode, limits};
use futures::StreamExt as _;
use futures::stream::SplitStream;
use tokio_tungstenite::tungstenite;

use super::End;
use crate::leases::LastHeard;

/// The reading half, and when it last brought something.
pub struct Incoming<'a> {
    stream: &'a mut SplitStream<WebSocket>,
    heard: Arc<LastHeard>,
    /// The lease clock of a runner's instance, once it has said hello.
    lease: Option<Arc<LastHeard>>,
}

impl<'a> Incoming<'a> {
    /// Of a socket that was heard now.
    pub fn new(stream: &'a mut SplitStream<WebSocket>, heard: Arc<LastHeard>) -> Self {
        Self {
            stream,
            heard,
            lease: None,
        }
    }

    /// From now on every message renews this lease.
    pub fn renew(&mut self, lease: Arc<LastHeard>) {
        self.lease = Some(lease);
    }

    /// The hub did not listen: the silence since then is not the client's.
    pub fn excuse_silence(&self) {
        self.heard.touch();
        if let Some(lease) = &self.lease {
            lease.touch();
        }
    }

    /// The next text. Everything that comes is a sign of life. Safe to drop and to call again.
    pub async fn next(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            let message = self.stream.next().await;
            self.excuse_silence();
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    let error = ErrorCode::MalformedFrame
                        .with("frames are text messages", "send JSON as text");
                    return Err(End::Because(error));
                }
                Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
                Some(Err(error)) => return Err(end_of(error)),
            }
        }
    }
}

fn end_of(error: axum::Error) -> End {
    let Ok(error) = error.into_inner().downcast::<tungstenite::Error>() else {
        return End::Gone;
    };
    match *error {
        tungstenite::Error::Capacity(_) => End::Because(too_large()),
        tungstenite::Error::Utf8(_) => End::Because(
            ErrorCode::MalformedFrame.with("this text is not UTF-8", "send JSON as UTF-8"),
        ),
        _ => End::Gone,
    }
}

fn too_large() -> ErrorBody {
    let message = format!("a frame has more than {} bytes", limits::FRAME_BYTES_MAX);
    ErrorCode::TooLarge.with(message, "split it")
}
