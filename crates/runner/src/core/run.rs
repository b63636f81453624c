//! One held run: from its assignment to its end in the log.
//!
//! The session's log decides what happens next, never what this runner believes: the runner calls the model when the log holds everything
//! that the call is about, and a run has ended when the log says so.

mod line;
mod retry;
mod usage;

use std::time::{Duration, Instant};

use baton_protocol::{
    Epoch, FinishReason, PartEnd, PartKind, PromptId, RunId, RunOutcome, RunWrite, Seq, SessionId,
};
use baton_session::ActiveRun;

use super::session::FollowedSession;
use super::writes::WriteQueue;
use crate::limits::{COALESCE_BYTES, COALESCE_MS};
use crate::provider::{ModelEnd, ModelEvent, RetryAdvice};
use line::Line;
pub(super) use retry::RetryTerms;
use retry::Tries;
use usage::UsageSum;

/// Names one call to a model, unique among all runs of this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u64);

/// The output of a call to a model.
pub enum ModelOutput {
    Event(ModelEvent),
    /// The call could not begin: the model has given nothing.
    NotBegun {
        /// For the person who asked.
        message: String,
        /// Whether and when to ask again.
        retry: Option<RetryAdvice>,
    },
    /// The answer broke off. The text is for the person who asked.
    Failed(String),
}

impl ModelOutput {
    /// Whether this is the call's last output.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Event(event) => matches!(event, ModelEvent::Done(_)),
            Self::NotBegun { .. } | Self::Failed(_) => true,
        }
    }
}

/// What a run needs from the core.
#[derive(PartialEq, Debug)]
pub(super) enum Want {
    Nothing,
    /// A call to the model, with the context as the log has it now.
    Call,
    Forget,
}

pub(super) struct HeldRun {
    pub session: SessionId,
    pub run: RunId,
    pub epoch: Epoch,
    /// The seq of its beginning in the log.
    seq: Seq,
    pub phase: Phase,
    line: Line,
    writes: WriteQueue,
    flush_at: Option<Instant>,
    flushed_at: Option<Instant>,
    usage: UsageSum,
    tries: Tries,
    /// The end of the pause between two calls: the model is not asked earlier.
    ask_at: Option<Instant>,
    /// When to ask the hub again after it refused writes for now.
    retry_at: Option<Instant>,
    /// The run got out of step with the log before; the second time, the run is given up.
    was_broken: bool,
}

/// How far the run has come.
pub(super) enum Phase {
    /// No call is active: before the first one, at a steer, or before a retry.
    Between { steer: Option<Steer> },
    /// The model is answering.
    Generating { call: CallId },
    /// The end is on its way to the log.
    Ending,
    /// The log and this runner are out of step: once the hub says how far it got, the run ends as failed.
    Broken,
    /// Nothing can be written any more; the log will say why.
    Fenced,
    /// The log has the run's end, and its host has yet to report the teardown.
    Reporting { until: Option<Instant> },
}

/// Steering prompts on their way into the run.
pub(super) struct Steer {
    prompts: Vec<PromptId>,
    /// One of them no longer waits: the log will say which.
    refused: bool,
}

impl HeldRun {
    pub fn new(session: SessionId, run: RunId, epoch: Epoch, seq: Seq) -> Self {
        Self {
            session,
            run,
            epoch,
            seq,
            phase: Phase::Between { steer: None },
            line: Line::Live,
            writes: WriteQueue::default(),
            flush_at: None,
            flushed_at: None,
            usage: UsageSum::default(),
            tries: Tries::default(),
            ask_at: None,
            retry_at: None,
            was_broken: false,
        }
    }

    /// The session's log was replaced: what this run wrote may be missing from the new log, and the new log may hold what this run did not
    /// write. Resets everything except the run's identity.
    pub fn start_over(&mut self) {
        *self = Self::new(self.session, self.run, self.epoch, self.seq);
    }

    /// The active call.
    pub fn call(&self) -> Option<CallId> {
        match self.phase {
            Phase::Generating { call } => Some(call),
            _ => None,
        }
    }

    /// Records that a call was made for the run.
    pub fn called(&mut self, call: CallId) {
        self.usage.calls += 1;
        self.phase = Phase::Generating { call };
    }

    /// Whether the run may still write.
    pub fn is_writing(&self) -> bool {
        !matches!(self.phase, Phase::Fenced | Phase::Reporting { .. })
    }

    /// Ends the run as failed.
    pub fn fail(&mut self, message: String, now: Instant) {
        self.end(Err(message), now);
    }

    /// Looks at the log and says what to do. A change of the phase drops an active call that is no longer wanted.
    /// While the log is still being read, only an end is final: anything else it says about the run may be out of date.
    pub fn look(&mut self, followed: &FollowedSession, now: Instant) -> Want {
        let state = &followed.state;
        let Some(record) = state.run_record(self.run) else {
            // A log that continues past the run's beginning without the run is another log.
            let is_gone = state.head() >= self.seq;
            return if is_gone { Want::Forget } else { Want::Nothing };
        };
        if let Some(outcome) = &record.outcome {
            return self.ended(outcome);
        }
        let Some(active) = state.active_run(self.run) else {
            return Want::Nothing;
        };
        self.tries.follow(active.retries);
        if !followed.is_at_head()
            || !matches!(self.phase, Phase::Between { .. } | Phase::Generating { .. })
        {
            return Want::Nothing;
        }
        if self.writes.last() < active.last_producer {
            return self.break_off(now);
        }
        let waiting: Vec<PromptId> = state
            .steers()
            .iter()
            .filter(|steer| steer.may_be_taken_by(self.run))
            .map(|steer| steer.prompt)
            .collect();
        if let Phase::Between { steer: Some(steer) } = &self.phase {
            let is_settled = match steer.refused {
                true => !steer.prompts.iter().all(|prompt| waiting.contains(prompt)),
                false => self.log_has_all(active),
            };
            if !is_settled {
                return Want::Nothing;
            }
            self.phase = Phase::Between { steer: None };
        }
        if !waiting.is_empty() {
            self.take_in(waiting, now);
            return Want::Nothing;
        }
        match self.phase {
            Phase::Between { .. } if self.may_ask(active, now) => Want::Call,
            _ => Want::Nothing,
        }
    }

    /// Whether the log has everything that a call is about, and no pause is left.
    fn may_ask(&self, active: &ActiveRun, now: Instant) -> bool {
        let is_time = self.ask_at.is_none_or(|at| at <= now);
        is_time && self.log_has_all(active) && active.epoch == self.epoch
    }

    /// Whether the folded log has everything that this run ever wrote.
    fn log_has_all(&self, active: &ActiveRun) -> bool {
        self.writes.is_empty() && active.last_producer >= self.writes.last()
    }

    /// The log has more of this run than was written here. The runner cannot continue that answer, and the hub would take the writes of a
    /// new answer for known ones: the run ends, and the person may try again.
    fn break_off(&mut self, now: Instant) -> Want {
        self.was_broken = true;
        self.phase = Phase::Broken;
        self.line = Line::Resuming;
        self.retry_at = Some(now);
        Want::Nothing
    }

    fn ended(&mut self, outcome: &RunOutcome) -> Want {
        if matches!(self.phase, Phase::Reporting { .. }) {
            return Want::Nothing;
        }
        self.writes = WriteQueue::default();
        self.flush_at = None;
        match outcome {
            RunOutcome::Completed | RunOutcome::Failed { .. } => Want::Forget,
            RunOutcome::Stopped { .. } | RunOutcome::Lost => {
                self.phase = Phase::Reporting { until: None };
                Want::Nothing
            }
        }
    }

    /// Cuts the answer, and asks the log to take these steers into the run.
    fn take_in(&mut self, prompts: Vec<PromptId>, now: Instant) {
        self.writes.close_part(PartEnd::Interrupted);
        self.writes.push(RunWrite::ConsumeSteer {
            prompts: prompts.clone(),
        });
        self.tries.begin_call();
        self.ask_at = None;
        self.phase = Phase::Between {
            steer: Some(Steer {
                prompts,
                refused: false,
            }),
        };
        self.flush_at = Some(now);
    }

    /// Takes output of the active call.
    pub fn model(&mut self, output: ModelOutput, terms: RetryTerms, now: Instant) {
        match output {
            ModelOutput::Event(ModelEvent::Text(text)) => {
                self.add_text(&PartKind::Text, &text, now)
            }
            ModelOutput::Event(ModelEvent::Reasoning(text)) => {
                self.add_text(&PartKind::Reasoning, &text, now)
            }
            ModelOutput::Event(ModelEvent::Usage(usage)) => self.usage.add(usage),
            ModelOutput::Event(ModelEvent::Done(end)) => {
                self.writes.close_part(PartEnd::Complete);
                self.end(Ok(end), now);
            }
            ModelOutput::NotBegun { message, retry } => {
                self.gave_nothing(message, retry, terms, now);
            }
            ModelOutput::Failed(message) => self.end(Err(message), now),
        }
    }

    fn add_text(&mut self, kind: &PartKind, text: &str, now: Instant) {
        self.writes.text(kind, text);
        let earliest = self
            .flushed_at
            .map_or(now, |last| last + Duration::from_millis(COALESCE_MS));
        let due = if self.writes.waiting_bytes() >= COALESCE_BYTES {
            now
        } else {
            earliest.max(now)
        };
        self.flush_at = Some(self.flush_at.map_or(due, |set| set.min(due)));
    }

    fn end(&mut self, end: Result<ModelEnd, String>, now: Instant) {
        let (finish_reason, failure) = match end {
            Ok(end) => (finish_reason(end), None),
            Err(message) => (None, Some(message)),
        };
        self.writes.push(RunWrite::EndRun {
            failure,
            usage: self.usage.told(),
            finish_reason,
        });
        self.phase = Phase::Ending;
        self.flush_at = Some(now);
    }
}

/// The finish reason for the log; `None` if the model said everything.
fn finish_reason(end: ModelEnd) -> Option<FinishReason> {
    match end {
        ModelEnd::Whole => None,
        ModelEnd::LengthLimit => Some(FinishReason::LengthLimit),
        ModelEnd::ContentFilter => Some(FinishReason::ContentFilter),
        ModelEnd::Refusal => Some(FinishReason::Refusal),
    }
}
