//! Runs: started, steered, ended.

use baton_protocol::view::{RowBody, Teardown};
use baton_protocol::{
    Event, ModelRetryEvent, ProducerSeq, RunEndedEvent, RunId, RunOutcome, RunStartedEvent,
    SteerConsumedEvent, TeardownReportedEvent, TimestampMs,
};

use super::FoldError;
use super::rows::{Place, Steered, elapsed_ms, prompt_row, row};
use crate::state::{ActiveRun, PromptFate, RunRecord, RunRetry, SessionState};
use crate::transcript::{RowChange, TranscriptSink};

impl SessionState {
    pub(super) fn run_started(
        &mut self,
        event: &Event,
        body: &RunStartedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let prompt = self.take(event, body.prompt)?;
        let turn = match body.parent {
            None => body.prompt,
            // A sub-agent's start is a write of its parent.
            Some(parent) => self.writing_run(event, parent)?.turn,
        };
        if body.parent.is_none() {
            let known = match prompt.retry_of {
                Some(_) => Some(body.prompt),
                None => prompt.branch_of,
            };
            known.map_or(Ok(()), |turn| self.reaches_turn(event, turn))?;
            let change = self.turns.begin(body.prompt, prompt.branch_of);
            self.tell_path(change, sink);
        }
        if prompt.retry_of.is_none() {
            let place = Place {
                run: body.run,
                turn,
            };
            let row = prompt_row(event, 0, place, &prompt, Steered::No);
            sink.change(RowChange::Insert(row));
        }
        self.fates
            .insert(body.prompt, PromptFate::Taken { run: body.run });
        let record = RunRecord {
            prompt: body.prompt,
            runner: body.runner,
            parent: body.parent,
            turn,
            outcome: None,
            end_row: None,
            host: Some(body.instance),
        };
        self.runs.insert(body.run, record);
        self.active.push(ActiveRun {
            run: body.run,
            prompt: body.prompt,
            agent: body.agent.clone(),
            runner: body.runner,
            instance: body.instance,
            epoch: body.epoch,
            parent: body.parent,
            turn,
            started_at: event.recorded_at,
            started_by: prompt.by.clone(),
            last_producer: ProducerSeq::ZERO,
            parts: Vec::new(),
            retries: 0,
            retry: None,
        });
        self.epoch = self.epoch.max(body.epoch);
        self.updated_at = event.recorded_at;
        if body.parent.is_none() {
            self.last_root = Some(body.run);
            self.last_prompt = Some(prompt);
        }
        Ok(())
    }

    pub(super) fn steer_consumed(
        &mut self,
        event: &Event,
        body: &SteerConsumedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        run.retry = None;
        let place = Place::of(run);
        for (n, prompt) in body.prompts.iter().enumerate() {
            let waiting = self.take(event, *prompt)?;
            self.fates
                .insert(*prompt, PromptFate::Taken { run: body.run });
            let row = prompt_row(event, n, place, &waiting, Steered::Yes);
            sink.change(RowChange::Insert(row));
        }
        Ok(())
    }

    pub(super) fn model_retry(
        &mut self,
        event: &Event,
        body: &ModelRetryEvent,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        run.retries = run.retries.max(body.attempt);
        run.retry = Some(RunRetry {
            until: TimestampMs(event.recorded_at.0.saturating_add(body.delay_ms.into())),
            reason: body.reason.clone(),
            message: body.message.clone(),
        });
        Ok(())
    }

    pub(super) fn run_ended(
        &mut self,
        event: &Event,
        body: &RunEndedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        let found = run.digest();
        if found != body.digest {
            return Err(FoldError::DigestMismatch {
                run: body.run,
                found,
                recorded: body.digest.clone(),
            });
        }
        let duration_ms = elapsed_ms(run.started_at, event.recorded_at);
        let end = RowBody::RunEnd {
            outcome: body.outcome.clone(),
            duration_ms,
            usage: body.usage.clone(),
            finish_reason: body.finish_reason.clone(),
            teardown: None,
        };
        let end = row(event, 0, Place::of(run), end);
        if let Some(record) = self.runs.get_mut(&body.run) {
            record.outcome = Some(body.outcome.clone());
            record.end_row = Some(end.id.clone());
            let is_cut = matches!(body.outcome, RunOutcome::Stopped { .. } | RunOutcome::Lost);
            record.host.take_if(|_| !is_cut);
        }
        self.active.retain(|active| active.run != body.run);
        self.updated_at = event.recorded_at;
        self.finished_seq = event.seq;
        if body.outcome == RunOutcome::Completed && self.last_root == Some(body.run) {
            self.last_prompt = None;
        }
        sink.change(RowChange::Insert(end));
        Ok(())
    }

    pub(super) fn teardown_reported(
        &mut self,
        body: &TeardownReportedEvent,
        sink: &mut dyn TranscriptSink,
    ) {
        let record = self.runs.get_mut(&body.run);
        let Some((record, id)) = record.and_then(|record| {
            let id = record.end_row.clone()?;
            Some((record, id))
        }) else {
            return;
        };
        record.host = None;
        let teardown = Teardown {
            tools_cancelled: body.tools_cancelled,
            still_running: body.still_running.clone(),
        };
        sink.change(RowChange::SetTeardown { id, teardown });
    }

    /// The run that this event writes to. Also advances the run's last producer seq.
    pub(super) fn writing_run(
        &mut self,
        event: &Event,
        run: RunId,
    ) -> Result<&mut ActiveRun, FoldError> {
        let active = self.active.iter_mut().find(|active| active.run == run);
        let active = active.ok_or(FoldError::RunNotActive {
            seq: event.seq,
            run,
        })?;
        active.last_producer = active.last_producer.max(event.producer.unwrap_or_default());
        Ok(active)
    }
}
