//! The last batch of each session that has a tail: a tail that keeps up need not read the mirror.
//!
//! **Invariant:** a batch here is committed in the mirror, and is the mirror's end as far as this process knows. Any other change of the
//! mirror removes it.

use std::collections::HashMap;

use baton_protocol::{Batch, Cursor, Event, Incarnation, LogId, Seq, SessionId};
use baton_session::SessionState;

use super::Views;
use crate::limits::LIVE_EVENTS_MAX;

/// The last batches, keyed by session.
#[derive(Default)]
pub(super) struct LiveEnds {
    ends: HashMap<SessionId, LiveEnd>,
}

#[derive(Default)]
struct LiveEnd {
    tails: usize,
    last: Option<Last>,
}

struct Last {
    incarnation: Incarnation,
    after: Seq,
    upto: Seq,
    events: Vec<Event>,
    idle: bool,
}

/// Everything after a tail's position.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct LivePage {
    pub(crate) events: Vec<Event>,
    /// The mirror's seq.
    pub(crate) upto: Seq,
    /// Whether the session is idle there.
    pub(crate) idle: bool,
}

impl Views {
    /// Whether the log's session is deleted, so that a tail has nothing to wait for.
    pub(crate) fn is_deleted(&self, log: LogId) -> bool {
        matches!(log, LogId::Session(session) if self.lock().world.is_deleted(session))
    }
}

impl LiveEnds {
    pub(super) fn begin_tail(&mut self, session: SessionId) {
        self.ends.entry(session).or_default().tails += 1;
    }

    pub(super) fn end_tail(&mut self, session: SessionId) {
        if let Some(end) = self.ends.get_mut(&session) {
            end.tails = end.tails.saturating_sub(1);
            if end.tails == 0 {
                self.ends.remove(&session);
            }
        }
    }

    /// Keeps a batch that was applied. A large one is not kept: tails read it from the mirror.
    pub(super) fn applied(&mut self, session: SessionId, batch: &Batch, state: &SessionState) {
        if let Some(end) = self.ends.get_mut(&session) {
            let is_small = batch.events.len() <= LIVE_EVENTS_MAX;
            end.last = is_small.then(|| Last {
                incarnation: batch.incarnation,
                after: batch.after,
                upto: batch.upto,
                events: batch.events.clone(),
                idle: is_idle(state),
            });
        }
    }

    /// Forgets the batch: the mirror of the session may be anywhere now.
    pub(super) fn forget(&mut self, session: SessionId) {
        if let Some(end) = self.ends.get_mut(&session) {
            end.last = None;
        }
    }

    pub(super) fn after(&self, session: SessionId, place: Cursor) -> Option<LivePage> {
        let last = self.ends.get(&session)?.last.as_ref()?;
        let is_near =
            last.incarnation == place.incarnation && (last.after..=last.upto).contains(&place.seq);
        let behind = |event: &&Event| event.seq > place.seq;
        is_near.then(|| LivePage {
            events: last.events.iter().filter(behind).cloned().collect(),
            upto: last.upto,
            idle: last.idle,
        })
    }
}

/// Whether no run is active in a session and none will start on its own.
pub(crate) fn is_idle(state: &SessionState) -> bool {
    let nothing_runs = state.active_runs().next().is_none();
    let nothing_starts = state.queue().is_empty() || state.pause().is_some();
    nothing_runs && nothing_starts
}

#[cfg(test)]
mod tests {
    use baton_protocol::{EventBody, LogId, Principal, QueueResumedEvent, TimestampMs};

    use super::*;

    fn session() -> SessionId {
        SessionId::from_uuid(uuid::Uuid::from_u128(1))
    }

    fn cursor(incarnation: u128, seq: u64) -> Cursor {
        Cursor {
            incarnation: Incarnation::from_uuid(uuid::Uuid::from_u128(incarnation)),
            seq: Seq(seq),
        }
    }

    fn event(seq: u64) -> Event {
        Event {
            seq: Seq(seq),
            recorded_at: TimestampMs(0),
            by: Principal::Hub,
            command: None,
            producer: None,
            body: EventBody::QueueResumed(QueueResumedEvent {}),
        }
    }

    fn batch(after: u64, seqs: &[u64], upto: u64) -> Batch {
        Batch {
            log: LogId::Session(session()),
            incarnation: cursor(7, 0).incarnation,
            after: Seq(after),
            upto: Seq(upto),
            head: Seq(upto),
            events: seqs.iter().copied().map(event).collect(),
        }
    }

    /// The seqs that a tail at a position gets, and its position afterwards.
    fn given(ends: &LiveEnds, place: Cursor) -> Option<(Vec<u64>, u64)> {
        let page = ends.after(session(), place)?;
        let seqs = page.events.iter().map(|event| event.seq.0).collect();
        Some((seqs, page.upto.0))
    }

    #[test]
    fn a_tail_is_given_what_stands_behind_its_place_and_only_where_nothing_is_missing_before_it() {
        let mut ends = LiveEnds::default();
        let state = SessionState::default();
        ends.applied(session(), &batch(3, &[4, 6], 7), &state);
        assert_eq!(given(&ends, cursor(7, 3)), None, "nobody asked to be told");
        ends.begin_tail(session());
        ends.applied(session(), &batch(3, &[4, 6], 7), &state);
        assert_eq!(given(&ends, cursor(7, 2)), None);
        assert_eq!(given(&ends, cursor(7, 3)), Some((vec![4, 6], 7)));
        assert_eq!(given(&ends, cursor(7, 4)), Some((vec![6], 7)));
        assert_eq!(given(&ends, cursor(7, 7)), Some((Vec::new(), 7)));
        assert_eq!(given(&ends, cursor(7, 8)), None);
        assert_eq!(given(&ends, cursor(8, 3)), None, "another log");
    }

    #[test]
    fn what_is_forgotten_or_too_large_is_read_from_the_mirror() {
        let mut ends = LiveEnds::default();
        let state = SessionState::default();
        for _ in 0..2 {
            ends.begin_tail(session());
        }
        ends.applied(session(), &batch(3, &[4], 4), &state);
        ends.forget(session());
        assert_eq!(given(&ends, cursor(7, 3)), None);
        let many: Vec<u64> = (5..=5 + LIVE_EVENTS_MAX as u64).collect();
        ends.applied(session(), &batch(3, &[4], 4), &state);
        ends.applied(session(), &batch(4, &many, 99), &state);
        assert_eq!(given(&ends, cursor(7, 4)), None);
        ends.end_tail(session());
        ends.applied(session(), &batch(99, &[100], 100), &state);
        assert_eq!(given(&ends, cursor(7, 99)), Some((vec![100], 100)));
        ends.end_tail(session());
        assert_eq!(given(&ends, cursor(7, 99)), None, "the last tail has gone");
    }
}
