//! Which logs are followed, and the mirror's cursor in each.
//!
//! Always: the account. Live: logs with an open view, and sessions with an active run. In the background, a few at a time: sessions that
//! are ahead of the mirror according to the account's log; each is unsubscribed once it is caught up.

mod choice;
mod taking;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use baton_protocol::{Cursor, LogId, Seq, SessionId, TimestampMs};

use super::SessionPosition;
use super::snapshots::{Pieces, format_of};
use crate::limits::SUBSCRIBE_AGAIN_MS;

pub(in crate::sync) use taking::Fit;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Subscription {
    #[default]
    None,
    /// Subscribed; batches of an earlier subscription may still be in transit.
    Asked { at_ms: u64 },
    /// The first batch has arrived; `at_ms` is the time of the last one.
    Following { at_ms: u64 },
}

#[derive(Clone, Debug, Default)]
struct Log {
    cursor: Option<Cursor>,
    subscription: Subscription,
    caught_up: bool,
    /// The hub does not have this log (yet).
    absent: bool,
    /// The account's log has its tombstone.
    deleted: bool,
    /// It cannot be mirrored and is left alone.
    quarantined: bool,
    /// Its saved states did not fit: the engine asks for batches only.
    without_snapshots: bool,
    pieces: Pieces,
    position: Option<SessionPosition>,
    /// The seq up to which the hub had nothing more, so that a summary beyond the log's head causes one request and not endless ones.
    fetched_for: Seq,
}

/// The request that a change makes necessary.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::sync) enum Ask {
    Subscribe {
        log: LogId,
        cursor: Option<Cursor>,
        state_format: Option<u32>,
    },
    Unsubscribe(LogId),
}

pub(in crate::sync) struct Following {
    account: LogId,
    logs: HashMap<LogId, Log>,
    running: BTreeSet<(Reverse<TimestampMs>, SessionId)>,
    behind: BTreeSet<(Reverse<TimestampMs>, SessionId)>,
    /// Sessions that are being fetched in the background.
    fetching: HashSet<LogId>,
    /// Logs with open views, and the number of views.
    viewers: HashMap<LogId, u32>,
    /// Logs with a subscription.
    followed: HashSet<LogId>,
    /// Sessions that the mirror has but the sessions list does not: the engine asks the hub once whether they exist.
    strays: BTreeSet<LogId>,
    /// Something changed that the next review must consider.
    changed: bool,
}

impl Following {
    pub(in crate::sync) fn new(account: LogId, cursors: Vec<(LogId, Cursor)>) -> Self {
        let entry = |(log, cursor)| {
            let known = Log {
                cursor: Some(cursor),
                ..Log::default()
            };
            (log, known)
        };
        Self {
            account,
            logs: cursors.into_iter().map(entry).collect(),
            running: BTreeSet::new(),
            behind: BTreeSet::new(),
            fetching: HashSet::new(),
            viewers: HashMap::new(),
            followed: HashSet::new(),
            strays: BTreeSet::new(),
            changed: true,
        }
    }

    /// Finds sessions that the mirror has but the sessions list does not, such as one whose drop failed before this start.
    pub(in crate::sync) fn look_for_strays(&mut self) {
        let unlisted = self.logs.iter().filter(|(log, entry)| {
            matches!(log, LogId::Session(_)) && entry.position.is_none() && entry.cursor.is_some()
        });
        self.strays = unlisted.map(|(log, _)| *log).collect();
    }

    pub(in crate::sync) fn cursor(&self, log: LogId) -> Option<Cursor> {
        self.logs.get(&log)?.cursor
    }

    pub(in crate::sync) fn want(&mut self, log: LogId) {
        *self.viewers.entry(log).or_default() += 1;
        self.changed = true;
    }

    pub(in crate::sync) fn unwant(&mut self, log: LogId) {
        if let Some(viewers) = self.viewers.get_mut(&log) {
            *viewers -= 1;
            if *viewers == 0 {
                self.viewers.remove(&log);
            }
        }
        self.changed = true;
    }

    pub(in crate::sync) fn note(&mut self, position: SessionPosition) {
        let log = LogId::Session(position.session);
        let entry = self.logs.entry(log).or_default();
        if let Some(old) = entry.position.replace(position) {
            self.running
                .remove(&(Reverse(old.updated_at), position.session));
            self.behind
                .remove(&(Reverse(old.updated_at), position.session));
        }
        // A restored hub may have it again.
        entry.deleted = false;
        if std::mem::take(&mut entry.absent) {
            entry.caught_up = false;
        }
        if position.running {
            self.running
                .insert((Reverse(position.updated_at), position.session));
        }
        self.place(log);
    }

    /// Marks the session as deleted. Returns whether anything is known of it.
    pub(in crate::sync) fn delete(&mut self, log: LogId) -> bool {
        let Some(entry) = self.logs.get_mut(&log) else {
            return false;
        };
        entry.deleted = true;
        if let Some(position) = entry.position.take() {
            let key = (Reverse(position.updated_at), position.session);
            self.running.remove(&key);
            self.behind.remove(&key);
        }
        true
    }

    pub(in crate::sync) fn is_deleted(&self, log: LogId) -> bool {
        self.logs.get(&log).is_some_and(|entry| entry.deleted)
    }

    /// Adds a session to those that are behind, or removes it from them.
    fn place(&mut self, log: LogId) {
        self.changed = true;
        let Some(entry) = self.logs.get(&log) else {
            return;
        };
        let Some(position) = entry.position else {
            return;
        };
        let stands_at = entry.cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
        let behind =
            position.seq > stands_at.max(entry.fetched_for) && !entry.absent && !entry.quarantined;
        let key = (Reverse(position.updated_at), position.session);
        if behind {
            self.behind.insert(key);
        } else {
            self.behind.remove(&key);
        }
    }

    /// Whether the account and every viewed log are caught up with the hub.
    pub(in crate::sync) fn all_caught_up(&self) -> bool {
        let done = |log: &LogId| {
            let entry = self.logs.get(log);
            entry.is_some_and(|entry| entry.caught_up || entry.quarantined)
        };
        done(&self.account) && self.viewers.keys().all(done)
    }

    pub(in crate::sync) fn caught_up(&self, log: LogId) -> bool {
        self.logs.get(&log).is_some_and(|entry| entry.caught_up)
    }

    /// The connection is lost. Returns the logs that were caught up until now.
    pub(in crate::sync) fn line_lost(&mut self) -> Vec<LogId> {
        let mut were = Vec::new();
        for (log, entry) in &mut self.logs {
            entry.subscription = Subscription::None;
            entry.absent = false;
            entry.pieces.forget();
            if std::mem::take(&mut entry.caught_up) {
                were.push(*log);
            }
        }
        self.fetching.clear();
        self.followed.clear();
        self.changed = true;
        were
    }

    fn let_go(&mut self, log: LogId) {
        let entry = self.logs.entry(log).or_default();
        entry.subscription = Subscription::None;
        entry.caught_up = false;
        self.followed.remove(&log);
    }

    /// Subscribes to a log from the mirror's cursor.
    pub(in crate::sync) fn subscribe(&mut self, log: LogId, now_ms: u64) -> Ask {
        let entry = self.logs.entry(log).or_default();
        entry.subscription = Subscription::Asked { at_ms: now_ms };
        entry.pieces.forget();
        let ask = Ask::Subscribe {
            log,
            cursor: entry.cursor,
            state_format: (!entry.without_snapshots).then(|| format_of(log)),
        };
        self.followed.insert(log);
        ask
    }

    /// The hub could not serve a log now: the next look at overdue logs asks again.
    pub(in crate::sync) fn ask_soon(&mut self, log: LogId, now_ms: u64) {
        if let Some(entry) = self.logs.get_mut(&log)
            && entry.subscription != Subscription::None
        {
            let at_ms = now_ms.saturating_sub(SUBSCRIBE_AGAIN_MS);
            entry.subscription = Subscription::Asked { at_ms };
        }
    }

    /// Logs that have waited too long for their next batch.
    pub(in crate::sync) fn overdue(&self, now_ms: u64) -> Vec<LogId> {
        let overdue = |log: &&LogId| {
            let Some(entry) = self.logs.get(log) else {
                return false;
            };
            let since_ms = match entry.subscription {
                Subscription::Asked { at_ms } => at_ms,
                Subscription::Following { at_ms } if !entry.caught_up => at_ms,
                Subscription::Following { .. } | Subscription::None => return false,
            };
            now_ms.saturating_sub(since_ms) >= SUBSCRIBE_AGAIN_MS
        };
        let mut logs: Vec<LogId> = self.followed.iter().filter(overdue).copied().collect();
        logs.sort();
        logs
    }

    /// Stops asking for saved states of this log.
    pub(in crate::sync) fn without_snapshots(&mut self, log: LogId) {
        self.logs.entry(log).or_default().without_snapshots = true;
    }

    /// Whether nothing but live logs is being fetched.
    pub(in crate::sync) fn is_idle(&self) -> bool {
        // A log that is followed live stays in `behind` until it is unsubscribed.
        let mut behind = self.behind.iter();
        self.fetching.is_empty()
            && self.all_caught_up()
            && behind.all(|(_, session)| self.caught_up(LogId::Session(*session)))
    }

    /// Sets the mirror's cursor.
    pub(in crate::sync) fn set_cursor(&mut self, log: LogId, cursor: Option<Cursor>) {
        let entry = self.logs.entry(log).or_default();
        entry.cursor = cursor;
        entry.caught_up = false;
        if cursor.is_none() {
            entry.fetched_for = Seq::ZERO;
        }
        self.place(log);
    }

    pub(in crate::sync) fn is_followed(&self, log: LogId) -> bool {
        self.followed.contains(&log)
    }

    /// The hub has no such log, so the mirror has everything there is.
    pub(in crate::sync) fn set_absent(&mut self, log: LogId) {
        let entry = self.logs.entry(log).or_default();
        entry.absent = true;
        self.let_go(log);
        self.logs.entry(log).or_default().caught_up = true;
        self.fetching.remove(&log);
        self.strays.remove(&log);
        self.place(log);
    }

    /// The hub has the log now. Returns whether that is news.
    pub(in crate::sync) fn set_present(&mut self, log: LogId) -> bool {
        let entry = self.logs.entry(log).or_default();
        let news = std::mem::take(&mut entry.absent);
        if news {
            entry.caught_up = false;
            self.place(log);
        }
        news
    }

    pub(in crate::sync) fn quarantine(&mut self, log: LogId) {
        self.logs.entry(log).or_default().quarantined = true;
        self.fetching.remove(&log);
        self.strays.remove(&log);
        self.place(log);
    }
}
