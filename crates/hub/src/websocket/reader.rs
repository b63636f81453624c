//! The half that brings messages. The protocol's library takes frames apart and says how pings and goodbyes are answered.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use baton_protocol::limits;
use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf, ReadHalf};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What is read by one system call, onto the stack.
const READ_BYTES: usize = 8 * 1024;

/// What the library keeps for each socket, and takes at once of what was read: room for a heartbeat.
const READ_BUFFER_BYTES: usize = 256;

/// A socket's messages as they come.
pub struct SocketReader<S> {
    half: ReadHalf<S>,
    protocol: WebSocketContext,
    /// Was read and not yet taken apart. Empty while the socket is idle.
    ahead: Bytes,
}

/// A message.
#[derive(Debug)]
pub struct Received {
    /// What it says.
    pub message: Message,
    /// The frame that answers it, where the protocol wants one.
    pub reply: Bytes,
}

impl<S: AsyncRead> SocketReader<S> {
    pub(super) fn new(half: ReadHalf<S>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(limits::FRAME_BYTES_MAX))
            .max_frame_size(Some(limits::FRAME_BYTES_MAX));
        Self {
            half,
            protocol: WebSocketContext::new(Role::Server, Some(config)),
            ahead: Bytes::new(),
        }
    }

    /// The next message. Safe to drop and to call again.
    pub async fn next(&mut self) -> Result<Received, Error> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Error>> {
        let mut line = Line {
            half: &mut self.half,
            ahead: &mut self.ahead,
            replies: Vec::new(),
            cx,
        };
        let message = match self.protocol.read(&mut line) {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if matches!(message, Message::Ping(_) | Message::Close(_)) {
            match self.protocol.flush(&mut line) {
                Ok(()) | Err(Error::ConnectionClosed) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let reply = Bytes::from(line.replies);
        Poll::Ready(Ok(Received { message, reply }))
    }

    /// Reads on, whatever it is, until the client closes.
    pub async fn drain(&mut self) {
        let mut space = vec![0; READ_BYTES];
        while matches!(self.half.read(&mut space).await, Ok(read) if read > 0) {}
    }
}

/// The stream for one look of the library's: what it reads comes from the socket, what it writes is for the writing half to send.
struct Line<'a, 'b, S> {
    half: &'a mut ReadHalf<S>,
    ahead: &'a mut Bytes,
    replies: Vec<u8>,
    cx: &'a mut Context<'b>,
}

impl<S: AsyncRead> io::Read for Line<'_, '_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let count = into.len().min(self.ahead.len());
            self.ahead.copy_to_slice(&mut into[..count]);
            if self.ahead.is_empty() {
                *self.ahead = Bytes::new();
            }
            return Ok(count);
        }
        let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut space = ReadBuf::uninit(&mut space);
        match Pin::new(&mut *self.half).poll_read(self.cx, &mut space) {
            Poll::Ready(read) => read?,
            Poll::Pending => return Err(ErrorKind::WouldBlock.into()),
        }
        let read = space.filled();
        let (now, later) = read.split_at(read.len().min(into.len()));
        into[..now.len()].copy_from_slice(now);
        if !later.is_empty() {
            *self.ahead = Bytes::copy_from_slice(later);
        }
        Ok(now.len())
    }
}

impl<S> io::Write for Line<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
