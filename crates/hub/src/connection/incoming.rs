//! What a socket brings: texts, or why it brings no more.

use std::sync::Arc;

use baton_protocol::{ErrorBody, ErrorCode, limits};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::outgoing::Outgoing;
use super::{End, Stream};
use crate::leases::LastHeard;
use crate::websocket::SocketReader;

/// The reading half, and when it last brought something.
pub struct Incoming<'a> {
    reader: &'a mut SocketReader<Stream>,
    outgoing: &'a Outgoing,
    heard: &'a LastHeard,
    /// The lease clock of a runner's instance, once it has said hello.
    lease: Option<Arc<LastHeard>>,
}

impl<'a> Incoming<'a> {
    /// Of a socket that was heard now, whose pings are answered by `outgoing`.
    pub fn new(
        reader: &'a mut SocketReader<Stream>,
        outgoing: &'a Outgoing,
        heard: &'a LastHeard,
    ) -> Self {
        Self {
            reader,
            outgoing,
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
            let received = self.reader.next().await;
            self.excuse_silence();
            let received = received.map_err(end_of)?;
            match received.message {
                Message::Text(text) => return Ok(text),
                Message::Ping(_) => self.outgoing.pong(received.reply),
                Message::Close(_) => return Err(End::Left(received.reply)),
                Message::Binary(_) => {
                    let error = ErrorCode::MalformedFrame
                        .with("frames are text messages", "send JSON as text");
                    return Err(End::Because(error));
                }
                Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

fn end_of(error: tungstenite::Error) -> End {
    match error {
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
