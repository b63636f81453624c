//! Output: text for people, or one JSON object a line.

use std::io::{IsTerminal, Write};

use baton_client::PartTexts;
use baton_protocol::{
    CommandEffect, Delivery, Event, EventBody, FinishReason, LogId, ModelRetryEvent, PartKind,
    Receipt, ReceiptOutcome, RetryReason, RunOutcome,
};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Prints results on stdout, and everything else on stderr.
pub struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person reads the output.
    pub fn is_for_people(&self) -> bool {
        !self.json && std::io::stdout().is_terminal()
    }

    /// Writes a JSON line in one piece, so that a pipe's reader sees it at once.
    pub fn json(&self, value: &Value) {
        if self.json {
            self.write(&format!("{value}\n"));
        }
    }

    /// Writes a line for people.
    pub fn line(&self, line: &str) {
        if !self.json {
            self.write(&format!("{line}\n"));
        }
    }

    /// Writes streamed text for people.
    pub fn text(&self, text: &str) {
        if !self.json {
            self.write(text);
        }
    }

    /// Writes a note on stderr, next to the result.
    pub fn note(&self, note: &str) {
        eprintln!("{note}");
    }

    fn write(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        if let Err(error) = written {
            if error.kind() != std::io::ErrorKind::BrokenPipe {
                eprintln!("error: the result cannot be written: {error}");
                std::process::exit(1);
            }
            // The reader has closed the pipe, as in `batonctl tail … | head`.
            std::process::exit(0);
        }
    }

    pub fn event(&self, log: LogId, event: &Event) {
        self.json(&json!({ "type": "event", "log": log, "event": event }));
    }

    pub fn receipt(&self, receipt: &Receipt) {
        self.json(&json!({ "type": "receipt", "receipt": receipt }));
        if let ReceiptOutcome::Accepted { effect } = &receipt.outcome
            && !self.json
        {
            self.note(&effect_words(effect));
        }
    }

    pub fn failure(&self, failure: &Failure) {
        eprintln!("batonctl: {}", failure.message());
    }
}

fn effect_words(effect: &CommandEffect) -> String {
    match effect {
        CommandEffect::Applied => "done".to_owned(),
        CommandEffect::Unchanged => "it was so already".to_owned(),
        CommandEffect::PromptAccepted { delivery } => match delivery {
            Delivery::Steer => "accepted: it steers the answer that is on".to_owned(),
            Delivery::Queue => "accepted: it is in the queue".to_owned(),
            Delivery::Interrupt => "accepted: it runs next".to_owned(),
        },
        CommandEffect::Stopped { runs } => format!("stopped {} run(s)", runs.len()),
        CommandEffect::Withdrawn => "taken back before it ran".to_owned(),
        CommandEffect::Imported { complete: true, .. } => "imported".to_owned(),
        CommandEffect::Imported { upto, .. } => format!("imported up to {upto}"),
        CommandEffect::AlreadyEnded { outcome } => {
            format!("it had ended before: {}", outcome_words(outcome))
        }
    }
}

/// A run's outcome in words.
pub fn outcome_words(outcome: &RunOutcome) -> String {
    match outcome {
        RunOutcome::Completed => "completed".to_owned(),
        RunOutcome::Stopped { .. } => "stopped".to_owned(),
        RunOutcome::Failed { message } => format!("failed: {message}"),
        RunOutcome::Lost => "lost: its host went away".to_owned(),
    }
}

/// A run's outcome in words, with the reason if its model stopped early.
pub fn end_words(outcome: &RunOutcome, finish_reason: Option<&FinishReason>) -> String {
    match finish_reason {
        None => outcome_words(outcome),
        Some(FinishReason::LengthLimit) => "stopped at the length limit".to_owned(),
        Some(FinishReason::ContentFilter) => "ended by the provider's content filter".to_owned(),
        Some(FinishReason::Refusal) => "the model declined".to_owned(),
        Some(FinishReason::Unknown(name)) => format!("the model stopped early: {name}"),
    }
}

/// A retry of a model call in words: why and when.
pub fn retry_words(retry: &ModelRetryEvent) -> String {
    let why = match &retry.reason {
        RetryReason::Busy => "busy",
        RetryReason::Unreachable => "the model server is not reachable",
        RetryReason::OptionRefused | RetryReason::Unknown(_) => "no answer yet",
    };
    let seconds = retry.delay_ms.div_ceil(1_000);
    format!("{why}, next try in {seconds} s: {}", retry.message)
}

/// Prints a session's events for people: prompts, answers as they grow, and ends.
#[derive(Default)]
pub struct Transcript {
    texts: PartTexts,
    in_text: bool,
}

impl Transcript {
    pub fn event(&mut self, output: &Output, event: &Event) {
        if let Some((_, kind, text)) = self.texts.read(event) {
            if *kind == PartKind::Text && !text.is_empty() {
                self.in_text = true;
                output.text(text);
            }
            return;
        }
        let line = match &event.body {
            EventBody::PromptSent(body) => format!("[{}] > {}", event.seq, body.text),
            EventBody::PromptEdited(body) => format!("[{}] edited > {}", event.seq, body.text),
            EventBody::PromptWithdrawn(body) => {
                format!("[{}] taken back: {}", event.seq, body.prompt)
            }
            EventBody::RunStarted(body) => format!("[{}] {} answers", event.seq, body.agent),
            EventBody::SteerConsumed(_) => format!("[{}] the steer is taken in", event.seq),
            EventBody::RunEnded(body) => {
                let how = end_words(&body.outcome, body.finish_reason.as_ref());
                format!("[{}] {how}", event.seq)
            }
            EventBody::ModelRetry(body) => format!("[{}] {}", event.seq, retry_words(body)),
            EventBody::QueuePaused(_) => format!("[{}] the queue is paused", event.seq),
            EventBody::QueueResumed(_) => format!("[{}] the queue goes on", event.seq),
            EventBody::SessionRenamed(body) => format!("[{}] title: {}", event.seq, body.title),
            _ => return,
        };
        if std::mem::take(&mut self.in_text) {
            output.line("");
        }
        output.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_protocol::RunId;

    #[test]
    fn an_early_end_and_a_retry_say_why() {
        let end = |reason| end_words(&RunOutcome::Completed, reason);
        assert_eq!(end(None), "completed");
        let limit = FinishReason::LengthLimit;
        assert_eq!(end(Some(&limit)), "stopped at the length limit");
        let retry = ModelRetryEvent {
            run: RunId::mint(),
            attempt: 1,
            delay_ms: 2_001,
            reason: RetryReason::Busy,
            message: "503".into(),
        };
        assert_eq!(retry_words(&retry), "busy, next try in 3 s: 503");
    }
}
