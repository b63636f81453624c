//! What a listener and its connections have in common: how they are closed together, and when they are gone.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A way into the hub.
#[derive(Clone, Debug)]
pub struct Door {
    /// The listener and its connections end.
    pub closing: CancellationToken,
    held: TaskTracker,
}

impl Door {
    /// One that closes with something larger at the latest.
    pub fn within(larger: &CancellationToken) -> Self {
        Self {
            closing: larger.child_token(),
            held: TaskTracker::new(),
        }
    }

    /// Counts this work among what the door holds open, until it ends.
    pub fn hold<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.held.track_future(work)
    }

    /// Closes it. Returns once nothing is held open.
    pub async fn close(&self) {
        self.closing.cancel();
        self.held.close();
        self.held.wait().await;
    }
}
