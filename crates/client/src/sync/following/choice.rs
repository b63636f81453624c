//! Which logs should be followed now.

use std::collections::{HashMap, HashSet};

use baton_protocol::LogId;

use super::{Ask, Following, Log};
use crate::limits::{BACKGROUND_FETCHES_MAX, RUNNING_FOLLOWED_MAX};

impl Following {
    /// Compares the followed logs with those that should be followed, and returns the changes.
    pub(in crate::sync) fn review(&mut self, now_ms: u64) -> Vec<Ask> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let desired = self.desired();
        let mut gone: Vec<LogId> = self.followed.difference(&desired).copied().collect();
        gone.sort();
        let mut new: Vec<LogId> = desired.difference(&self.followed).copied().collect();
        // The account first: its log names the sessions.
        new.sort_by_key(|log| (*log != self.account, *log));
        let mut asks = Vec::new();
        for log in gone {
            self.let_go(log);
            asks.push(Ask::Unsubscribe(log));
        }
        for log in new {
            asks.push(self.subscribe(log, now_ms));
        }
        asks
    }

    fn desired(&mut self) -> HashSet<LogId> {
        let may = |logs: &HashMap<LogId, Log>, log: &LogId| {
            let entry = logs.get(log);
            entry.is_none_or(|entry| !entry.absent && !entry.quarantined)
        };
        let mut desired: HashSet<LogId> = self.viewers.keys().copied().collect();
        desired.insert(self.account);
        let running = self.running.iter().take(RUNNING_FOLLOWED_MAX);
        desired.extend(running.map(|(_, session)| LogId::Session(*session)));
        desired.extend(self.strays.iter().take(BACKGROUND_FETCHES_MAX));
        desired.retain(|log| may(&self.logs, log));

        self.fetching.retain(|log| !desired.contains(log));
        let behind = self.behind.iter();
        for (_, session) in behind {
            if self.fetching.len() >= BACKGROUND_FETCHES_MAX {
                break;
            }
            let log = LogId::Session(*session);
            if !desired.contains(&log) {
                self.fetching.insert(log);
            }
        }
        desired.extend(self.fetching.iter().copied());
        desired
    }
}
