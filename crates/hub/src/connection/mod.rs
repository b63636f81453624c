//! One socket of a device or a runner, from `hello` to its close.
//!
//! Four things go on at once and none waits for another: frames come in and are passed to actors, frames go out, silence is noticed,
//! and whoever must end the connection can (a revoke, a stop, a newer connection of the same runner).
//!
//! Invariant: nothing is delivered under a grant that is not the newest one.

mod dispatch;
mod entry;
mod hello;
mod incoming;
mod outgoing;
mod parse;
mod snapshot;
mod strands;
mod subscription;

pub use parse::{Parsed, parse};

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use baton_protocol::{ErrorBody, ErrorCode, limits};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::dispatch::Connection;
use self::incoming::Incoming;
use self::outgoing::{Outgoing, Work};
use crate::authorize::{Caller, revoked};
use crate::config::CLOSE_TIMEOUT;
use crate::core::HubCore;
use crate::credentials::PrincipalRecord;
use crate::grants::HeldGrant;
use crate::leases::{HUB_AWAY_AFTER, LastHeard};
use crate::measures::Counted;
use crate::websocket::{self, SocketReader, SocketWriter};

/// An upgraded stream as tokio sees it.
type Stream = TokioIo<Upgraded>;

/// Why a connection is over.
enum End {
    /// The client broke the socket.
    Gone,
    /// The client says goodbye, which this frame answers.
    Left(Bytes),
    /// The hub closes it.
    Because(ErrorBody),
}

/// Frames that go into the socket together: a burst costs one system call.
const FRAMES_PER_WRITE_MAX: usize = 64;

/// Somebody whom a token let in.
pub struct Guest {
    core: Arc<HubCore>,
    caller: Arc<Caller>,
    grant: Option<HeldGrant>,
    /// The way that it came closes.
    closing: CancellationToken,
}

impl Guest {
    /// Whose token it was, the right that it gave, and what closes the way that it came.
    pub fn new(
        core: Arc<HubCore>,
        record: PrincipalRecord,
        grant: HeldGrant,
        closing: CancellationToken,
    ) -> Self {
        let right = grant.reference();
        let caller = Caller {
            account: record.account,
            principal: record.principal,
            role: record.role,
            instance: None,
            connection: right.connection(),
            grant: right,
        };
        Self {
            core,
            caller: Arc::new(caller),
            grant: Some(grant),
            closing,
        }
    }

    /// Serves the socket until it ends. Once.
    pub fn serve(&mut self, upgraded: Upgraded) -> impl Future<Output = ()> {
        // What a future captures is there once. An argument, or what is moved into a variable of it, is there twice.
        let (mut reader, mut writer) = websocket::halves(TokioIo::new(upgraded));
        async move {
            let Some(grant) = &self.grant else {
                return;
            };
            let _counted = Counted::on(&self.core.measures.connections);
            let outgoing = Arc::new(Outgoing::default());
            let end = {
                // Pinned where they stand: a future that is moved into another one is there twice.
                let rare = pin!(listen(
                    &self.core,
                    &mut reader,
                    (&self.caller, grant, &self.closing),
                    &outgoing
                ));
                let often = pin!(write(&mut writer, &outgoing, grant));
                strands::first(rare, often).await
            };
            outgoing.close();
            let end = if grant.is_current() {
                end
            } else {
                End::Because(revoked())
            };
            // From here on nothing but the close frame is sent: a revoke need not wait for the goodbye. Where a frame is on its way, also in
            // the layer below, nothing more is: it would come along.
            self.grant = None;
            let is_clean = writer.is_clean();
            let close = match end {
                End::Gone => return,
                End::Left(reply) => reply,
                End::Because(error) => {
                    self.core.measures.refused.increment(1);
                    tracing::debug!(code = error.code.as_str(), "a connection is closed");
                    close_frame(&error)
                }
            };
            if !is_clean {
                return;
            }
            // Boxed: it is not there while the connection lives.
            Box::pin(say_goodbye(&mut reader, &mut writer, close)).await;
        }
    }
}

/// The close frame for an error: its code's number, and `code: message` as far as it fits.
fn close_frame(error: &ErrorBody) -> Bytes {
    let reason = format!("{}: {}", error.code.as_str(), error.message);
    websocket::close(error.code.close_code(), &reason)
}

/// Sends the close frame and lets the client read it: a socket that is closed over unread bytes takes the frame back.
async fn say_goodbye(
    reader: &mut SocketReader<Stream>,
    writer: &mut SocketWriter<Stream>,
    close: Bytes,
) {
    writer.forget_unsent();
    writer.push(close);
    let goodbye = async {
        if writer.finish().await.is_ok() {
            reader.drain().await;
        }
    };
    // A client that does not answer has had its time.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
}

/// Everything but the writing: the talk with the client, its silence, and those who may end it.
async fn listen(
    core: &Arc<HubCore>,
    reader: &mut SocketReader<Stream>,
    (caller, grant, closing): (&Arc<Caller>, &HeldGrant, &CancellationToken),
    outgoing: &Arc<Outgoing>,
) -> End {
    let heard = LastHeard::now();
    let mut incoming = Incoming::new(reader, outgoing, &heard);
    let talk = pin!(async {
        let hello = match hello::wait(&mut incoming, caller.role).await {
            Ok(hello) => hello,
            Err(end) => return end,
        };
        let mut connection = Connection::open(core, Arc::clone(caller), hello, outgoing);
        connection.run(&mut incoming).await
    });
    tokio::select! {
        biased;
        () = grant.revoked() => End::Because(revoked()),
        () = closing.cancelled() => End::Because(ErrorCode::HubStopping.with("the hub is stopping", "come back in a moment")),
        end = silence(&heard) => end,
        end = talk => end,
    }
}

/// Feeds the socket, and lets whoever is behind read where there is room for what is read. Asks before each write whether the grant
/// still stands.
async fn write(
    writer: &mut SocketWriter<Stream>,
    outgoing: &Arc<Outgoing>,
    grant: &HeldGrant,
) -> End {
    loop {
        let work = outgoing.work(FRAMES_PER_WRITE_MAX, |frame| writer.push(frame));
        if let Work::Read(reader, room) = work.await {
            reader.read_on(room);
            continue;
        }
        let written = poll_fn(|cx| {
            while !writer.is_empty() {
                if !grant.is_current() {
                    // The other strand ends the connection.
                    return Poll::Pending;
                }
                ready!(writer.poll_write(cx))?;
            }
            writer.poll_flush(cx)
        });
        if written.await.is_err() {
            return End::Gone;
        }
    }
}

/// Returns when the client has said nothing for too long.
async fn silence(heard: &LastHeard) -> End {
    loop {
        if let Some(end) = too_long_silent(heard, Instant::now()) {
            return end;
        }
        tokio::time::sleep_until(heard.at() + SILENCE_MAX).await;
    }
}

const SILENCE_MAX: Duration = Duration::from_millis(limits::HEARTBEAT_TIMEOUT_MS);

fn too_long_silent(heard: &LastHeard, now: Instant) -> Option<End> {
    let deadline = heard.at() + SILENCE_MAX;
    if now >= deadline + HUB_AWAY_AFTER {
        // The hub itself did not run: whatever was said meanwhile is still to be read.
        heard.touch();
        return None;
    }
    let message = "nothing was heard from this client for too long";
    (now >= deadline).then(|| {
        End::Because(
            ErrorCode::HeartbeatMissed.with(message, "send a heartbeat every three seconds"),
        )
    })
}
