//! The runner's state machine, without IO. Frames, pieces of answers and the time go in; frames come out, and calls to models to begin
//! or to drop.
//!
//! Owns the runs that this process holds and the sessions that they belong to. Never touches a socket, a clock or a model.
//!
//! Invariants: for one assignment the model answers once, and once more for each steer taken in, however often the connection is lost;
//! a call is retried only while it has given nothing; every held run ends in the log, or its lease expires.

mod effect;
mod holding;
mod kept;
mod parts;
mod run;
mod session;
mod settling;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use baton_protocol::{
    AgentId, ClientFrame, ErrorCode, HubFrame, LogId, RunId, RunnerInstanceId, SessionId, limits,
};

use crate::limits::{MODEL_RETRY_MS_MIN, SESSIONS_KEPT_BYTES_MAX};
pub use effect::{AgentSpec, Effect, Taken};
use kept::KeptSessions;
pub use run::{CallId, ModelOutput};
use run::{HeldRun, Phase, RetryTerms};
use session::FollowedSession;

/// The runner's state, and the effects to carry out.
pub struct Core {
    instance: RunnerInstanceId,
    agents: BTreeMap<AgentId, AgentSpec>,
    sessions: BTreeMap<SessionId, FollowedSession>,
    kept: KeptSessions,
    runs: BTreeMap<RunId, HeldRun>,
    calls: BTreeMap<CallId, RunId>,
    next_call: CallId,
    /// Runs that may have sent what the hub could not read: they are written one at a time.
    suspects: BTreeSet<RunId>,
    is_connected: bool,
    records_retries: bool,
    retry_ms_min: u64,
    control: VecDeque<ClientFrame>,
    effects: Vec<Effect>,
}

impl Core {
    /// A core that holds no run.
    pub fn new(instance: RunnerInstanceId, agents: impl IntoIterator<Item = AgentSpec>) -> Self {
        Self {
            instance,
            agents: agents
                .into_iter()
                .map(|agent| (agent.description.id.clone(), agent))
                .collect(),
            sessions: BTreeMap::new(),
            kept: KeptSessions::new(SESSIONS_KEPT_BYTES_MAX),
            runs: BTreeMap::new(),
            calls: BTreeMap::new(),
            suspects: BTreeSet::new(),
            next_call: CallId(0),
            is_connected: false,
            records_retries: false,
            retry_ms_min: MODEL_RETRY_MS_MIN,
            control: VecDeque::new(),
            effects: Vec::new(),
        }
    }

    /// Keeps at most this many bytes of sessions in which it holds no run, instead of [`SESSIONS_KEPT_BYTES_MAX`].
    pub fn with_kept_bytes_max(self, bytes_max: usize) -> Self {
        Self {
            kept: KeptSessions::new(bytes_max),
            ..self
        }
    }

    /// Sets the first pause before a model is asked again, instead of [`MODEL_RETRY_MS_MIN`].
    pub fn with_retry_ms_min(self, retry_ms_min: u64) -> Self {
        Self {
            retry_ms_min,
            ..self
        }
    }

    /// Takes the effects to carry out, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Records the capabilities of the hub that welcomes this runner. Call it before [`connected`](Self::connected).
    pub fn hub_can(&mut self, capabilities: &[String]) {
        self.records_retries = capabilities
            .iter()
            .any(|capability| capability == limits::MODEL_RETRY_CAPABILITY);
    }

    /// The hub has welcomed a new connection.
    pub fn connected(&mut self, now: Instant) {
        self.is_connected = true;
        self.control.clear();
        self.control
            .extend(self.sessions.values_mut().map(FollowedSession::subscribe));
        for run in self.runs.values_mut() {
            if run.is_writing() {
                self.control.push_back(run.resume());
            }
        }
        self.report_teardowns(now);
    }

    /// The hub closes the connection because it could not read what this runner sent; [`Self::disconnected`] follows. A resend would fail
    /// every time, so the core ends the run that sent it, as soon as it knows which run that is: one that is a suspect since an earlier
    /// connection ended in this way, and that was the only one with writes in flight on this connection.
    pub fn unreadable(&mut self) {
        let on_line = self.runs.values().filter(|run| run.is_on_line());
        let on_line: Vec<RunId> = on_line.map(|run| run.run).collect();
        match on_line[..] {
            [alone] if self.suspects.contains(&alone) => {
                self.suspects.remove(&alone);
                if let Some(held) = self.runs.get_mut(&alone) {
                    held.give_up();
                }
            }
            _ => self.suspects.extend(on_line),
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.is_connected = false;
        self.control.clear();
        self.runs.values_mut().for_each(HeldRun::disconnected);
    }

    /// The runs that this process works for: the hub renews the leases of these, and of no others. Leaves out a run that was given up, so
    /// that it ends in the log, where a person sees it.
    pub fn held_runs(&self) -> impl Iterator<Item = RunId> {
        let held = self.runs.values().filter(|held| held.is_writing());
        held.map(|held| held.run)
    }

    /// Handles a frame from the hub.
    pub fn frame(&mut self, frame: HubFrame, now: Instant) {
        match frame {
            HubFrame::RunAssigned {
                session,
                run,
                epoch,
                seq,
            } => self.assigned(session, HeldRun::new(session, run, epoch, seq)),
            HubFrame::Batch(batch) => {
                if let LogId::Session(session) = batch.log {
                    self.batch(session, &batch, now);
                }
            }
            HubFrame::Snapshot(piece) => {
                if let LogId::Session(session) = piece.log {
                    self.snapshot(session, piece);
                }
            }
            HubFrame::Missing {
                log: LogId::Session(session),
                incarnation: None,
            } => self.forget_session(session, now),
            HubFrame::Missing {
                log: LogId::Session(session),
                incarnation: Some(_),
            } => self.start_over(session),
            HubFrame::RunAcked { run, producer } => {
                if let Some(held) = self.runs.get_mut(&run) {
                    let bytes = held.acked(producer, now);
                    if held.is_settled() {
                        self.suspects.remove(&run);
                    }
                    self.effects.push(Effect::Settled { run, bytes });
                    self.look(run, now);
                }
            }
            HubFrame::RunFenced { run, error } => self.refused(run, &error, now),
            HubFrame::Refused {
                log: Some(LogId::Session(session)),
                error,
                ..
            } => {
                let of_session = self.runs.values().filter(|held| held.session == session);
                let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
                // The hub refused the subscription: there may be room for it in a moment.
                let is_full = error.code == ErrorCode::TooLarge;
                runs.into_iter().for_each(|run| match is_full {
                    true => self.ask_again(run, now),
                    false => self.refused(run, &error, now),
                });
            }
            _ => {}
        }
        self.settle(now);
    }

    /// Handles the output of a call. Output of a call that has ended changes nothing. Returns whether it was taken.
    pub fn model(&mut self, call: CallId, output: ModelOutput, now: Instant) -> Taken {
        let held = self.calls.get(&call).and_then(|run| self.runs.get_mut(run));
        let Some(held) = held.filter(|held| held.call() == Some(call)) else {
            return Taken::No;
        };
        if output.is_last() {
            self.calls.remove(&call);
        }
        let terms = RetryTerms {
            are_recorded: self.records_retries,
            ms_min: self.retry_ms_min,
            chance: chance(self.instance, call),
        };
        held.model(output, terms, now);
        self.settle(now);
        Taken::Yes
    }

    /// Advances the time.
    pub fn tick(&mut self, now: Instant) {
        self.runs.values_mut().for_each(|held| held.tick(now));
        self.settle(now);
    }

    /// When [`tick`](Self::tick) or [`next_frame`](Self::next_frame) has something to do.
    pub fn wake_at(&self) -> Option<Instant> {
        let runs = self.runs.values().filter_map(|run| match run.phase {
            Phase::Reporting { until } => until,
            _ => run
                .due()
                .filter(|_| self.is_connected && self.may_write(run)),
        });
        let asked = self.runs.values().filter_map(HeldRun::asks_at);
        runs.chain(asked).chain(self.kept.expires_at()).min()
    }

    /// Takes the next frame to send now.
    pub fn next_frame(&mut self, now: Instant) -> Option<ClientFrame> {
        if !self.is_connected {
            return None;
        }
        if let Some(frame) = self.control.pop_front() {
            return Some(frame);
        }
        let due = self
            .runs
            .values()
            .filter(|run| self.may_write(run))
            .filter_map(|run| Some((run.due().filter(|due| *due <= now)?, run.run)));
        let (_, run) = due.min()?;
        let held = self.runs.get_mut(&run).expect("it was just there");
        if held.is_retrying() {
            // The hub may have refused the subscription; a second one is idempotent.
            self.control.extend(
                self.sessions
                    .get_mut(&held.session)
                    .map(FollowedSession::subscribe),
            );
        }
        Some(held.take_frame(now))
    }

    /// Whether a run may send: all may, unless the core is looking for the one that the hub cannot read.
    fn may_write(&self, run: &HeldRun) -> bool {
        let mut sought = self.suspects.iter().filter_map(|run| self.runs.get(run));
        let first = sought.find(|run| run.is_writing() && !run.is_settled());
        run.is_retrying() || first.is_none_or(|first| first.run == run.run)
    }

    /// Whether [`next_frame`](Self::next_frame) has a frame.
    pub fn has_frame(&self, now: Instant) -> bool {
        let is_due = |run: &HeldRun| self.may_write(run) && run.due().is_some_and(|due| due <= now);
        self.is_connected && (!self.control.is_empty() || self.runs.values().any(is_due))
    }
}

/// A deterministic number that differs between runners and between their calls.
fn chance(instance: RunnerInstanceId, call: CallId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (instance, call).hash(&mut hasher);
    hasher.finish()
}
