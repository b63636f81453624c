//! Which sessions are followed, and which runs are held in them.

use std::time::Instant;

use baton_protocol::{Batch, RunId, SessionId, SnapshotPiece};

use super::run::{HeldRun, Phase};
use super::session::{Followed, FollowedSession, Reach};
use super::{Core, Effect};

impl Core {
    pub(super) fn assigned(&mut self, session: SessionId, held: HeldRun) {
        if self.runs.contains_key(&held.run) {
            return;
        }
        self.runs.insert(held.run, held);
        if !self.sessions.contains_key(&session) {
            let kept = self.kept.take(session);
            let mut followed =
                kept.unwrap_or_else(|| FollowedSession::new(session, self.first_reach()));
            self.control.push_back(followed.subscribe());
            self.sessions.insert(session, followed);
        }
    }

    /// The most that any agent takes, and one character more to see that no more fits.
    fn first_reach(&self) -> Reach {
        let most = self
            .agents
            .values()
            .map(|agent| agent.context_chars_max)
            .max();
        Reach::Newest {
            chars: most.unwrap_or_default() as u64 + 1,
        }
    }

    pub(super) fn snapshot(&mut self, session: SessionId, piece: SnapshotPiece) {
        if let Some(followed) = self.sessions.get_mut(&session)
            && let Followed::Gap = followed.snapshot(piece)
        {
            let frame = followed.subscribe();
            self.control.push_back(frame);
        }
    }

    /// Reads more of a session, because a run's context needs more rows than were read.
    pub(super) fn read_further(&mut self, session: SessionId) {
        if let Some(followed) = self.sessions.get_mut(&session) {
            followed.reach_further();
            let frame = followed.subscribe();
            self.control.push_back(frame);
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
                reported.into_iter().for_each(|run| self.reported(run, now));
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

    /// The log has another incarnation. The hub may have assigned runs in it already, so held runs stay, but everything known about
    /// them is dropped.
    pub(super) fn start_over(&mut self, session: SessionId) {
        let Some(followed) = self.sessions.get_mut(&session) else {
            return;
        };
        followed.begin_anew();
        let frame = followed.subscribe();
        self.control.push_back(frame);
        let held = self.runs.values_mut();
        held.filter(|held| held.session == session)
            .for_each(HeldRun::start_over);
    }

    /// Holds every run of this process that is active at the log's head, whatever happened to its assignment: an assignment that came
    /// before a restored log was read looked like one for a run that had ended.
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

    pub(super) fn forget(&mut self, run: RunId, now: Instant) {
        if let Some(held) = self.runs.remove(&run) {
            self.effects.push(Effect::Forgotten { run });
            let session = held.session;
            if !self.runs.values().any(|other| other.session == session)
                && let Some(followed) = self.sessions.remove(&session)
            {
                self.control.push_back(followed.unsubscribe());
                self.kept.keep(session, followed, now);
            }
        }
    }

    /// The session no longer exists: forgets everything about it.
    pub(super) fn forget_session(&mut self, session: SessionId, now: Instant) {
        let of_session = self.runs.values().filter(|held| held.session == session);
        let runs: Vec<RunId> = of_session.map(|held| held.run).collect();
        runs.into_iter().for_each(|run| self.forget(run, now));
        self.kept.forget(session);
    }

    fn reported(&mut self, run: RunId, now: Instant) {
        if self
            .runs
            .get(&run)
            .is_some_and(|held| matches!(held.phase, Phase::Reporting { .. }))
        {
            self.forget(run, now);
        }
    }
}
