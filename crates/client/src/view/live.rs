//! The last batch of each session that is tailed: a tail that keeps up needs no look into the mirror.
//!
//! **Invariant:** what stands here is committed in the mirror, and is the mirror's end as far as this process knows. Whatever else moves
//! the mirror makes it forgotten.

use std::collections::HashMap;

use baton_protocol::{Batch, Cursor, Event, Incarnation, Seq, SessionId};
use baton_session::SessionState;

use crate::limits::LIVE_EVENTS_MAX;

/// The last batches, by session.
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

/// Everything behind a tail's place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct LivePage {
    pub(crate) events: Vec<Event>,
    /// Where the mirror stands.
    pub(crate) upto: Seq,
    /// Whether nothing goes on in the session there.
    pub(crate) idle: bool,
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

    /// A batch is in the mirror. What is large is read from there.
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

    /// The mirror of a session may stand anywhere now.
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

/// Whether nothing runs in a session and nothing will start by itself.
pub(crate) fn is_idle(state: &SessionState) -> bool {
    let nothing_runs = state.active_runs().next().is_none();
    let nothing_starts = state.queue().is_empty() || state.pause().is_some();
    nothing_runs && nothing_starts
}
