//! What a connection waits for: each of these gives what comes next, and never comes where there is nothing to wait for.
//!
//! All are safe to drop and to call again. Most connections have nothing of it, and all of them stand in memory: what waits is behind a
//! pointer.

use std::pin::Pin;

use baton_protocol::ErrorBody;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::Sleep;

use super::{HandedOver, Hosting};
use crate::actor::Answer;
use crate::frame_text::EncodedFrame;
use crate::looking::LookingSeat;

/// Requests that wait for their answers.
pub(super) type InFlight = Box<FuturesUnordered<BoxFuture<'static, Answer>>>;

/// What this client hears of others next, where it wants to.
pub(super) async fn heard(seat: &mut Option<Box<LookingSeat>>) -> EncodedFrame {
    match seat {
        Some(seat) => Box::pin(seat.next()).await,
        None => std::future::pending().await,
    }
}

/// The next run of a runner.
pub(super) async fn assigned(hosting: Option<&Hosting>) -> EncodedFrame {
    match hosting {
        Some(hosting) => Box::pin(hosting.assignments.next()).await,
        None => std::future::pending().await,
    }
}

/// Why somebody else ends a runner's connection.
pub(super) async fn ended(hosting: Option<&Hosting>) -> ErrorBody {
    match hosting {
        Some(hosting) => Box::pin(hosting.ending.decided()).await,
        None => std::future::pending().await,
    }
}

/// The next answer to what is in flight. What held the requests goes with the last of them.
pub(super) async fn answered(in_flight: &mut Option<InFlight>) -> Answer {
    if let Some(requests) = in_flight {
        if let Some(answer) = requests.next().await {
            return answer;
        }
        *in_flight = None;
    }
    std::future::pending().await
}

/// A moment, where one is waited for.
pub(super) async fn due(moment: &mut Option<Pin<Box<Sleep>>>) {
    match moment {
        Some(moment) => moment.await,
        None => std::future::pending().await,
    }
}

/// The request that is on its way, once it has arrived; never where there is none.
pub(super) async fn handed_over(
    request: &mut Option<BoxFuture<'static, HandedOver>>,
) -> HandedOver {
    match request {
        Some(request) => request.await,
        None => std::future::pending().await,
    }
}
