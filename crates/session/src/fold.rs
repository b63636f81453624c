//! `fold`: an event moves the state, and says what changes in the transcript.

use baton_protocol::view::{PartState, PromptState, RowBody, RowId, Teardown, TranscriptRow};
use baton_protocol::{
    Delivery, Event, EventBody, PartAppendedEvent, PartClosedEvent, PartIndex, PartKind,
    PartOpenedEvent, PartSealedEvent, PromptId, PromptMovedEvent, PromptRequeuedEvent,
    PromptSentEvent, RequeueReason, RunEndedEvent, RunId, RunOutcome, RunStartedEvent, Seq,
    SessionRenamedEvent, SteerConsumedEvent, TeardownReportedEvent, TitleSource, limits,
};

use crate::state::{
    ActiveRun, PartProgress, PromptFate, QueuePause, RunRecord, SessionState, Title, WaitingPrompt,
};
use crate::transcript::{RowChange, TranscriptSink};

/// The event does not continue this state: the log and the reader have diverged, and the reader starts again from the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Seqs only grow.
    #[error("event {seq} comes after {head}")]
    OutOfOrder {
        /// The event's.
        seq: Seq,
        /// The state's.
        head: Seq,
    },
    /// The event speaks of a run that is not on.
    #[error("event {seq} is about run `{run}`, which is not on")]
    RunNotActive {
        /// The event's.
        seq: Seq,
        /// The run.
        run: RunId,
    },
    /// The event speaks of a part that is not open, or opens one out of turn.
    #[error("event {seq} does not fit part {part} of run `{run}`")]
    PartMismatch {
        /// The event's.
        seq: Seq,
        /// The run.
        run: RunId,
        /// The part.
        part: PartIndex,
    },
    /// Text would be lost or doubled.
    #[error("event {seq} adds text at byte {offset} of a part that has {length}")]
    OffsetMismatch {
        /// The event's.
        seq: Seq,
        /// Where the text should begin.
        offset: u64,
        /// How long the part is.
        length: u64,
    },
    /// The event speaks of a prompt that does not wait.
    #[error("event {seq} is about prompt `{prompt}`, which does not wait")]
    PromptNotWaiting {
        /// The event's.
        seq: Seq,
        /// The prompt.
        prompt: PromptId,
    },
    /// The content is not what the log says it is.
    #[error("run `{run}` has the digest {found} here and {recorded} in the log")]
    DigestMismatch {
        /// The run.
        run: RunId,
        /// Of this state.
        found: String,
        /// Of the log.
        recorded: String,
    },
}

impl SessionState {
    /// Moves the state over one event.
    ///
    /// # Errors
    /// Where the event does not continue this state. The state is then of no use: fold anew from the log.
    pub fn apply(&mut self, event: &Event, sink: &mut dyn TranscriptSink) -> Result<(), FoldError> {
        if event.seq <= self.head {
            return Err(FoldError::OutOfOrder {
                seq: event.seq,
                head: self.head,
            });
        }
        match &event.body {
            EventBody::SessionCreated(body) => {
                self.created_at = event.recorded_at;
                self.updated_at = event.recorded_at;
                self.title = body.title.clone().map(|text| Title {
                    text,
                    source: TitleSource::Person,
                });
                self.created = Some(body.clone());
            }
            EventBody::SessionRenamed(body) => self.renamed(body),
            EventBody::PromptSent(body) => self.prompt_sent(event, body),
            EventBody::PromptEdited(body) => self
                .waiting_mut(event, body.prompt)?
                .text
                .clone_from(&body.text),
            EventBody::PromptWithdrawn(body) => {
                self.take(event, body.prompt)?;
                self.fates.insert(body.prompt, PromptFate::Withdrawn);
            }
            EventBody::PromptRequeued(body) => self.prompt_requeued(event, body),
            EventBody::PromptMoved(body) => self.prompt_moved(event, body)?,
            EventBody::QueuePaused(body) => {
                self.pause = Some(QueuePause {
                    reason: body.reason,
                    by: event.by.clone(),
                })
            }
            EventBody::QueueResumed(_) => self.pause = None,
            EventBody::RunStarted(body) => self.run_started(event, body, sink)?,
            EventBody::SteerConsumed(body) => self.steer_consumed(event, body, sink)?,
            EventBody::PartOpened(body) => self.part_opened(event, body, sink)?,
            EventBody::PartAppended(body) => self.part_appended(event, body, sink)?,
            EventBody::PartClosed(body) => self.part_closed(event, body, sink)?,
            EventBody::PartSealed(body) => self.part_sealed(event, body, sink)?,
            EventBody::RunEnded(body) => self.run_ended(event, body, sink)?,
            EventBody::TeardownReported(body) => self.teardown_reported(body, sink),
            EventBody::AccountOpened(_)
            | EventBody::DeviceLinked(_)
            | EventBody::DeviceRevoked(_)
            | EventBody::AgentsOffered(_)
            | EventBody::SessionSummarized(_)
            | EventBody::ReadMarked(_)
            | EventBody::Unknown(_) => {}
        }
        self.head = event.seq;
        Ok(())
    }

    fn renamed(&mut self, body: &SessionRenamedEvent) {
        self.title = Some(Title {
            text: body.title.clone(),
            source: body.source,
        });
    }

    fn prompt_sent(&mut self, event: &Event, body: &PromptSentEvent) {
        let waiting = WaitingPrompt {
            prompt: body.prompt,
            text: body.text.clone(),
            by: event.by.clone(),
            at: event.recorded_at,
            delivery: body.delivery,
            run: body.run,
            retry_of: None,
            bypasses_pause: body.delivery == Delivery::Interrupt,
        };
        if self.preview.is_empty() {
            self.preview = body.text.chars().take(limits::PREVIEW_CHARS_MAX).collect();
        }
        self.updated_at = event.recorded_at;
        match body.delivery {
            Delivery::Steer => self.steers.push(waiting),
            Delivery::Queue => self.queue.push(waiting),
            Delivery::Interrupt => self.queue.insert(0, waiting),
        }
    }

    fn prompt_requeued(&mut self, event: &Event, body: &PromptRequeuedEvent) {
        let waiting = self.take_waiting(body.prompt);
        let again = self
            .last_prompt
            .as_ref()
            .filter(|last| last.prompt == body.prompt);
        let (by, at) = waiting
            .as_ref()
            .or(again)
            .map_or((event.by.clone(), event.recorded_at), |known| {
                (known.by.clone(), known.at)
            });
        let retry_of = match body.reason {
            RequeueReason::Retry => self.last_root,
            RequeueReason::SteerMissed | RequeueReason::SentNow => {
                waiting.as_ref().and_then(|waiting| waiting.retry_of)
            }
        };
        self.fates.remove(&body.prompt);
        self.queue.insert(
            0,
            WaitingPrompt {
                prompt: body.prompt,
                text: body.text.clone(),
                by,
                at,
                delivery: Delivery::Queue,
                run: None,
                retry_of,
                bypasses_pause: body.reason != RequeueReason::SteerMissed,
            },
        );
    }

    fn prompt_moved(&mut self, event: &Event, body: &PromptMovedEvent) -> Result<(), FoldError> {
        let not_waiting = |prompt| FoldError::PromptNotWaiting {
            seq: event.seq,
            prompt,
        };
        let from = self
            .queue
            .iter()
            .position(|waiting| waiting.prompt == body.prompt)
            .ok_or(not_waiting(body.prompt))?;
        let moved = self.queue.remove(from);
        let to = match body.before {
            None => self.queue.len(),
            Some(before) => self
                .queue
                .iter()
                .position(|waiting| waiting.prompt == before)
                .ok_or(not_waiting(before))?,
        };
        self.queue.insert(to, moved);
        Ok(())
    }

    fn run_started(
        &mut self,
        event: &Event,
        body: &RunStartedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let prompt = self.take(event, body.prompt)?;
        if prompt.retry_of.is_none() {
            sink.change(RowChange::Insert(prompt_row(
                event,
                0,
                body.run,
                &prompt,
                Steered::No,
            )));
        }
        self.fates
            .insert(body.prompt, PromptFate::Taken { run: body.run });
        let record = RunRecord {
            prompt: body.prompt,
            runner: body.runner,
            parent: body.parent,
            outcome: None,
            end_row: None,
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
            started_at: event.recorded_at,
            started_by: prompt.by.clone(),
            last_producer: baton_protocol::ProducerSeq::ZERO,
            parts: Vec::new(),
        });
        self.epoch = self.epoch.max(body.epoch);
        self.updated_at = event.recorded_at;
        if body.parent.is_none() {
            self.last_root = Some(body.run);
            self.last_prompt = Some(prompt);
        }
        Ok(())
    }

    fn steer_consumed(
        &mut self,
        event: &Event,
        body: &SteerConsumedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        for (n, prompt) in body.prompts.iter().enumerate() {
            let waiting = self.take(event, *prompt)?;
            self.fates
                .insert(*prompt, PromptFate::Taken { run: body.run });
            sink.change(RowChange::Insert(prompt_row(
                event,
                n,
                body.run,
                &waiting,
                Steered::Yes,
            )));
        }
        self.writing_run(event, body.run).map(|_| ())
    }

    fn part_opened(
        &mut self,
        event: &Event,
        body: &PartOpenedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        if body.part.0 as usize != run.parts.len() {
            return Err(FoldError::PartMismatch {
                seq: event.seq,
                run: body.run,
                part: body.part,
            });
        }
        let row = row(event, 0, Some(body.run), part_body(&body.kind));
        run.parts.push(PartProgress {
            index: body.part,
            kind: body.kind.clone(),
            row: row.id.clone(),
            opened_at: event.recorded_at,
            text: String::new(),
            end: None,
            digest: None,
        });
        sink.change(RowChange::Insert(row));
        Ok(())
    }

    fn part_appended(
        &mut self,
        event: &Event,
        body: &PartAppendedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        let length = part.text.len() as u64;
        if body.offset != length {
            return Err(FoldError::OffsetMismatch {
                seq: event.seq,
                offset: body.offset,
                length,
            });
        }
        part.text.push_str(&body.text);
        sink.change(RowChange::AppendText {
            id: part.row.clone(),
            text: body.text.clone(),
        });
        Ok(())
    }

    fn part_closed(
        &mut self,
        event: &Event,
        body: &PartClosedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        part.close(body.end);
        let duration_ms = event.recorded_at.0 - part.opened_at.0;
        sink.change(RowChange::ClosePart {
            id: part.row.clone(),
            state: PartState::from(body.end),
            duration_ms,
        });
        Ok(())
    }

    fn part_sealed(
        &mut self,
        event: &Event,
        body: &PartSealedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        part.text.clone_from(&body.text);
        part.close(body.end);
        let (text, state) = (body.text.clone(), PartState::from(body.end));
        let duration_ms = event.recorded_at.0 - part.opened_at.0;
        sink.change(RowChange::SealPart {
            id: part.row.clone(),
            text,
            state,
            duration_ms,
        });
        Ok(())
    }

    fn run_ended(
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
        let duration_ms = event.recorded_at.0 - run.started_at.0;
        let end = RowBody::RunEnd {
            outcome: body.outcome.clone(),
            duration_ms,
            usage: body.usage.clone(),
            teardown: None,
        };
        let end = row(event, 0, Some(body.run), end);
        if let Some(record) = self.runs.get_mut(&body.run) {
            record.outcome = Some(body.outcome.clone());
            record.end_row = Some(end.id.clone());
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

    fn teardown_reported(&mut self, body: &TeardownReportedEvent, sink: &mut dyn TranscriptSink) {
        let Some(id) = self
            .runs
            .get(&body.run)
            .and_then(|record| record.end_row.clone())
        else {
            return;
        };
        let teardown = Teardown {
            tools_cancelled: body.tools_cancelled,
            still_running: body.still_running.clone(),
        };
        sink.change(RowChange::SetTeardown { id, teardown });
    }

    fn take(&mut self, event: &Event, prompt: PromptId) -> Result<WaitingPrompt, FoldError> {
        self.take_waiting(prompt)
            .ok_or(FoldError::PromptNotWaiting {
                seq: event.seq,
                prompt,
            })
    }

    fn waiting_mut(
        &mut self,
        event: &Event,
        prompt: PromptId,
    ) -> Result<&mut WaitingPrompt, FoldError> {
        let mut waiting = self.steers.iter_mut().chain(&mut self.queue);
        waiting
            .find(|waiting| waiting.prompt == prompt)
            .ok_or(FoldError::PromptNotWaiting {
                seq: event.seq,
                prompt,
            })
    }

    /// The run that the event writes for; notes how far its writer has come.
    fn writing_run(&mut self, event: &Event, run: RunId) -> Result<&mut ActiveRun, FoldError> {
        let active = self.active.iter_mut().find(|active| active.run == run);
        let active = active.ok_or(FoldError::RunNotActive {
            seq: event.seq,
            run,
        })?;
        active.last_producer = active.last_producer.max(event.producer.unwrap_or_default());
        Ok(active)
    }

    fn open_part(
        &mut self,
        event: &Event,
        run: RunId,
        part: PartIndex,
    ) -> Result<&mut PartProgress, FoldError> {
        let mismatch = FoldError::PartMismatch {
            seq: event.seq,
            run,
            part,
        };
        let active = self.writing_run(event, run)?;
        active
            .parts
            .get_mut(part.0 as usize)
            .filter(|part| part.end.is_none())
            .ok_or(mismatch)
    }
}

#[derive(Clone, Copy)]
enum Steered {
    Yes,
    No,
}

fn prompt_row(
    event: &Event,
    n: usize,
    run: RunId,
    waiting: &WaitingPrompt,
    steered: Steered,
) -> TranscriptRow {
    let body = RowBody::Prompt {
        prompt: waiting.prompt,
        text: waiting.text.clone(),
        by: waiting.by.clone(),
        steered: matches!(steered, Steered::Yes),
        state: PromptState::PickedUp,
    };
    row(event, n, Some(run), body)
}

fn part_body(kind: &PartKind) -> RowBody {
    match kind {
        PartKind::Text => RowBody::Text {
            text: String::new(),
            state: PartState::Open,
        },
        PartKind::Reasoning => RowBody::Reasoning {
            text: String::new(),
            state: PartState::Open,
            duration_ms: None,
        },
        PartKind::Unknown(raw) => {
            let tag = raw
                .get("type")
                .and_then(|tag| tag.as_str())
                .unwrap_or("unknown")
                .to_owned();
            RowBody::Unknown { tag }
        }
    }
}

fn row(event: &Event, n: usize, run: Option<RunId>, body: RowBody) -> TranscriptRow {
    let id = if n == 0 {
        event.seq.to_string()
    } else {
        format!("{}.{n}", event.seq)
    };
    TranscriptRow {
        id: RowId(id),
        seq: event.seq,
        at: event.recorded_at,
        run,
        body,
    }
}
