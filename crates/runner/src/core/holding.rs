//! Which sessions are followed, and which runs are held in them.

use std::time::Instant;

use baton_protocol::{Batch, RunId, SessionId};

use super::run::{HeldRun, Phase};
use super::session::{Followed, FollowedSession};
use super::{Core, Effect};

impl Core {
    pub(super) fn assigned(&mut self, session: SessionId, held: HeldRun) {
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

    pub(super) fn batch(&mut self, session: SessionId, batch: &Batch, now: Instant) {
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
                if followed.is_at_head() {
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

    /// The log is another one under the same name. The hub may have told of runs in it already, so those that are held stay, without
    /// anything that was known of them.
    pub(super) fn start_over(&mut self, session: SessionId) {
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

    pub(super) fn forget(&mut self, run: RunId) {
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

    pub(super) fn forget_session(&mut self, session: SessionId) {
        let of_session = self.runs.values().filter(|held| held.session == session);
        let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
        runs.into_iter().for_each(|run| self.forget(run));
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
}
