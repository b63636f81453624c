//! Background tasks: each has a name and belongs to a hub, and a panic in one is reported.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one hub, by the order in which they are stopped.
#[derive(Default, Debug)]
pub struct Tasks {
    edge: TaskTracker,
    sessions: TaskTracker,
    accounts: TaskTracker,
}

/// To which part of a hub a task belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskGroup {
    /// Listening, connections, subscriptions.
    Edge,
    /// Session actors.
    Sessions,
    /// Account actors.
    Accounts,
}

impl Tasks {
    /// Starts a task. Whoever starts it sees to it that it ends when its part of the hub stops.
    pub fn spawn(
        &self,
        group: TaskGroup,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let span = tracing::info_span!(parent: None, "task", task.name = name);
        let guarded = AssertUnwindSafe(work.instrument(span))
            .catch_unwind()
            .map(move |ended| {
                if ended.is_err() {
                    tracing::error!(task.name = name, "a task panicked");
                }
            });
        self.group(group).spawn(guarded).abort_handle()
    }

    /// Runs several steps that belong together as a task of their own, and waits for their result. A caller that is dropped, for its
    /// client left or its time is up, does not cut them in two. `None` where they panicked.
    pub async fn finish<T: Send + 'static>(
        &self,
        group: TaskGroup,
        name: &'static str,
        steps: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, result) = oneshot::channel();
        self.spawn(group, name, async move {
            // The caller may be gone: the steps were taken all the same.
            let _ = sender.send(steps.await);
        });
        result.await.ok()
    }

    /// Waits for the end of a group's tasks; says whether they ended in time.
    pub async fn ended(&self, group: TaskGroup, limit: Duration) -> bool {
        let tracker = self.group(group);
        tracker.close();
        let in_time = tokio::time::timeout(limit, tracker.wait()).await.is_ok();
        if !in_time {
            tracing::error!(
                tasks = tracker.len(),
                ?group,
                "tasks have not ended in time"
            );
        }
        in_time
    }

    fn group(&self, group: TaskGroup) -> &TaskTracker {
        match group {
            TaskGroup::Edge => &self.edge,
            TaskGroup::Sessions => &self.sessions,
            TaskGroup::Accounts => &self.accounts,
        }
    }
}
