//! The thread that writes, the way to it, and whether the log has stopped.
//!
//! It is owned by the log: dropping [`WriterThread`] lets it finish what it was given and waits for it. A panic in it is reported and
//! stops the log, as a failed flush does.

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

/// Whether the log has stopped. Nothing starts it again but opening it again.
#[derive(Clone, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Whether it has.
    pub fn has_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// It has.
    pub(super) fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What the writer and the readers both look at.
#[derive(Clone, Default)]
pub struct Shared {
    pub health: Health,
    pub tail_runs: TailRuns,
    pub unplaced: Unplaced,
}

/// The thread and the way to it.
pub struct WriterThread {
    requests: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterThread {
    /// Starts it. What a crash left behind is its first work.
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

    /// Hands a message over.
    pub fn send(&self, message: Message) -> Result<(), WriterGone> {
        let requests = self.requests.as_ref().expect("there until the drop");
        requests.send(message).map_err(|_| WriterGone)
    }
}

/// The thread has panicked, which it has reported.
#[derive(Debug)]
pub struct WriterGone;

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // Its panics are caught and reported inside.
            let _ = thread.join();
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
