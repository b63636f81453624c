//! The in-memory log, for tests and for callers that need the laws without a disk.
//!
//! It owns its events and loses them with the process. It keeps every law of [`EventLog`], except that nothing survives a restart.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use baton_protocol::{
    Batch, CommandId, Event, EventBody, Incarnation, LogId, PartIndex, RunId, Seq,
};
use baton_session::sealing;

use crate::batching::{BatchEnd, BatchFill, STRETCH_BYTES_MAX, STRETCH_EVENTS_MAX, Stretch};
use crate::recording::{RecordedEvent, Recording};
use crate::{
    AppendError, AppendRequest, Appended, DeleteError, EventLog, ExpectedHead, LogHead, ReadError,
    ReadLimit, STATE_FORMATS, STATES_KEPT, SavedState, StoredReceipt,
};

/// When closed parts are sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sealing {
    /// As soon as they are closed, or when the log is idle.
    #[default]
    ByItself,
    /// Only on request.
    WhenAsked,
}

/// An event log that lives as long as this value.
#[derive(Debug, Default)]
pub struct MemoryEventLog {
    logs: Mutex<Logs>,
    sealing: Sealing,
}

#[derive(Clone, Debug, Default)]
struct Logs {
    live: HashMap<LogId, Log>,
    /// Ids that are never used again.
    deleted: HashSet<LogId>,
}

#[derive(Clone, Debug)]
struct Log {
    incarnation: Incarnation,
    events: BTreeMap<Seq, StoredEvent>,
    receipts: HashMap<CommandId, StoredReceipt>,
    stretches: BTreeMap<Seq, Stretch>,
    /// Parts that are closed but not sealed, with the seq of the close.
    closed: Vec<(RunId, PartIndex, Seq)>,
    states: BTreeMap<Seq, SavedState>,
}

#[derive(Clone, Debug)]
struct StoredEvent {
    event: Event,
    bytes: usize,
}

impl MemoryEventLog {
    /// An empty log that seals on its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log.
    pub fn with_sealing(sealing: Sealing) -> Self {
        Self {
            logs: Mutex::default(),
            sealing,
        }
    }

    /// A backup: a copy of everything, under the same incarnations.
    pub fn backup(&self) -> Self {
        Self {
            logs: Mutex::new(self.lock().clone()),
            sealing: self.sealing,
        }
    }

    /// The log restored from this backup: the same events and receipts, but each log under a new incarnation, because events after the
    /// backup may now differ.
    pub fn restored(&self) -> Self {
        let restored = self.backup();
        for log in restored.lock().live.values_mut() {
            log.incarnation = Incarnation::mint();
        }
        restored
    }

    /// Seals every closed part.
    pub fn seal_closed_parts(&self) {
        self.lock().live.values_mut().for_each(Log::seal_closed);
    }

    fn lock(&self) -> MutexGuard<'_, Logs> {
        self.logs
            .lock()
            .expect("no holder of the logs' lock panics while they are half changed")
    }
}

#[async_trait]
impl EventLog for MemoryEventLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        let (id, expected) = (request.log, request.expected);
        let recording = Recording::of(request)?;
        let mut logs = self.lock();
        if logs.deleted.contains(&id) {
            return Err(AppendError::Deleted);
        }
        check(logs.live.get(&id), expected, &recording)?;
        let log = logs.live.entry(id).or_insert_with(Log::new);
        let appended = log.record(recording);
        if self.sealing == Sealing::ByItself {
            log.seal_closed();
        }
        Ok(appended)
    }

    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        let logs = self.lock();
        let found = logs.live.get(&log).ok_or(ReadError::NotFound)?;
        found.read(log, after, limit)
    }

    async fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError> {
        let logs = self.lock();
        Ok(logs.live.get(&log).map(|log| LogHead {
            incarnation: log.incarnation,
            seq: log.head(),
        }))
    }

    async fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError> {
        let logs = self.lock();
        Ok(logs
            .live
            .get(&log)
            .and_then(|log| log.receipts.get(&command))
            .cloned())
    }

    async fn saved_state(
        &self,
        log: LogId,
        format: u32,
        upto: Seq,
    ) -> Result<Option<SavedState>, ReadError> {
        let logs = self.lock();
        let found = logs.live.get(&log).and_then(|log| {
            let kept = log.states.range(..=upto).rev();
            kept.map(|(_, state)| state)
                .find(|state| state.format == format)
                .cloned()
        });
        Ok(found)
    }

    async fn delete(&self, log: LogId) -> Result<(), DeleteError> {
        let mut logs = self.lock();
        if logs.live.remove(&log).is_some() {
            logs.deleted.insert(log);
        }
        Ok(())
    }

    async fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        Ok(self.lock().live.keys().copied().collect())
    }
}

fn check(log: Option<&Log>, expected: ExpectedHead, new: &Recording) -> Result<(), AppendError> {
    let known = log.zip(new.receipt.as_ref());
    if let Some(known) = known.and_then(|(log, new)| log.receipts.get(&new.receipt.command)) {
        return Err(AppendError::CommandKnown(Box::new(known.clone())));
    }
    match (log, expected) {
        (None, ExpectedHead::Absent) => Ok(()),
        (None, ExpectedHead::At(_)) => Err(AppendError::NotFound),
        (Some(_), ExpectedHead::Absent) => Err(AppendError::AlreadyExists),
        (Some(log), ExpectedHead::At(seq)) if log.head() == seq => Ok(()),
        (Some(log), ExpectedHead::At(_)) => Err(AppendError::HeadMoved { actual: log.head() }),
    }
}

impl Log {
    fn new() -> Self {
        Self {
            incarnation: Incarnation::mint(),
            events: BTreeMap::new(),
            receipts: HashMap::new(),
            stretches: BTreeMap::new(),
            closed: Vec::new(),
            states: BTreeMap::new(),
        }
    }

    fn head(&self) -> Seq {
        self.events.keys().next_back().copied().unwrap_or(Seq::ZERO)
    }

    fn record(&mut self, new: Recording) -> Appended {
        let mut events = Vec::with_capacity(new.events.len());
        for RecordedEvent { event, json } in new.events {
            if let EventBody::PartClosed(body) = &event.body {
                self.closed.push((body.run, body.part, event.seq));
            }
            events.push(event.clone());
            let bytes = json.len();
            self.events.insert(event.seq, StoredEvent { event, bytes });
        }
        if let Some(state) = new.state {
            self.save(state);
        }
        let receipt = new.receipt.map(|stored| {
            let receipt = stored.receipt.clone();
            self.receipts.insert(receipt.command, stored);
            receipt
        });
        Appended {
            incarnation: self.incarnation,
            after: new.after,
            events,
            receipt,
        }
    }

    fn save(&mut self, state: SavedState) {
        let format = state.format;
        let is_of_kind = |other: u32| other / STATE_FORMATS == format / STATE_FORMATS;
        self.states
            .retain(|_, kept| kept.format == format || !is_of_kind(kept.format));
        self.states.insert(state.seq, state);
        let same = self.states.values().filter(|kept| kept.format == format);
        let old: Vec<Seq> = same.rev().skip(STATES_KEPT).map(|kept| kept.seq).collect();
        old.iter().for_each(|seq| drop(self.states.remove(seq)));
    }

    fn read(&self, id: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        let head = self.head();
        if after > head {
            return Err(ReadError::AheadOfHead { head });
        }
        let mut fill = BatchFill::new(limit);
        let full = self
            .events
            .range(after.next()..)
            .try_for_each(|(_, stored)| fill.offer(stored.event.clone(), stored.bytes))
            .is_err();
        let mut upto = head;
        if full {
            let last = fill.last().expect("a full batch holds an event");
            let stretch = self.stretches.range(..=last).next_back();
            upto = match BatchEnd::find(after, last, stretch.map(|(_, stretch)| *stretch)) {
                BatchEnd::Here => last,
                BatchEnd::BackTo(seq) => {
                    fill.cut_back_to(seq);
                    seq
                }
                BatchEnd::OnTo(seq) => {
                    for stored in self
                        .events
                        .range(last.next()..=seq)
                        .map(|(_, stored)| stored)
                    {
                        fill.force(stored.event.clone());
                    }
                    seq
                }
            };
        }
        Ok(fill.finish(id, self.incarnation, after, upto, head))
    }

    fn seal_closed(&mut self) {
        for (run, part, closed) in std::mem::take(&mut self.closed) {
            self.seal(run, part, closed);
        }
    }

    fn seal(&mut self, run: RunId, part: PartIndex, closed: Seq) {
        let appends: Vec<Event> = self
            .events
            .range(..closed)
            .map(|(_, stored)| &stored.event)
            .filter(|event| crate::recording::appended_part(event) == Some((run, part)))
            .cloned()
            .collect();
        let close = &self.events[&closed].event;
        let Some((first, sealed)) = appends
            .first()
            .zip(sealing::seal_part(&appends, close))
            .and_then(|(first, sealed)| Some((first.seq, RecordedEvent::encode(sealed).ok()?)))
        else {
            return;
        };
        let new = Stretch {
            since: first,
            upto: closed,
        };
        let touched: Vec<Stretch> = self
            .stretches
            .values()
            .filter(|stretch| stretch.touches(&new))
            .copied()
            .collect();
        let joined = touched.iter().fold(new, |sum, stretch| sum.joined(stretch));
        let inside = self.events.range(joined.since..=joined.upto);
        let inside = inside
            .filter(|(seq, _)| **seq != closed && !appends.iter().any(|event| event.seq == **seq));
        let (count, bytes) = inside.fold((1, sealed.json.len()), |(count, bytes), (_, stored)| {
            (count + 1, bytes + stored.bytes)
        });
        if count > STRETCH_EVENTS_MAX || bytes > STRETCH_BYTES_MAX {
            return;
        }
        for append in &appends {
            self.events.remove(&append.seq);
        }
        for stretch in touched {
            self.stretches.remove(&stretch.since);
        }
        self.stretches.insert(joined.since, joined);
        let bytes = sealed.json.len();
        let event = sealed.event;
        self.events.insert(closed, StoredEvent { event, bytes });
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{Principal, QueueResumedEvent, SessionId, TimestampMs};
    use baton_session::NewEvent;

    use super::*;

    async fn append(log: &MemoryEventLog, id: LogId, expected: ExpectedHead) {
        let event = NewEvent {
            by: Principal::Hub,
            command: None,
            producer: None,
            recorded_at: None,
            body: EventBody::QueueResumed(QueueResumedEvent {}),
        };
        let request = AppendRequest {
            log: id,
            expected,
            recorded_at: TimestampMs(0),
            events: vec![event],
            receipt: None,
            state: None,
        };
        log.append(request).await.unwrap();
    }

    async fn head(log: &MemoryEventLog, id: LogId) -> LogHead {
        log.head(id).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_restored_log_has_what_the_backup_had_and_another_identity() {
        let log = MemoryEventLog::new();
        let id = LogId::Session(SessionId::mint());
        append(&log, id, ExpectedHead::Absent).await;
        let backup = log.backup();
        append(&log, id, ExpectedHead::At(Seq(1))).await;
        let restored = backup.restored();
        let (now, then) = (head(&log, id).await, head(&backup, id).await);
        assert_eq!((then.incarnation, then.seq), (now.incarnation, Seq(1)));
        let new = head(&restored, id).await;
        assert_eq!(new.seq, Seq(1));
        assert_ne!(new.incarnation, now.incarnation);
        append(&restored, id, ExpectedHead::At(Seq(1))).await;
        assert_eq!(head(&backup, id).await.seq, Seq(1));
    }
}
