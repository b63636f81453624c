//! Both halves of an upgraded stream.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, WriteHalf};

use super::reader::SocketReader;

/// Frames that are written by one system call.
const SLICES_MAX: usize = 64;

/// The half that takes encoded frames.
pub struct SocketWriter<S> {
    half: WriteHalf<S>,
    /// Frames in their order, the first one without what was written of it.
    waiting: VecDeque<Bytes>,
    /// Whether a part of the first one was written.
    is_amid: bool,
    /// Whether the layer below holds nothing of what was written. TLS takes more than the network does.
    is_flushed: bool,
}

/// Of one stream.
pub fn halves<S: AsyncRead + AsyncWrite>(stream: S) -> (SocketReader<S>, SocketWriter<S>) {
    let (read, write) = tokio::io::split(stream);
    let writer = SocketWriter {
        half: write,
        waiting: VecDeque::new(),
        is_amid: false,
        is_flushed: true,
    };
    (SocketReader::new(read), writer)
}

impl<S: AsyncWrite> SocketWriter<S> {
    /// Puts a frame behind those that wait.
    pub fn push(&mut self, frame: Bytes) {
        self.waiting.push_back(frame);
    }

    /// Whether everything was handed to the system.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether all that was written went out as whole frames: what is pushed next is the next thing that leaves this machine.
    pub fn is_clean(&self) -> bool {
        self.is_flushed && !self.is_amid
    }

    /// Forgets the frames of which nothing was written.
    pub fn forget_unsent(&mut self) {
        self.waiting.truncate(usize::from(self.is_amid));
    }

    /// Writes as much as the system takes at once. To be called while something waits.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let half = Pin::new(&mut self.half);
        let written = if self.waiting.len() == 1 {
            ready!(half.poll_write(cx, &self.waiting[0]))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, frame) in slices.iter_mut().zip(&self.waiting) {
                *slice = IoSlice::new(frame);
                count += 1;
            }
            ready!(half.poll_write_vectored(cx, &slices[..count]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.is_flushed = false;
        self.written(written);
        if self.waiting.is_empty() {
            // An idle socket keeps no queue.
            self.waiting = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn written(&mut self, mut bytes: usize) {
        self.is_amid = false;
        while bytes > 0 {
            let first = self
                .waiting
                .front_mut()
                .expect("no more was written than waited");
            if first.len() > bytes {
                first.advance(bytes);
                self.is_amid = true;
                return;
            }
            bytes -= first.len();
            self.waiting.pop_front();
        }
    }

    /// Pushes on what a layer below still holds; nothing without TLS.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.half).poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    /// Writes all that waits, and then the end of the stream.
    pub async fn finish(&mut self) -> io::Result<()> {
        while !self.is_empty() {
            poll_fn(|cx| self.poll_write(cx)).await?;
        }
        self.half.shutdown().await
    }
}
