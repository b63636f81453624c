//! Sessions that are no longer followed, kept for their next run.
//!
//! Invariant: bounded in bytes and in time. The least recently used session is dropped first, as a whole; a dropped one is read again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use baton_protocol::SessionId;

use super::session::FollowedSession;
use crate::limits::{SESSION_KEPT_BYTES_MAX, SESSION_KEPT_MS_MAX};

/// Kept sessions, the least recently used first.
pub(super) struct KeptSessions {
    sessions: VecDeque<Kept>,
    bytes: usize,
    bytes_max: usize,
}

struct Kept {
    session: SessionId,
    followed: FollowedSession,
    bytes: usize,
    until: Instant,
}

impl KeptSessions {
    /// Keeps at most this many bytes of sessions.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            sessions: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Keeps a session in which no run is held. Drops a session that is too long on its own: it is read again from near its end.
    pub fn keep(&mut self, session: SessionId, mut followed: FollowedSession, now: Instant) {
        self.forget(session);
        let bytes = followed.bytes();
        if bytes > SESSION_KEPT_BYTES_MAX.min(self.bytes_max) {
            return;
        }
        followed.set_aside();
        self.bytes += bytes;
        self.sessions.push_back(Kept {
            session,
            followed,
            bytes,
            until: now + Duration::from_millis(SESSION_KEPT_MS_MAX),
        });
        while self.bytes > self.bytes_max {
            self.drop_oldest();
        }
    }

    /// Takes a session out, if it is kept.
    pub fn take(&mut self, session: SessionId) -> Option<FollowedSession> {
        let at = self
            .sessions
            .iter()
            .position(|kept| kept.session == session)?;
        let kept = self.sessions.remove(at)?;
        self.bytes -= kept.bytes;
        Some(kept.followed)
    }

    /// Drops a session, if it is kept.
    pub fn forget(&mut self, session: SessionId) {
        drop(self.take(session));
    }

    /// Drops the sessions whose time has passed.
    pub fn expire(&mut self, now: Instant) {
        while self.sessions.front().is_some_and(|kept| kept.until <= now) {
            self.drop_oldest();
        }
    }

    /// When [`expire`](Self::expire) next has something to drop.
    pub fn expires_at(&self) -> Option<Instant> {
        self.sessions.front().map(|kept| kept.until)
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.sessions.pop_front() {
            self.bytes -= oldest.bytes;
        }
    }
}
