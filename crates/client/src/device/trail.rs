//! The lines by which one prompt is followed through a device: each names the command that it is, and never what it says.
//! `docs/OPERATIONS.md` has all the steps of all programs.

use std::collections::HashMap;

use baton_protocol::{
    Batch, ClientFrame, Command, CommandId, EventBody, LogId, PromptId, Receipt, ReceiptOutcome,
    RunId, Seq,
};

/// Commands and runs of which an end is waited for; past it the lines have no times and no prompts.
const REMEMBERED_MAX: usize = 1_024;

/// What must be remembered for the lines.
#[derive(Default)]
pub(super) struct Trail {
    /// On the monotonic clock, in milliseconds.
    made: HashMap<CommandId, u64>,
    prompts: HashMap<RunId, PromptId>,
}

/// A run's end in a batch.
pub(super) struct RunEnd {
    run: RunId,
    prompt: Option<PromptId>,
    seq: Seq,
}

impl Trail {
    /// An intent is durable here.
    pub(super) fn made(&mut self, command: &Command, now_ms: u64) {
        if self.made.len() < REMEMBERED_MAX {
            self.made.insert(command.id, now_ms);
        }
        tracing::info!(command.id = %command.id, log.id = %command.log, "an intent is made");
    }

    /// A frame goes onto the line.
    pub(super) fn sends(&self, frame: &ClientFrame) {
        if let ClientFrame::Command { command } = frame {
            tracing::info!(command.id = %command.id, log.id = %command.log, "a command is sent");
        }
    }

    /// The hub's answer is here.
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

    /// The runs that end in a batch.
    pub(super) fn ends_in(&mut self, batch: &Batch) -> Vec<RunEnd> {
        let mut ends = Vec::new();
        for event in &batch.events {
            match &event.body {
                EventBody::RunStarted(body) if self.prompts.len() < REMEMBERED_MAX => {
                    self.prompts.insert(body.run, body.prompt);
                }
                EventBody::RunEnded(body) => ends.push(RunEnd {
                    run: body.run,
                    prompt: self.prompts.remove(&body.run),
                    seq: event.seq,
                }),
                _ => {}
            }
        }
        ends
    }

    /// The mirror has these ends.
    pub(super) fn has(&self, log: LogId, ends: Vec<RunEnd>) {
        for end in ends {
            let command = end.prompt.map(|prompt| tracing::field::display(prompt.0));
            tracing::info!(
                command.id = command,
                log.id = %log,
                run.id = %end.run,
                seq = end.seq.0,
                "a run's end is here"
            );
        }
    }
}
