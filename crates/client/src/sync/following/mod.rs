//! Which logs are followed, and where the mirror stands in each.
//!
//! Always: the account. Live: logs with an open view, and sessions in which a run is on. In the background, a few at a time: sessions
//! that the account's log says are ahead of the mirror; each is let go once it is caught up.

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
    /// Asked for; batches of an earlier subscription may still be on the line.
    Asked { at_ms: u64 },
    /// The first batch came; the last one then.
    Following { at_ms: u64 },
}

#[derive(Clone, Debug, Default)]
struct Log {
    cursor: Option<Cursor>,
    subscription: Subscription,
    caught_up: bool,
    /// The hub has no such log (yet).
    absent: bool,
    /// The account's log has its tombstone.
    deleted: bool,
    /// Cannot be mirrored; left alone.
    quarantined: bool,
    /// Saved states of it did not fit: it is asked for batches alone.
    without_snapshots: bool,
    pieces: Pieces,
    position: Option<SessionPosition>,
    /// The seq up to which the hub had nothing more, so that a summary beyond the log's head asks once and not for ever.
    fetched_for: Seq,
}

/// What a change asks of the line.
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
    /// What is fetched in the background now.
    fetching: HashSet<LogId>,
    /// Logs that somebody looks at, and how many do.
    viewers: HashMap<LogId, u32>,
    /// Logs with a subscription.
    followed: HashSet<LogId>,
    /// Sessions that the mirror has and the sessions list has not: the hub is asked once whether there are such.
    strays: BTreeSet<LogId>,
    /// Something changed that a review must see.
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

    /// Finds what the mirror has and the sessions list has not: what could not be dropped before this start, for example.
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
        // A hub that was restored may have it again.
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

    /// The session is deleted. Says whether anything is known of it.
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

    /// Sorts a session in among those that are behind, or out of them.
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

    /// Whether the account and every log that somebody looks at stand at the hub's head.
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

    /// The line is gone. Gives the logs that were caught up until now.
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

    /// Asks for a log from where the mirror stands.
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

    /// The hub could not serve a log now: it is asked again at the next look at what is overdue.
    pub(in crate::sync) fn ask_soon(&mut self, log: LogId, now_ms: u64) {
        if let Some(entry) = self.logs.get_mut(&log)
            && entry.subscription != Subscription::None
        {
            let at_ms = now_ms.saturating_sub(SUBSCRIBE_AGAIN_MS);
            entry.subscription = Subscription::Asked { at_ms };
        }
    }

    /// Logs of which more should have come, and did not for too long.
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

    /// Its saved states are no use.
    pub(in crate::sync) fn without_snapshots(&mut self, log: LogId) {
        self.logs.entry(log).or_default().without_snapshots = true;
    }

    /// Whether nothing is fetched but what is live.
    pub(in crate::sync) fn is_idle(&self) -> bool {
        // One that is followed live leaves the list of those that are behind when it is let go.
        let mut behind = self.behind.iter();
        self.fetching.is_empty()
            && self.all_caught_up()
            && behind.all(|(_, session)| self.caught_up(LogId::Session(*session)))
    }

    /// The mirror stands elsewhere.
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

    /// The hub has no such log: nothing is everything that there is of it.
    pub(in crate::sync) fn set_absent(&mut self, log: LogId) {
        let entry = self.logs.entry(log).or_default();
        entry.absent = true;
        self.let_go(log);
        self.logs.entry(log).or_default().caught_up = true;
        self.fetching.remove(&log);
        self.strays.remove(&log);
        self.place(log);
    }

    /// The hub has it now. Gives whether that is news.
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
