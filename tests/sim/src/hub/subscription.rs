//! One connection following one log: as `connection::subscription` in the hub.

use std::collections::VecDeque;

use baton_log::{ReadError, SavedState};
use baton_protocol::{Batch, Cursor, Event, HubFrame, Incarnation, LogId, Seq, SnapshotPiece};
use baton_session::SessionState;

use super::commit::unreadable;
use super::process::Shared;
use crate::net::LineId;
use crate::plan::Snapshots;
use crate::planted::Planted;
use crate::sim::Sim;

/// Published batches that a subscriber may be behind.
const LIVE_MAX: usize = 16;

/// A followed log.
#[derive(Debug)]
pub(super) struct Subscription {
    cursor: Seq,
    live: VecDeque<Batch>,
    /// Something was forgotten, or nothing was read yet.
    must_pull: bool,
    /// When it gets its turn; absent: it has nothing to do.
    pub due_ms: Option<u64>,
}

impl Subscription {
    /// What was published and not yet shown, where it continues what was.
    pub fn what_was_published(&mut self) -> Vec<Batch> {
        let (mut cursor, mut next) = (self.cursor, Vec::new());
        if self.must_pull {
            return next;
        }
        for batch in self.live.drain(..).filter(|batch| batch.upto > self.cursor) {
            if batch.after != cursor {
                break;
            }
            cursor = batch.upto;
            next.push(batch);
        }
        next
    }

    pub fn forget_queue(&mut self, now_ms: u64) {
        self.live.clear();
        self.must_pull = true;
        self.due_ms = Some(now_ms);
    }
}

impl Shared {
    /// Gives recorded events to everybody who follows the log.
    pub fn publish(
        &mut self,
        sim: &mut Sim,
        log: LogId,
        incarnation: Incarnation,
        after: Seq,
        events: &[Event],
    ) {
        let Some(last) = events.last() else {
            return;
        };
        for connection in self.connections.values_mut() {
            let Some(subscription) = connection.subscriptions.get_mut(&log) else {
                continue;
            };
            subscription.live.push_back(Batch {
                log,
                incarnation,
                after,
                upto: last.seq,
                head: last.seq,
                events: events.to_vec(),
            });
            if subscription.live.len() > LIVE_MAX {
                subscription.live.clear();
                subscription.must_pull = true;
            }
            let due_ms = sim.now_ms + sim.hub_rng.skewed(30);
            subscription.due_ms.get_or_insert(due_ms);
        }
    }

    /// Begins to follow, or says why not.
    pub fn subscribe(
        &mut self,
        sim: &mut Sim,
        line: LineId,
        (log, cursor): (LogId, Option<Cursor>),
        (state_format, newest_chars): (Option<u32>, Option<u64>),
    ) {
        let Some(connection) = self.connections.get_mut(&line) else {
            return;
        };
        connection.subscriptions.remove(&log);
        let is_readable = match log {
            LogId::Session(session) => self.owned.contains(&session),
            LogId::Account(_) => true,
        };
        let missing = |incarnation| HubFrame::Missing { log, incarnation };
        if !is_readable {
            return self.send(sim, line, missing(None));
        }
        let head = match sim.store.head(log) {
            Ok(Some(head)) => head,
            Ok(None) | Err(ReadError::NotFound) => return self.send(sim, line, missing(None)),
            Err(_) => return self.refuse_log(sim, line, log),
        };
        let fits = cursor
            .is_none_or(|cursor| cursor.incarnation == head.incarnation && cursor.seq <= head.seq);
        if !fits {
            return self.send(sim, line, missing(Some(head.incarnation)));
        }
        let mut after = cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
        let state = match newest_chars {
            Some(_) => checkpoint(sim, log, after),
            None => state_format.and_then(|_| saved_state(sim, log, after)),
        };
        if let (Some(format), Some(state)) = (state_format, state) {
            let seq = state.seq;
            for piece in pieces(sim, (log, head.incarnation), (after, format), state) {
                self.send(sim, line, HubFrame::Snapshot(piece));
            }
            after = seq;
        }
        let subscription = Subscription {
            cursor: after,
            live: VecDeque::new(),
            must_pull: true,
            due_ms: Some(sim.now_ms + sim.hub_rng.skewed(20)),
        };
        if let Some(connection) = self.connections.get_mut(&line) {
            connection.subscriptions.insert(log, subscription);
        }
    }

    /// The first batch of a stretch.
    pub fn read_history(
        &mut self,
        sim: &mut Sim,
        line: LineId,
        (log, incarnation): (LogId, Incarnation),
        (after, upto): (Seq, Seq),
    ) {
        let limit = sim.read_limit();
        match sim.store.read(log, after, limit) {
            Ok(mut batch) if batch.incarnation == incarnation => {
                batch.events.retain(|event| event.seq <= upto);
                batch.upto = batch.upto.min(upto);
                self.send(sim, line, HubFrame::History(batch));
            }
            Ok(Batch { incarnation, .. }) => {
                let incarnation = Some(incarnation);
                self.send(sim, line, HubFrame::Missing { log, incarnation });
            }
            Err(ReadError::NotFound) => {
                let incarnation = None;
                self.send(sim, line, HubFrame::Missing { log, incarnation });
            }
            Err(_) => self.refuse_log(sim, line, log),
        }
    }

    fn refuse_log(&mut self, sim: &mut Sim, line: LineId, log: LogId) {
        let frame = HubFrame::Refused {
            command: None,
            log: Some(log),
            error: unreadable(),
        };
        self.send(sim, line, frame);
    }

    /// Gives a subscription its turn: one batch, from what was published or from the log.
    pub fn pump(&mut self, sim: &mut Sim, line: LineId, log: LogId) {
        let Some(connection) = self.connections.get_mut(&line) else {
            return;
        };
        let Some(subscription) = connection.subscriptions.get_mut(&log) else {
            return;
        };
        subscription.due_ms = None;
        while !subscription.must_pull
            && let Some(batch) = subscription.live.pop_front()
        {
            if batch.upto <= subscription.cursor {
                continue;
            }
            if batch.after != subscription.cursor {
                subscription.must_pull = true;
                break;
            }
            subscription.cursor = batch.upto;
            if !subscription.live.is_empty() {
                subscription.due_ms = Some(sim.now_ms + sim.hub_rng.skewed(10));
            }
            return self.show(sim, line, batch);
        }
        if subscription.must_pull {
            self.pull(sim, line, log);
        }
    }

    fn pull(&mut self, sim: &mut Sim, line: LineId, log: LogId) {
        let connection = self.connections.get_mut(&line).expect("its caller has it");
        let after = connection.subscriptions[&log].cursor;
        let limit = sim.read_limit();
        let mut batch = match sim.store.read(log, after, limit) {
            Ok(batch) => batch,
            Err(error) => {
                connection.subscriptions.remove(&log);
                return match error {
                    ReadError::NotFound => {
                        let incarnation = None;
                        self.send(sim, line, HubFrame::Missing { log, incarnation })
                    }
                    _ => self.refuse_log(sim, line, log),
                };
            }
        };
        if sim.is_planted(Planted::LogCutsSealedParts) && batch.events.len() > 1 {
            batch.events.truncate(batch.events.len() / 2);
            batch.upto = batch.events.last().expect("half of two is one").seq;
        }
        let subscription = connection
            .subscriptions
            .get_mut(&log)
            .expect("it was just there");
        subscription.cursor = batch.upto;
        subscription.must_pull = batch.upto < batch.head;
        if subscription.must_pull || !subscription.live.is_empty() {
            subscription.due_ms = Some(sim.now_ms + sim.hub_rng.skewed(10));
        }
        self.show(sim, line, batch);
    }

    fn show(&mut self, sim: &mut Sim, line: LineId, mut batch: Batch) {
        if sim.is_planted(Planted::HubSkipsBatches) && sim.hub_rng.chance(100) {
            batch.events.pop();
        }
        self.send(sim, line, HubFrame::Batch(batch));
    }
}

/// A state that the hub may have kept: at a seq beyond the reader's at which nothing runs. The checker knows each of them.
fn saved_state(sim: &mut Sim, log: LogId, after: Seq) -> Option<SavedState> {
    if sim.snapshots == Snapshots::Never || !sim.hub_rng.chance(400) {
        return None;
    }
    let known = sim.checker.truth().log(log)?;
    let head = known.head();
    let (seq, json) = match log {
        LogId::Account(_) => (head, serde_json::to_string(known.account())),
        LogId::Session(_) => {
            let at_rest = |seq: &u64| {
                let state = known.session_at(Seq(*seq));
                state.is_some_and(|state| state.active_runs().next().is_none())
            };
            let kept: Vec<u64> = (after.0 + 1..=head.0).filter(at_rest).collect();
            if kept.is_empty() {
                return None;
            }
            let seq = Seq(*sim.hub_rng.pick(&kept));
            (seq, serde_json::to_string(known.session_at(seq)?))
        }
    };
    let json = json.expect("a state has only text keys and finite numbers");
    (seq > after).then_some(SavedState {
        seq,
        format: 0,
        json,
    })
}

/// A checkpoint that the hub may have noted, whatever is behind it: a runner must see for itself whether it got enough.
fn checkpoint(sim: &mut Sim, log: LogId, after: Seq) -> Option<SavedState> {
    let known = sim.checker.truth().log(log)?;
    let noted: Vec<SessionState> = (after.0 + 1..=known.head().0)
        .filter_map(|seq| known.session_at(Seq(seq))?.without_past())
        .collect();
    if noted.is_empty() || !sim.checkpoint_rng.chance(700) {
        return None;
    }
    let state = sim.checkpoint_rng.pick(&noted);
    let mut json = serde_json::to_value(state).expect("a state has only text keys");
    if sim.is_planted(Planted::HubHidesHorizons)
        && let Some(fields) = json.as_object_mut()
    {
        fields.remove("horizon");
    }
    Some(SavedState {
        seq: state.head(),
        format: 0,
        json: json.to_string(),
    })
}

/// A state in one piece or several.
fn pieces(
    sim: &mut Sim,
    (log, incarnation): (LogId, Incarnation),
    (after, format): (Seq, u32),
    state: SavedState,
) -> Vec<SnapshotPiece> {
    let count = sim.hub_rng.between(1, 3) as usize;
    let size = state.json.len().div_ceil(count);
    let mut rest = state.json.as_str();
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let (text, after) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
        texts.push(text.to_owned());
        rest = after;
    }
    let pieces = texts.len() as u32;
    (0u32..)
        .zip(texts)
        .map(|(piece, text)| SnapshotPiece {
            log,
            incarnation,
            after,
            seq: state.seq,
            format,
            piece,
            pieces,
            text,
        })
        .collect()
}
