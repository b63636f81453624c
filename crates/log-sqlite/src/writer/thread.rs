//! The writer's thread, its queue, and whether the log has stopped.
//!
//! The log owns the thread: dropping [`WriterThread`] lets the thread finish its queue and waits for it. A panic in the thread is reported
//! and stops the log, as a failed flush does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use baton_log::Sealing;
use rusqlite::Connection;

use super::request::Message;
use super::{Backlog, Writer};
use crate::tail_runs::TailRuns;
use crate::unplaced::Unplaced;

/// Whether the log has stopped. Only reopening it starts it again.
#[derive(Clone, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Whether the log has stopped.
    pub fn has_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Stops the log.
    pub(super) fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// State shared by the writer and the readers.
#[derive(Clone, Default)]
pub struct Shared {
    pub health: Health,
    pub tail_runs: TailRuns,
    pub unplaced: Unplaced,
}

/// The writer's thread and its queue.
pub struct WriterThread {
    requests: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterThread {
    /// Starts the thread with the work left over from the previous process.
    pub fn start(
        connection: Connection,
        shared: Shared,
        sealing: Sealing,
        backlog: Backlog,
    ) -> std::io::Result<Self> {
        let (requests, incoming) = channel();
        let body = move || {
            let health = shared.health.clone();
            let mut writer = Writer::new(connection, shared, sealing, backlog);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| writer.run(&incoming))) {
                health.stop();
                let message = panic_message(panic.as_ref());
                tracing::error!(error = message, "the log's writer panicked: the log stops");
            }
        };
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread.spawn(body)?),
        })
    }

    /// Puts a message into the queue.
    pub fn send(&self, message: Message) -> Result<(), WriterGone> {
        let requests = self.requests.as_ref().expect("there until the drop");
        requests.send(message).map_err(|_| WriterGone)
    }
}

/// The thread has panicked, and has reported it.
#[derive(Debug)]
pub struct WriterGone;

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches and reports its own panics.
            let _ = thread.join();
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
