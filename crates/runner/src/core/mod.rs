//! What a runner does, without IO: frames, pieces of answers and the time go in; frames, calls to models and their ends come out.
//!
//! Owns the runs that this process holds and the sessions that they belong to. Never: a socket, a clock, a model.
//!
//! Invariants: for one assignment the model is called once, and once more for each steer that was taken in, however often the
//! connection is lost; every run that is held ends in the log, or its lease is over.

mod effect;
mod parts;
mod run;
mod session;
mod writes;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use baton_protocol::{
    AgentId, ClientFrame, ErrorBody, ErrorCode, HubFrame, LogId, RunId, RunnerInstanceId, SessionId,
};

use baton_session::ActiveRun;

use crate::context;
use crate::limits::{RUNS_SIDE_BY_SIDE_MAX, TEARDOWN_WAIT_MS, WRITE_RETRY_MS};
use crate::provider::{ModelEvent, ModelRequest};
pub use effect::{AgentSpec, Effect, Taken};
pub use run::{CallId, ModelOutput};
use run::{HeldRun, Phase, Want};
use session::{Followed, FollowedSession};

/// The runner.
pub struct Core {
    instance: RunnerInstanceId,
    agents: BTreeMap<AgentId, AgentSpec>,
    sessions: BTreeMap<SessionId, FollowedSession>,
    runs: BTreeMap<RunId, HeldRun>,
    calls: BTreeMap<CallId, RunId>,
    next_call: CallId,
    is_connected: bool,
    control: VecDeque<ClientFrame>,
    effects: Vec<Effect>,
}

impl Core {
    /// Holds nothing.
    pub fn new(instance: RunnerInstanceId, agents: impl IntoIterator<Item = AgentSpec>) -> Self {
        Self {
            instance,
            agents: agents
                .into_iter()
                .map(|agent| (agent.description.id.clone(), agent))
                .collect(),
            sessions: BTreeMap::new(),
            runs: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: CallId(0),
            is_connected: false,
            control: VecDeque::new(),
            effects: Vec::new(),
        }
    }

    /// What is to be done, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The hub has welcomed a new connection.
    pub fn connected(&mut self, now: Instant) {
        self.is_connected = true;
        self.control.clear();
        self.control
            .extend(self.sessions.values().map(FollowedSession::subscribe));
        for run in self.runs.values_mut() {
            if run.is_writing() {
                self.control.push_back(run.resume());
            }
        }
        self.report_teardowns(now);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.is_connected = false;
        self.control.clear();
        self.runs.values_mut().for_each(HeldRun::disconnected);
    }

    /// The hub said something.
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
            HubFrame::Missing {
                log: LogId::Session(session),
                incarnation: None,
            } => self.forget_session(session),
            HubFrame::Missing {
                log: LogId::Session(session),
                incarnation: Some(_),
            } => self.start_over(session),
            HubFrame::RunAcked { run, producer } => {
                if let Some(held) = self.runs.get_mut(&run) {
                    let bytes = held.acked(producer, now);
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
                runs.into_iter()
                    .for_each(|run| self.refused(run, &error, now));
            }
            _ => {}
        }
        self.settle(now);
    }

    /// A call gave something. What comes from a call that is over changes nothing. Says whether it was taken.
    pub fn model(&mut self, call: CallId, output: ModelOutput, now: Instant) -> Taken {
        let held = self.calls.get(&call).and_then(|run| self.runs.get_mut(run));
        let Some(held) = held.filter(|held| held.call() == Some(call)) else {
            return Taken::No;
        };
        if matches!(
            output,
            ModelOutput::Failed(_) | ModelOutput::Event(ModelEvent::Done)
        ) {
            self.calls.remove(&call);
        }
        held.model(output, now);
        self.settle(now);
        Taken::Yes
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.settle(now);
    }

    /// When [`tick`](Self::tick) or [`next_frame`](Self::next_frame) has something to do.
    pub fn wake_at(&self) -> Option<Instant> {
        let runs = self.runs.values().filter_map(|run| match run.phase {
            Phase::Reporting { until } => until,
            _ => run.due().filter(|_| self.is_connected),
        });
        runs.min()
    }

    /// The frame that is to be sent now.
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
            .filter_map(|run| Some((run.due().filter(|due| *due <= now)?, run.run)));
        let (_, run) = due.min()?;
        let held = self.runs.get_mut(&run).expect("it was just there");
        if held.is_retrying() {
            // What was refused may have been the subscription: a second one changes nothing.
            self.control.extend(
                self.sessions
                    .get(&held.session)
                    .map(FollowedSession::subscribe),
            );
        }
        Some(held.take_frame(now))
    }

    /// Whether [`next_frame`](Self::next_frame) has one.
    pub fn has_frame(&self, now: Instant) -> bool {
        let is_due = |run: &HeldRun| run.due().is_some_and(|due| due <= now);
        self.is_connected && (!self.control.is_empty() || self.runs.values().any(is_due))
    }

    fn assigned(&mut self, session: SessionId, held: HeldRun) {
        if self.runs.contains_key(&held.run) {
            return;
        }
        self.runs.insert(held.run, held);
        if !self.sessions.contains_key(&session) {
            let followed = FollowedSession::new(session);
            self.control.push_back(followed.subscribe());
            self.sessions.insert(session, followed);
        }
    }

    fn batch(&mut self, session: SessionId, batch: &baton_protocol::Batch, now: Instant) {
        let Some(followed) = self.sessions.get_mut(&session) else {
            return;
        };
        match followed.apply(batch) {
            Followed::Known => {}
            Followed::Gap => {
                let frame = followed.subscribe();
                self.control.push_back(frame);
            }
            Followed::Moved { reported } => {
                if batch.upto >= batch.head {
                    self.take_up(session);
                }
                self.look_at_session(session, now);
                reported.into_iter().for_each(|run| self.reported(run));
            }
            Followed::Replaced => self.start_over(session),
            Followed::Unreadable(error) => {
                tracing::error!(session.id = %session, %error, "a session's log cannot be folded");
                let message = "the session's history cannot be read by this runner: update it";
                let held = self
                    .runs
                    .values_mut()
                    .filter(|held| held.session == session && held.is_writing());
                held.for_each(|held| held.fail(message.to_owned(), now));
            }
        }
    }

    fn refused(&mut self, run: RunId, error: &ErrorBody, now: Instant) {
        let Some(held) = self.runs.get_mut(&run).filter(|held| held.is_writing()) else {
            return;
        };
        tracing::warn!(run.id = %run, code = error.code.as_str(), "a write was refused");
        match error.code {
            ErrorCode::InvalidRunWrite => held.refused(false, now),
            code if code.is_retryable() => {
                let pause = if code == ErrorCode::ProducerGap {
                    0
                } else {
                    WRITE_RETRY_MS
                };
                held.refused(true, now + Duration::from_millis(pause));
            }
            _ => held.fenced(),
        }
        self.look(run, now);
    }

    fn look_at_session(&mut self, session: SessionId, now: Instant) {
        let of_session = self.runs.values().filter(|held| held.session == session);
        let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
        runs.into_iter().for_each(|run| self.look(run, now));
    }

    /// Lets a run do what the log wants of it.
    fn look(&mut self, run: RunId, now: Instant) {
        let Some(held) = self.runs.get_mut(&run) else {
            return;
        };
        let Some(followed) = self.sessions.get(&held.session) else {
            return;
        };
        let is_ours = |active: &ActiveRun| active.instance == self.instance;
        if !followed.state.active_run(run).is_none_or(is_ours) {
            // An earlier start of this runner began it, and what that one knew is gone.
            return self.forget(run);
        }
        match held.look(&followed.state, now) {
            Want::Nothing => {}
            Want::Forget => self.forget(run),
            Want::Call if self.calls.len() >= RUNS_SIDE_BY_SIDE_MAX => {}
            Want::Call => self.call(run, now),
        }
    }

    fn call(&mut self, run: RunId, now: Instant) {
        let held = self.runs.get_mut(&run).expect("its caller has it");
        let followed = &self.sessions[&held.session];
        let active = followed.state.active_run(run);
        let agent = active.and_then(|active| self.agents.get(&active.agent));
        let (Some(active), Some(agent)) = (active, agent) else {
            return held.fail("this runner does not host that agent".to_owned(), now);
        };
        let request = ModelRequest {
            prompt: active.prompt,
            model: agent.description.model.clone(),
            messages: context::messages(
                &followed.transcript,
                &followed.state,
                run,
                &agent.system_prompt,
                agent.context_chars_max,
            ),
        };
        let call = self.next_call;
        self.next_call = CallId(call.0 + 1);
        held.called(call);
        let session = held.session;
        self.calls.insert(call, run);
        self.effects.push(Effect::Call {
            call,
            session,
            run,
            agent: agent.description.id.clone(),
            request,
        });
    }

    fn forget(&mut self, run: RunId) {
        if let Some(held) = self.runs.remove(&run) {
            self.effects.push(Effect::Forgotten { run });
            let session = held.session;
            if !self.runs.values().any(|other| other.session == session)
                && let Some(followed) = self.sessions.remove(&session)
            {
                self.control.push_back(followed.unsubscribe());
            }
        }
    }

    fn forget_session(&mut self, session: SessionId) {
        let of_session = self.runs.values().filter(|held| held.session == session);
        let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
        runs.into_iter().for_each(|run| self.forget(run));
    }

    /// The log is another one under the same name. The hub may have told of runs in it already, so those that are held stay, without
    /// anything that was known of them.
    fn start_over(&mut self, session: SessionId) {
        let Some(followed) = self.sessions.get_mut(&session) else {
            return;
        };
        *followed = FollowedSession::new(session);
        self.control.push_back(followed.subscribe());
        let held = self.runs.values_mut();
        held.filter(|held| held.session == session)
            .for_each(HeldRun::start_over);
    }

    /// A run of this very process that is on at the log's head is held, whatever became of its assignment: one that came before a
    /// restored log was read looked like one of a run that is over.
    fn take_up(&mut self, session: SessionId) {
        let Some(followed) = self.sessions.get(&session) else {
            return;
        };
        let head = followed.state.head();
        let ours = followed
            .state
            .active_runs()
            .filter(|active| active.instance == self.instance);
        for active in ours {
            let held = || HeldRun::new(session, active.run, active.epoch, head);
            self.runs.entry(active.run).or_insert_with(held);
        }
    }

    fn reported(&mut self, run: RunId) {
        if self
            .runs
            .get(&run)
            .is_some_and(|held| matches!(held.phase, Phase::Reporting { .. }))
        {
            self.forget(run);
        }
    }

    /// What follows from any change: calls that nobody wants are dropped, then stopped runs are reported, then others may begin.
    fn settle(&mut self, now: Instant) {
        let runs = &self.runs;
        let unwanted =
            |call: &CallId, run: &RunId| runs.get(run).and_then(HeldRun::call) != Some(*call);
        let dropped: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(call, run)| unwanted(call, run))
            .map(|(call, _)| *call)
            .collect();
        for call in &dropped {
            self.calls.remove(call);
            self.effects.push(Effect::Drop { call: *call });
        }
        self.report_teardowns(now);
        if self.calls.len() < RUNS_SIDE_BY_SIDE_MAX {
            let between = self
                .runs
                .values()
                .filter(|held| matches!(held.phase, Phase::Between { .. }));
            let runs: Vec<RunId> = between.map(|held| held.run).collect();
            runs.into_iter().for_each(|run| self.look(run, now));
        }
    }

    fn report_teardowns(&mut self, now: Instant) {
        let mut over = Vec::new();
        for held in self.runs.values_mut() {
            let Phase::Reporting { until } = &mut held.phase else {
                continue;
            };
            match *until {
                Some(end) if end <= now => over.push(held.run),
                None if self.is_connected => {
                    *until = Some(now + Duration::from_millis(TEARDOWN_WAIT_MS));
                    self.control.push_back(ClientFrame::ReportTeardown {
                        session: held.session,
                        run: held.run,
                        tools_cancelled: 0,
                        still_running: Vec::new(),
                    });
                }
                _ => {}
            }
        }
        over.into_iter().for_each(|run| self.forget(run));
    }
}
