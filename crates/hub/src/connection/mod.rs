//! One socket of a device or a runner, from `hello` to its close.
//!
//! Four things go on at once and none waits for another: frames come in and are passed to actors, frames go out, silence is noticed,
//! and whoever must end the connection can (a revoke, a stop, a newer connection of the same runner).
//!
//! Invariant: nothing is delivered under a grant that is not the newest one.

mod dispatch;
mod entry;
mod goodbye;
mod hello;
mod incoming;
mod outgoing;
mod parse;
mod snapshot;
mod subscription;

pub use parse::{Parsed, parse};

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use baton_protocol::{ErrorBody, ErrorCode, limits};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;

use self::dispatch::Connection;
use self::goodbye::close_message;
use self::incoming::Incoming;
use self::outgoing::OutgoingQueue;
use crate::authorize::revoked;
use crate::config::CLOSE_TIMEOUT;
use crate::connection_handle::Ending;
use crate::core::HubCore;
use crate::credentials::PrincipalRecord;
use crate::grants::HeldGrant;
use crate::leases::{HUB_AWAY_AFTER, LastHeard};
use crate::measures::Counted;

/// Why a connection is over.
enum End {
    /// The client went away or broke the socket.
    Gone,
    /// The hub closes it.
    Because(ErrorBody),
}

/// Frames that are pushed into the socket before it is flushed: a burst costs one system call.
const FRAMES_PER_FLUSH_MAX: usize = 64;

/// Serves one socket until it ends.
pub async fn serve(
    core: Arc<HubCore>,
    socket: WebSocket,
    record: PrincipalRecord,
    grant: HeldGrant,
) {
    let _counted = Counted::on(&core.measures.connections);
    let (mut sink, mut stream) = socket.split();
    let mut unflushed = Unflushed::No;
    let end = converse(
        &core,
        &mut sink,
        &mut stream,
        &record,
        &grant,
        &mut unflushed,
    )
    .await;
    // From here on nothing but the close frame is sent: a revoke need not wait for the goodbye.
    drop(grant);
    match end {
        End::Gone => {}
        End::Because(error) => {
            core.measures.refused.increment(1);
            tracing::debug!(code = error.code.as_str(), "a connection is closed");
            let must_drop = error.code == ErrorCode::Revoked && matches!(unflushed, Unflushed::Yes);
            if !must_drop {
                say_goodbye(sink, stream, &error).await;
            }
        }
    }
}

/// Whether frames may stand in the socket's buffer, which a close frame would push out before itself.
enum Unflushed {
    Yes,
    No,
}

async fn converse(
    core: &Arc<HubCore>,
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    record: &PrincipalRecord,
    grant: &HeldGrant,
    unflushed: &mut Unflushed,
) -> End {
    let (outgoing, mut queue) = outgoing::outgoing();
    let ending = Ending::default();
    let heard = Arc::new(LastHeard::now());
    let mut incoming = Incoming::new(stream, Arc::clone(&heard));
    let talk = async {
        let hello = match hello::wait(&mut incoming, record.role).await {
            Ok(hello) => hello,
            Err(end) => return end,
        };
        let right = grant.reference();
        Connection::open(core, (record, right), hello, outgoing, ending.clone())
            .await
            .run(&mut incoming)
            .await
    };
    let others = async {
        tokio::select! {
            biased;
            () = grant.revoked() => End::Because(revoked()),
            () = core.stopping.cancelled() => End::Because(ErrorCode::HubStopping.with("the hub is stopping", "come back in a moment")),
            reason = ending.decided() => End::Because(reason),
            end = silence(&heard) => end,
            end = talk => end,
        }
    };
    // Each is looked at when it is woken, not when the other one is: a frame that goes out must not cost a look at all the rest.
    let mut strands: FuturesUnordered<BoxFuture<'_, End>> = FuturesUnordered::new();
    strands.push(Box::pin(others));
    strands.push(Box::pin(write(sink, &mut queue, grant, unflushed)));
    let end = strands.next().await.expect("neither was taken out");
    if grant.is_current() {
        end
    } else {
        End::Because(revoked())
    }
}

/// Feeds the socket. Asks before each frame whether the grant still stands.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    queue: &mut OutgoingQueue,
    grant: &HeldGrant,
    unflushed: &mut Unflushed,
) -> End {
    loop {
        let mut next = Some(queue.next().await);
        let mut count = 0;
        while let Some(frame) = next {
            if !grant.is_current() {
                return std::future::pending().await;
            }
            *unflushed = Unflushed::Yes;
            if sink.feed(frame.into_message()).await.is_err() {
                return End::Gone;
            }
            count += 1;
            next = if count < FRAMES_PER_FLUSH_MAX {
                queue.try_next()
            } else {
                None
            };
        }
        if sink.flush().await.is_err() {
            return End::Gone;
        }
        *unflushed = Unflushed::No;
    }
}

/// Returns when the client has said nothing for too long.
async fn silence(heard: &LastHeard) -> End {
    let limit = Duration::from_millis(limits::HEARTBEAT_TIMEOUT_MS);
    loop {
        let deadline = heard.at() + limit;
        let now = Instant::now();
        if now >= deadline + HUB_AWAY_AFTER {
            // The hub itself did not run: whatever was said meanwhile is still to be read.
            heard.touch();
        } else if now >= deadline {
            let message = "nothing was heard from this client for too long";
            return End::Because(
                ErrorCode::HeartbeatMissed.with(message, "send a heartbeat every three seconds"),
            );
        }
        tokio::time::sleep_until(heard.at() + limit).await;
    }
}

/// Sends the close frame and lets the client read it: a socket that is closed over unread bytes takes the frame back.
async fn say_goodbye(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    error: &ErrorBody,
) {
    let goodbye = async {
        if sink.send(close_message(error)).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // A client that does not answer has had its time.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
}
