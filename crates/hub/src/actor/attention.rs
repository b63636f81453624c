//! Sessions that somebody must look at: they run, or a prompt waits for a host.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use baton_protocol::{AccountId, SessionId};
use tokio::sync::watch;

/// Kept by the sessions' actors, and still there when an actor was put away.
#[derive(Default)]
pub struct Attention {
    sessions: Mutex<HashMap<SessionId, Noted>>,
    at_work: watch::Sender<usize>,
}

struct Noted {
    account: AccountId,
    need: Need,
}

/// What a session needs of a runner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// A run is on.
    GoOn,
    /// Nothing runs, and something waits to run.
    Begin,
    /// Nothing runs and nothing may start.
    Nothing,
}

impl Attention {
    /// Notes what a session needs now.
    pub fn note(&self, session: SessionId, account: AccountId, need: Need) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match need {
            Need::GoOn | Need::Begin => sessions.insert(session, Noted { account, need }),
            Need::Nothing => sessions.remove(&session),
        };
        let was_at_work = before.is_some_and(|noted| noted.need == Need::GoOn);
        let is_at_work = need == Need::GoOn;
        if was_at_work != is_at_work {
            // Under the lock, so that the count follows the map.
            self.at_work.send_modify(|count| {
                *count = *count + usize::from(is_at_work) - usize::from(was_at_work);
            });
        }
    }

    /// The account's sessions that need a runner.
    pub fn of(&self, account: AccountId) -> Vec<SessionId> {
        self.that(|noted| noted.account == account)
    }

    /// The account's sessions in which something waits to run.
    pub fn waiting(&self, account: AccountId) -> Vec<SessionId> {
        self.that(|noted| noted.account == account && noted.need == Need::Begin)
    }

    fn that(&self, fits: impl Fn(&Noted) -> bool) -> Vec<SessionId> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = sessions.iter().filter(|(_, noted)| fits(noted));
        sessions.map(|(session, _)| *session).collect()
    }

    /// How many sessions have a run that is on. A session whose next prompt follows at once is never counted out in between.
    pub fn at_work(&self) -> watch::Receiver<usize> {
        self.at_work.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_at_work_are_those_with_a_run_and_every_need_asks_for_a_runner() {
        let attention = Attention::default();
        let (account, other) = (AccountId::mint(), AccountId::mint());
        let (runs, waits) = (SessionId::mint(), SessionId::mint());
        let at_work = attention.at_work();
        attention.note(runs, account, Need::GoOn);
        attention.note(waits, account, Need::Begin);
        assert_eq!(*at_work.borrow(), 1);
        assert_eq!(attention.of(account).len(), 2);
        assert_eq!(attention.waiting(account), [waits]);
        assert_eq!(attention.of(other), []);
        attention.note(runs, account, Need::Nothing);
        assert_eq!(*at_work.borrow(), 0);
        assert_eq!(attention.of(account), [waits]);
    }
}
