//! Runners' writes, and the hub's own steps for runs.

use baton_protocol::{
    AgentId, ApprovalRequestedEvent, CommandEffect, Epoch, ErrorBody, ErrorCode, Event, EventBody,
    FinishReason, ModelRetryEvent, PartAppendedEvent, PartClosedEvent, PartIndex, PartKind,
    PartOpenedEvent, PauseReason, Principal, ProducerSeq, PromptId, PromptRequeuedEvent,
    RequeueReason, RunId, RunOutcome, RunStartedEvent, RunWrite, RunWriteEntry, RunnerId,
    RunnerInstanceId, SteerConsumedEvent, TeardownReportedEvent, TimestampMs, Usage, limits,
};

use super::end_run::{AfterEnd, Ending};
use super::{Intent, approval, by_hub, child, model_retry};
use crate::new_event::{Decision, NewEvent};
use crate::state::{ActiveRun, SessionState, StandingApproval};
use crate::transcript::NoTranscript;

/// Starts the run of the next prompt on a runner. Empty if no prompt may start.
pub fn start_run(
    state: &SessionState,
    run: RunId,
    agent: AgentId,
    runner: RunnerId,
    instance: RunnerInstanceId,
) -> Vec<NewEvent> {
    let Some(prompt) = state.next_prompt() else {
        return Vec::new();
    };
    let epoch = state.epoch.next();
    let started = RunStartedEvent {
        run,
        prompt: prompt.prompt,
        agent,
        runner,
        instance,
        epoch,
        parent: None,
    };
    vec![by_hub(EventBody::RunStarted(started))]
}

/// Ends a run whose host went away. Empty if the run is not active.
pub fn lose_run(state: &SessionState, run: RunId) -> Vec<NewEvent> {
    let Some(active) = state.active_run(run) else {
        return Vec::new();
    };
    let after = AfterEnd::Pause(PauseReason::Lost);
    Ending::of(state, &[active], RunOutcome::Lost, after).events(&[active], &by_hub)
}

/// Records a runner's teardown report for a run that was stopped from outside. Empty if the run is another process's, still active, or
/// reported already, and if the report lists more than [`limits::TOOLS_STILL_RUNNING_MAX`] tools.
pub fn report_teardown(
    state: &SessionState,
    run: RunId,
    writer: RunnerId,
    instance: RunnerInstanceId,
    tools_cancelled: u32,
    still_running: Vec<String>,
) -> Vec<NewEvent> {
    let is_awaited = state.runs.get(&run).is_some_and(|record| {
        record.runner == writer && record.outcome.is_some() && record.host == Some(instance)
    });
    if !is_awaited || still_running.len() > limits::TOOLS_STILL_RUNNING_MAX {
        return Vec::new();
    }
    let by = Principal::Runner {
        runner: writer,
        agent: None,
    };
    let body = EventBody::TeardownReported(TeardownReportedEvent {
        run,
        tools_cancelled,
        still_running,
    });
    vec![NewEvent {
        by,
        command: None,
        producer: None,
        recorded_at: None,
        body,
    }]
}

pub(super) fn retry(
    state: &SessionState,
    intent: &Intent<'_>,
    run: RunId,
) -> Result<Decision, ErrorBody> {
    let Some(record) = state.runs.get(&run) else {
        return Err(ErrorCode::RunNotFound.with(
            "there is no such run in this session",
            "look at the session again",
        ));
    };
    let not_retryable =
        |message: &str, hint: &str| Err(ErrorCode::RunNotRetryable.with(message, hint));
    match &record.outcome {
        None => return not_retryable("this run is still on", "stop it first"),
        Some(RunOutcome::Completed) => {
            return not_retryable("this run has completed", "send the prompt again");
        }
        Some(_) => {}
    }
    let prompt = match &state.last_prompt {
        Some(prompt) if state.last_root == Some(run) => prompt,
        _ => {
            return not_retryable(
                "another run has come after this one",
                "send the prompt again",
            );
        }
    };
    if state.waiting(prompt.prompt).is_some() {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let requeued = PromptRequeuedEvent {
        prompt: prompt.prompt,
        text: prompt.text.clone(),
        reason: RequeueReason::Retry,
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::PromptRequeued(requeued))],
    ))
}

/// Decides a frame of a runner's writes. Returns events for the writes that the log does not have yet. `always` are the account's
/// standing approvals.
///
/// # Errors
/// `lease_fenced` if the run has ended or another lease holds it, `producer_gap` if earlier writes are missing, `invalid_run_write` if a
/// write does not fit. Then nothing of the frame is recorded.
pub fn decide_run_write(
    state: &SessionState,
    run: RunId,
    epoch: Epoch,
    writer: RunnerId,
    entries: &[RunWriteEntry],
    always: &[StandingApproval],
) -> Result<Vec<NewEvent>, ErrorBody> {
    let active = state
        .active_run(run)
        .filter(|active| active.runner == writer && active.epoch == epoch);
    let Some(active) = active else {
        return Err(ErrorCode::LeaseFenced.with(
            format!("run `{run}` is not held by this lease any more"),
            "stop writing for it",
        ));
    };
    let new = entries
        .iter()
        .skip_while(|entry| entry.producer <= active.last_producer);
    let mut writer = RunWriter {
        known: state,
        state: state.scratch(active, entries),
        root_goes_on: state.root_run().is_some_and(|root| root.run != run),
        run,
        agent: active.agent.clone(),
        always,
        events: Vec::new(),
    };
    let mut expected = active.last_producer;
    for entry in new {
        expected = expected.next();
        if entry.producer != expected {
            let message = format!("write {} came where {expected} was next", entry.producer);
            return Err(ErrorCode::ProducerGap
                .with(message, "ask how far the hub got, and go on from there"));
        }
        writer.write(entry)?;
    }
    Ok(writer.events)
}

/// Folds each write into a scratch state without texts, so that the next write of the frame is judged against it.
struct RunWriter<'a> {
    /// The whole session, before the frame.
    known: &'a SessionState,
    /// The run and the waiting prompts, with the frame's earlier writes.
    state: SessionState,
    /// Whether the session's root run is active and is not this run.
    root_goes_on: bool,
    run: RunId,
    agent: AgentId,
    always: &'a [StandingApproval],
    events: Vec<NewEvent>,
}

impl RunWriter<'_> {
    fn write(&mut self, entry: &RunWriteEntry) -> Result<(), ErrorBody> {
        let events = self.judge(entry)?;
        self.record(events)
    }

    /// The events of one write.
    fn judge(&self, entry: &RunWriteEntry) -> Result<Vec<NewEvent>, ErrorBody> {
        let run = self.run;
        let Some(active) = self.state.active_run(run) else {
            return Err(invalid("a write stands behind the end of the run"));
        };
        let events = match &entry.write {
            RunWrite::OpenPart { part, kind } => vec![open(active, *part, kind)?],
            RunWrite::AppendText { part, offset, text } => {
                vec![append(active, *part, *offset, text)?]
            }
            RunWrite::ClosePart { part, end } => vec![EventBody::PartClosed(PartClosedEvent {
                run,
                part: *part,
                end: *end,
            })],
            RunWrite::ConsumeSteer { prompts } => vec![self.consume_steer(prompts)?],
            RunWrite::StartChild {
                run,
                prompt,
                agent,
                task,
            } => {
                let task = child::Task {
                    run: *run,
                    prompt: *prompt,
                    agent,
                    task,
                };
                child::start(self.known, &self.state, active, &task)
                    .map_err(invalid)?
                    .into()
            }
            RunWrite::RequestApproval {
                approval,
                call,
                wanted,
                pattern,
                place,
                reason,
            } => {
                let asked = ApprovalRequestedEvent {
                    approval: *approval,
                    run,
                    call: call.clone(),
                    wanted: wanted.clone(),
                    pattern: pattern.clone(),
                    place: place.clone(),
                    reason: reason.clone(),
                    digest: String::new(),
                };
                return self.ask(active, asked, entry.producer);
            }
            RunWrite::ReportRetry {
                attempt,
                delay_ms,
                reason,
                message,
            } => {
                let retry = ModelRetryEvent {
                    run,
                    attempt: *attempt,
                    delay_ms: *delay_ms,
                    reason: reason.clone(),
                    message: message.clone(),
                };
                vec![model_retry::model_retry(active, retry).map_err(invalid)?]
            }
            RunWrite::EndRun {
                failure,
                usage,
                finish_reason,
            } => {
                let (failure, reason) = (failure.as_deref(), finish_reason.clone());
                model_retry::check_finish(failure, reason.as_ref()).map_err(invalid)?;
                let used = (usage.clone(), reason);
                return Ok(self.end(active, failure, used, entry.producer));
            }
        };
        let events = events.into_iter();
        let event = |body| self.event(active, entry.producer, body);
        Ok(events.map(event).collect())
    }

    fn ask(
        &self,
        active: &ActiveRun,
        asked: ApprovalRequestedEvent,
        producer: ProducerSeq,
    ) -> Result<Vec<NewEvent>, ErrorBody> {
        let event = |body| self.event(active, producer, body);
        let events = approval::request(self.known, &self.state, self.always, asked, &event);
        events.map_err(invalid)
    }

    fn end(
        &self,
        active: &ActiveRun,
        failure: Option<&str>,
        (usage, finish_reason): (Option<Usage>, Option<FinishReason>),
        producer: ProducerSeq,
    ) -> Vec<NewEvent> {
        let (outcome, after) = match failure {
            None => (RunOutcome::Completed, AfterEnd::GoOn),
            Some(message) => (
                RunOutcome::Failed {
                    message: message.to_owned(),
                },
                AfterEnd::Pause(PauseReason::Failed),
            ),
        };
        let event = |body: EventBody| self.event(active, producer, body);
        let ending = Ending {
            state: &self.state,
            root_goes_on: self.root_goes_on,
            outcome,
            usage,
            finish_reason,
            after,
        };
        ending.events(&[active], &event)
    }

    fn consume_steer(&self, prompts: &[PromptId]) -> Result<EventBody, ErrorBody> {
        let steers = &self.state.steers;
        let waits = |prompt: &PromptId| {
            steers
                .iter()
                .any(|steer| steer.prompt == *prompt && steer.may_be_taken_by(self.run))
        };
        if prompts.is_empty() || !prompts.iter().all(waits) {
            return Err(invalid(
                "a steer does not wait for this run any more, or a device edits it",
            ));
        }
        Ok(EventBody::SteerConsumed(SteerConsumedEvent {
            run: self.run,
            prompts: prompts.to_vec(),
        }))
    }

    fn event(&self, active: &ActiveRun, producer: ProducerSeq, body: EventBody) -> NewEvent {
        let speaks_for_hub = matches!(
            body,
            EventBody::PromptRequeued(_)
                | EventBody::PromptWithdrawn(_)
                | EventBody::QueuePaused(_)
                | EventBody::SessionRenamed(_)
        );
        let by = if speaks_for_hub {
            Principal::Hub
        } else {
            Principal::Runner {
                runner: active.runner,
                agent: Some(self.agent.clone()),
            }
        };
        NewEvent {
            by,
            command: None,
            producer: Some(producer),
            recorded_at: None,
            body,
        }
    }

    fn record(&mut self, events: Vec<NewEvent>) -> Result<(), ErrorBody> {
        for event in events {
            let recorded: Event = event
                .clone()
                .at(self.state.head().next(), TimestampMs::default());
            self.state
                .apply(&recorded, &mut NoTranscript)
                .map_err(|error| invalid(&error.to_string()))?;
            self.events.push(event);
        }
        Ok(())
    }
}

/// Opens the run's next part, if its kind is within the limits.
fn open(active: &ActiveRun, part: PartIndex, kind: &PartKind) -> Result<EventBody, ErrorBody> {
    if active.parts.len() >= limits::PARTS_PER_RUN_MAX {
        return Err(invalid("the run has as many parts as it may"));
    }
    let bytes = serde_json::to_string(kind).map_or(usize::MAX, |json| json.len());
    if bytes > limits::PART_KIND_BYTES_MAX {
        return Err(invalid("a part's kind is longer than its limit"));
    }
    Ok(EventBody::PartOpened(PartOpenedEvent {
        run: active.run,
        part,
        kind: kind.clone(),
    }))
}

/// Appends text to a part, if it is within the limits.
fn append(
    active: &ActiveRun,
    part: PartIndex,
    offset: u64,
    text: &str,
) -> Result<EventBody, ErrorBody> {
    if text.is_empty() {
        return Err(invalid("an append has no text"));
    }
    if text.len() > limits::APPEND_TEXT_BYTES_MAX {
        return Err(invalid("an append is longer than its limit: split it"));
    }
    let length = active
        .parts
        .get(part.0 as usize)
        .map_or(0, |part| part.text.len());
    if length + text.len() > limits::PART_TEXT_BYTES_MAX {
        return Err(invalid(
            "the part is as long as it may be: close it and open the next",
        ));
    }
    Ok(EventBody::PartAppended(PartAppendedEvent {
        run: active.run,
        part,
        offset,
        text: text.to_owned(),
    }))
}

fn invalid(message: &str) -> ErrorBody {
    ErrorCode::InvalidRunWrite.with(
        message,
        "the runner is out of step with the log: resume the run",
    )
}
