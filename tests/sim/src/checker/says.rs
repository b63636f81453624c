//! What the hub says, what people wanted, what devices heard.

use baton_protocol::{
    Batch, Command, CommandBody, CommandEffect, CommandId, ErrorCode, EventBody, HubFrame,
    PromptId, Receipt, ReceiptOutcome, RunId, StopScope, StopTarget,
};

use super::intents::Fate;
use super::{Checker, Said};
use crate::plan::Who;

impl Checker {
    /// The hub puts a frame on a line.
    pub fn hub_says(&mut self, who: Who, frame: &HubFrame) {
        match frame {
            HubFrame::Receipt { receipt } => self.receipt_holds(receipt),
            HubFrame::Batch(batch) => self.batch_holds(who, batch),
            HubFrame::RunFenced { run, error } if error.code == ErrorCode::InvalidRunWrite => {
                self.runs.steer_refused(*run);
            }
            _ => {}
        }
    }

    fn receipt_holds(&mut self, receipt: &Receipt) {
        let log = self.truth.log(receipt.log);
        let kept = log.and_then(|log| log.receipts().get(&receipt.command));
        let is_kept = kept == Some(receipt);
        self.check(is_kept, || {
            format!(
                "the hub gives a receipt for `{}` that is not in its log",
                receipt.command
            )
        });
        let ReceiptOutcome::Accepted { effect } = &receipt.outcome else {
            return;
        };
        match effect {
            CommandEffect::Stopped { runs } => self.stop_holds(receipt, runs),
            CommandEffect::PromptAccepted { .. } => self.prompt_holds(receipt),
            _ => {}
        }
    }

    /// A stop's runs are over at its receipt; that nothing of them comes after is the fold's law.
    fn stop_holds(&mut self, receipt: &Receipt, runs: &[RunId]) {
        let state = self
            .truth
            .log(receipt.log)
            .and_then(|log| log.session_at(receipt.seq));
        let are_over = state.is_some_and(|state| {
            runs.iter().all(|run| {
                state
                    .run_record(*run)
                    .is_some_and(|record| record.outcome.is_some())
            })
        });
        self.check(are_over, || {
            format!(
                "a stop's receipt stands at {} and its run goes on",
                receipt.seq
            )
        });
        let Some(CommandBody::StopRun(stop)) = self
            .intents
            .command(receipt.command)
            .map(|command| command.body.clone())
        else {
            return;
        };
        if let (StopTarget::Run { run }, StopScope::Run) = (stop.target, stop.scope) {
            self.check(runs == [run], || {
                format!("a stop of `{run}` stopped {runs:?}")
            });
        }
    }

    fn prompt_holds(&mut self, receipt: &Receipt) {
        let wanted = self.intents.command(receipt.command);
        let Some(CommandBody::SendPrompt(_)) = wanted.map(|command| &command.body) else {
            return;
        };
        let prompt = PromptId(receipt.command);
        let times = self.truth.log(receipt.log).map_or(0, |log| {
            let sent = log.events().iter().filter(|event| match &event.body {
                EventBody::PromptSent(body) => body.prompt == prompt,
                _ => false,
            });
            sent.filter(|event| event.seq <= receipt.seq).count()
        });
        self.check(times == 1, || {
            format!("prompt `{prompt}` was accepted and sent {times} times")
        });
    }

    /// Nobody is shown what is not in the log.
    fn batch_holds(&mut self, who: Who, batch: &Batch) {
        let log = batch.log;
        let Some(truth) = self.truth.log(log) else {
            return self.violated(format!("{who:?} is shown {log}, which is not there"));
        };
        let is_recorded = truth.incarnation() == batch.incarnation && truth.head() >= batch.upto;
        let strange = batch.events.iter().find(|event| {
            let is_text = matches!(
                event.body,
                EventBody::PartAppended(_) | EventBody::PartSealed(_)
            );
            !is_text && truth.event(event.seq) != Some(event)
        });
        let strange = strange.map(|event| event.seq);
        self.check(is_recorded && strange.is_none(), || {
            format!(
                "{who:?} is shown {log} up to {} and that is not in the log ({strange:?})",
                batch.upto
            )
        });
    }

    /// A person wants something.
    pub fn wanted(&mut self, device: usize, command: &Command) {
        self.intents.add(device, command);
    }

    /// Everything that was ever wanted on a device.
    pub fn wanted_on(&self, device: usize) -> Vec<Command> {
        self.intents.of(device)
    }

    /// A device has an answer to its intent.
    pub fn answered(&mut self, receipt: &Receipt) {
        let log = self.truth.log(receipt.log);
        let kept = log.and_then(|log| log.receipts().get(&receipt.command));
        let is_kept = kept == Some(receipt) || self.was_restored || self.is_deleted(receipt.log);
        self.check(is_kept, || {
            format!(
                "a device keeps a receipt for `{}` that the log has not",
                receipt.command
            )
        });
        let before = self.intents.ended(receipt.command, Fate::Answered);
        let was_open = matches!(before, Some(Fate::Open | Fate::Answered));
        self.check(was_open || self.was_restored, || {
            format!("`{}` was {before:?} and is answered now", receipt.command)
        });
    }

    /// A device was told that its intent will never be done.
    pub fn refused(&mut self, command: CommandId) {
        let before = self.intents.ended(command, Fate::Refused);
        let wanted = self.intents.command(command);
        let recorded = wanted.and_then(|wanted| {
            let log = self.truth.log(wanted.log)?;
            Some(log.receipts().get(&command)?.outcome.clone())
        });
        // Of what was done in a session that was deleted meanwhile, nothing is left.
        let is_gone = wanted.is_some_and(|wanted| self.is_deleted(wanted.log));
        let was_done = matches!(recorded, Some(ReceiptOutcome::Accepted { .. })) && !is_gone;
        self.check(!was_done || self.was_restored, || {
            format!("`{command}` was {before:?}, is done, and its device is told that it is not")
        });
    }

    /// An intent went ahead of the disk, and did not get there: only a stop that names its run may.
    pub fn never_durable(&mut self, command: CommandId) {
        self.intents.ended(command, Fate::NeverDurable);
        let wanted = self.intents.command(command);
        let may_go = wanted.is_some_and(|wanted| {
            matches!(&wanted.body, CommandBody::StopRun(stop) if matches!(stop.target, StopTarget::Run { .. }))
        });
        self.check(may_go, || format!("`{command}` was sent and not durable"));
    }

    /// An intent was taken back.
    pub fn cancelled(&mut self, command: CommandId) {
        self.intents.ended(command, Fate::Cancelled);
        let wanted = self.intents.command(command);
        let is_recorded = wanted.is_some_and(|wanted| {
            let log = self.truth.log(wanted.log);
            log.is_some_and(|log| log.receipts().contains_key(&command))
        });
        self.check(!is_recorded, || {
            format!("`{command}` was taken back and is done")
        });
    }

    /// The first intent of which its device knows nothing.
    pub fn unanswered(&self) -> Option<(CommandId, usize)> {
        self.intents.open().next()
    }

    /// A runner asks a model.
    pub fn model_called(&mut self, run: RunId) {
        if let Err(what) = self.runs.called(run) {
            self.violated(what);
        }
    }

    /// A runner took a piece of the model's answer.
    pub fn model_said(&mut self, run: RunId, what: Said, text: &str) {
        self.runs.said(run, what, text);
    }

    /// A model gave nothing.
    pub fn model_refused(&mut self, run: RunId, why: String) {
        self.runs.model_refused(run, why);
    }

    /// A model's answer is over.
    pub fn model_ended(&mut self, run: RunId, end: Result<(), String>) {
        self.runs.ended(run, end);
    }
}
