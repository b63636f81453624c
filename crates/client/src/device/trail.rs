//! Log lines that trace one prompt through a device: each names its command and never the text. `docs/OPERATIONS.md` lists the steps of all
//! programs.

use std::collections::HashMap;

use baton_protocol::{Batch, ClientFrame, Command, CommandId, EventBody, Receipt, ReceiptOutcome};
use baton_session::SessionState;

/// Unanswered commands that are timed; log lines for further ones carry no times.
const REMEMBERED_MAX: usize = 1_024;

/// State that the log lines need.
#[derive(Default)]
pub(super) struct Trail {
    /// When each command was made: milliseconds on the monotonic clock.
    made: HashMap<CommandId, u64>,
}

impl Trail {
    /// An intent is durable on this device.
    pub(super) fn made(&mut self, command: &Command, now_ms: u64) {
        if self.made.len() < REMEMBERED_MAX {
            self.made.insert(command.id, now_ms);
        }
        tracing::info!(command.id = %command.id, log.id = %command.log, "an intent is made");
    }

    /// A frame is sent.
    pub(super) fn sends(&self, frame: &ClientFrame) {
        if let ClientFrame::Command { command } = frame {
            tracing::info!(command.id = %command.id, log.id = %command.log, "a command is sent");
        }
    }

    /// The hub's answer arrived.
    pub(super) fn answered(&mut self, receipt: &Receipt, now_ms: u64) {
        let made = self.made.remove(&receipt.command);
        let took = made.map(|made| now_ms.saturating_sub(made));
        let refused = match &receipt.outcome {
            ReceiptOutcome::Accepted { .. } => None,
            ReceiptOutcome::Refused { error } => Some(error.code.as_str()),
        };
        tracing::info!(
            command.id = %receipt.command,
            log.id = %receipt.log,
            seq = receipt.seq.0,
            refused,
            duration_ms = took,
            "a command is answered"
        );
    }
}

/// The mirror has the ends of the runs in a batch; no screen has shown them yet.
pub(crate) fn ends_are_here(batch: &Batch, state: &SessionState) {
    for event in &batch.events {
        if let EventBody::RunEnded(body) = &event.body {
            let record = state.run_record(body.run);
            let command = record.map(|record| tracing::field::display(record.prompt.0));
            tracing::info!(
                command.id = command,
                log.id = %batch.log,
                run.id = %body.run,
                seq = event.seq.0,
                "a run's end is here"
            );
        }
    }
}
