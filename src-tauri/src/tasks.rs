//! Named background tasks. A panic in one is reported with its name, never swallowed.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::task::JoinHandle;

/// A task that is cancelled when this is dropped.
#[derive(Debug)]
pub struct OwnedTask(JoinHandle<()>);

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a task that is cancelled when its owner drops it.
pub fn spawn_owned(
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> OwnedTask {
    OwnedTask(spawn(name, work))
}

/// Starts a task that runs until its work is done.
pub fn spawn(
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let guarded = async move {
        if AssertUnwindSafe(work).catch_unwind().await.is_err() {
            tracing::error!(task = name, "a background task panicked and has ended");
        }
    };
    let tauri::async_runtime::JoinHandle::Tokio(handle) = tauri::async_runtime::spawn(guarded);
    handle
}
