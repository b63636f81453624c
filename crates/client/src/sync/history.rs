//! Fills gaps in mirrored logs: one batch at a time, for one log at a time.
//!
//! **Invariant:** a batch of history continues exactly where the previous one ended, and never goes beyond its gap.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::{Batch, ClientFrame, LogId, Seq};

use super::{Gap, Now, Output, SyncEngine};
use crate::limits::SUBSCRIBE_AGAIN_MS;

/// The outstanding request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Asked {
    log: LogId,
    gap: Gap,
    at_ms: u64,
}

#[derive(Default)]
pub(super) struct Histories {
    gaps: BTreeMap<LogId, Gap>,
    wanted: BTreeSet<LogId>,
    asked: Option<Asked>,
    /// When to ask again after the hub could not supply history, or the mirror could not write it.
    not_before_ms: u64,
}

impl Histories {
    pub(super) fn new(gaps: Vec<(LogId, Gap)>) -> Self {
        Self {
            gaps: gaps.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) fn want(&mut self, log: LogId) {
        if self.gaps.contains_key(&log) {
            self.wanted.insert(log);
        }
    }

    /// The mirror continues from a saved state: it keeps what comes before its gap, and loses what lay between an older gap and this one.
    pub(super) fn begin(&mut self, log: LogId, stood_at: Seq, floor: Seq) {
        let filled = self.gaps.get(&log).map_or(stood_at, |gap| gap.filled);
        self.gaps.insert(log, Gap { filled, floor });
        self.asked.take_if(|asked| asked.log == log);
    }

    /// Records the mirror's gap as it is now.
    pub(super) fn set(&mut self, log: LogId, gap: Option<Gap>) {
        self.asked.take_if(|asked| asked.log == log);
        match gap {
            Some(gap) => drop(self.gaps.insert(log, gap)),
            None => self.forget(log),
        }
    }

    /// Forgets a log that the mirror dropped or replaced.
    pub(super) fn forget(&mut self, log: LogId) {
        self.gaps.remove(&log);
        self.wanted.remove(&log);
        self.asked.take_if(|asked| asked.log == log);
    }

    pub(super) fn line_lost(&mut self) {
        self.asked = None;
        self.not_before_ms = 0;
    }

    /// Asks for nothing until then. The mirror's write failed, and the same batch would fail again at once.
    pub(super) fn pause(&mut self, log: LogId, again_at_ms: u64) {
        self.asked.take_if(|asked| asked.log == log);
        self.not_before_ms = again_at_ms;
    }

    /// Notes that the hub could not supply this log's history now.
    pub(super) fn refused(&mut self, log: LogId, again_at_ms: u64) {
        if self.asked.take_if(|asked| asked.log == log).is_some() {
            self.not_before_ms = again_at_ms;
        }
    }

    /// The next range to ask for: of a log that a reader waits for, or of any log if there is nothing else to fetch.
    pub(super) fn next(
        &mut self,
        now_ms: u64,
        is_idle: impl FnOnce() -> bool,
    ) -> Option<(LogId, Gap)> {
        let overdue = |asked: &Asked| now_ms.saturating_sub(asked.at_ms) >= SUBSCRIBE_AGAIN_MS;
        if now_ms < self.not_before_ms || self.asked.as_ref().is_some_and(|asked| !overdue(asked)) {
            return None;
        }
        let any = || self.gaps.keys().next_back().filter(|_| is_idle());
        let log = *self.wanted.first().or_else(any)?;
        let gap = *self.gaps.get(&log)?;
        self.asked = Some(Asked {
            log,
            gap,
            at_ms: now_ms,
        });
        Some((log, gap))
    }

    /// Checks a batch; `true` if it goes to the mirror.
    pub(super) fn take(&mut self, batch: &Batch) -> bool {
        let is_answer = |asked: &Asked| {
            asked.log == batch.log
                && asked.gap.filled == batch.after
                && batch.upto <= asked.gap.floor
        };
        let is_whole = batch.upto > batch.after
            && batch.events.is_sorted_by_key(|event| event.seq)
            && batch
                .events
                .first()
                .is_none_or(|event| event.seq > batch.after)
            && batch
                .events
                .last()
                .is_none_or(|event| event.seq <= batch.upto);
        if !is_whole || self.asked.take_if(|asked| is_answer(asked)).is_none() {
            return false;
        }
        if let Some(gap) = self.gaps.get_mut(&batch.log) {
            gap.filled = batch.upto;
            if gap.filled == gap.floor {
                self.forget(batch.log);
            }
        }
        true
    }
}

impl SyncEngine {
    /// Asks for what lies in a gap.
    pub(super) fn fill(&mut self, now: Now) {
        let following = &self.following;
        let next = self.histories.next(now.mono_ms, || following.is_idle());
        if let Some((log, gap)) = next
            && let Some(cursor) = self.following.cursor(log)
        {
            self.emit(Output::Send(ClientFrame::ReadHistory {
                log,
                incarnation: cursor.incarnation,
                after: gap.filled,
                upto: gap.floor,
            }));
        }
    }
}
