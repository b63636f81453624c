//! Sessions that somebody must look at when a runner comes: they run, or a prompt waits for a host.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use baton_protocol::{AccountId, SessionId};

/// Kept by the sessions' actors, and still there when an actor was put away.
#[derive(Default)]
pub struct Attention {
    sessions: Mutex<HashMap<SessionId, AccountId>>,
}

/// Whether a session needs a runner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It runs, or something waits to run.
    Runner,
    /// Nothing runs and nothing may start.
    Nothing,
}

impl Attention {
    /// Notes what a session needs now.
    pub fn note(&self, session: SessionId, account: AccountId, need: Need) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match need {
            Need::Runner => sessions.insert(session, account),
            Need::Nothing => sessions.remove(&session),
        };
    }

    /// The account's sessions that need a runner.
    pub fn of(&self, account: AccountId) -> Vec<SessionId> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions
            .iter()
            .filter(|(_, owner)| **owner == account)
            .map(|(session, _)| *session)
            .collect()
    }
}
