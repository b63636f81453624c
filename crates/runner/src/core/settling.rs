//! Brings held runs in line with their sessions' logs: begins calls, drops calls, and reports teardowns.

use std::time::{Duration, Instant};

use baton_protocol::{ClientFrame, ErrorBody, ErrorCode, RunId, SessionId};
use baton_session::ActiveRun;

use super::run::{CallId, HeldRun, Phase, Want};
use super::{Core, Effect};
use crate::context::{self, Context};
use crate::limits::{RUNS_SIDE_BY_SIDE_MAX, TEARDOWN_WAIT_MS, WRITE_RETRY_MS};
use crate::provider::ModelRequest;

impl Core {
    pub(super) fn refused(&mut self, run: RunId, error: &ErrorBody, now: Instant) {
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

    /// Asks the hub again later, because it has no room for the session's log for now.
    pub(super) fn ask_again(&mut self, run: RunId, now: Instant) {
        let held = self.runs.get_mut(&run).filter(|held| held.is_writing());
        if let Some(held) = held {
            tracing::warn!(run.id = %run, "the hub has no room for a session's log");
            held.refused(true, now + Duration::from_millis(WRITE_RETRY_MS));
        }
    }

    pub(super) fn look_at_session(&mut self, session: SessionId, now: Instant) {
        let of_session = self.runs.values().filter(|held| held.session == session);
        let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
        runs.into_iter().for_each(|run| self.look(run, now));
    }

    /// Does for a run what the log asks.
    pub(super) fn look(&mut self, run: RunId, now: Instant) {
        let Some(held) = self.runs.get_mut(&run) else {
            return;
        };
        // A kept session counts once the hub confirms its log: a run that ended there may be active in a restored log.
        let followed = self.sessions.get(&held.session);
        let Some(followed) = followed.filter(|followed| followed.is_confirmed()) else {
            return;
        };
        let is_ours = |active: &ActiveRun| active.instance == self.instance;
        if !followed.state.active_run(run).is_none_or(is_ours) {
            // An earlier process of this runner began it, and what that process knew is lost.
            return self.forget(run, now);
        }
        match held.look(followed, now) {
            Want::Nothing => {}
            Want::Forget => self.forget(run, now),
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
        let context = context::build(
            &followed.transcript,
            &followed.state,
            run,
            &agent.system_prompt,
            agent.context_chars_max,
        );
        let Context::Messages(messages) = context else {
            let session = held.session;
            return self.read_further(session);
        };
        let request = ModelRequest {
            prompt: active.prompt,
            model: agent.description.model.clone(),
            messages,
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

    /// Follows every change: drops unwanted calls, then reports stopped runs, then lets other runs begin.
    pub(super) fn settle(&mut self, now: Instant) {
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
        self.kept.expire(now);
        if self.calls.len() < RUNS_SIDE_BY_SIDE_MAX {
            let between = self
                .runs
                .values()
                .filter(|held| matches!(held.phase, Phase::Between { .. }));
            let runs: Vec<RunId> = between.map(|held| held.run).collect();
            runs.into_iter().for_each(|run| self.look(run, now));
        }
    }

    pub(super) fn report_teardowns(&mut self, now: Instant) {
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
        over.into_iter().for_each(|run| self.forget(run, now));
    }
}
