//! What the world knows of one log: what was acknowledged, what was on its way, and what somebody was shown. After a power cut the log
//! is held against it.

use baton_log::recording::Recording;
use baton_log::{Appended, EventLog, ReadError, ReadLimit, StoredReceipt};
use baton_protocol::{Batch, Event, Incarnation, LogId, Seq};
use baton_session::{SessionState, Transcript};

/// Why a log does not hold what it promised.
pub type Loss = String;

/// A log, folded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Folded {
    pub state: SessionState,
    pub transcript: Transcript,
}

impl Folded {
    pub fn of(events: &[Event], upto: Seq) -> Result<Self, Loss> {
        let mut folded = Self::default();
        folded.go_on(events, upto)?;
        Ok(folded)
    }

    pub fn go_on(&mut self, events: &[Event], upto: Seq) -> Result<(), Loss> {
        for event in events {
            let applied = self.state.apply(event, &mut self.transcript);
            applied.map_err(|error| format!("the log does not fold: {error}"))?;
        }
        self.state.set_head(upto);
        Ok(())
    }

    pub fn head(&self) -> Seq {
        self.state.head()
    }
}

/// The testimony about one log.
pub struct Book {
    pub id: LogId,
    incarnation: Option<Incarnation>,
    /// In order, as they were appended.
    acknowledged: Vec<Event>,
    receipts: Vec<StoredReceipt>,
    on_its_way: Option<Recording>,
    shown: Folded,
}

impl Book {
    pub fn new(id: LogId) -> Self {
        Self {
            id,
            incarnation: None,
            acknowledged: Vec::new(),
            receipts: Vec::new(),
            on_its_way: None,
            shown: Folded::default(),
        }
    }

    pub fn acknowledged_head(&self) -> Seq {
        self.acknowledged
            .last()
            .map_or(Seq::ZERO, |event| event.seq)
    }

    /// An append is asked for.
    pub fn asked(&mut self, recording: Recording) {
        self.on_its_way = Some(recording);
    }

    /// It returned.
    pub fn answered(&mut self, appended: &Appended) {
        let recording = self.on_its_way.take().expect("asked for before");
        let events: Vec<Event> = recording
            .events
            .into_iter()
            .map(|recorded| recorded.event)
            .collect();
        assert_eq!(appended.events, events, "recorded as asked");
        self.incarnation = Some(appended.incarnation);
        self.acknowledged.extend(events);
        self.receipts.extend(recording.receipt);
    }

    /// It was refused for sure: nothing of it may ever be seen.
    pub fn refused(&mut self) {
        self.on_its_way = None;
    }

    /// Somebody reads on from where he stands and remembers what he saw.
    pub async fn show(&mut self, log: &dyn EventLog, limit: ReadLimit) -> Result<(), ReadError> {
        let batch = log.read(self.id, self.shown.head(), limit).await?;
        self.note_shown(&batch).expect("what is shown folds");
        Ok(())
    }

    fn note_shown(&mut self, batch: &Batch) -> Result<(), Loss> {
        self.incarnation.get_or_insert(batch.incarnation);
        self.shown.go_on(&batch.events, batch.upto)
    }

    /// Holds the log against the book: all that was acknowledged is there, with its receipts; beyond it stands what was on its way, whole
    /// or not at all; nobody saw anything else. From then on what is there counts as acknowledged.
    pub async fn hold(&mut self, log: &dyn EventLog) -> Result<Folded, Loss> {
        let read = |error: ReadError| format!("{}: cannot be read: {error:?}", self.id);
        let head = log.head(self.id).await.map_err(read)?;
        let on_its_way = self.on_its_way.take();
        let known = self.acknowledged_head();
        let Some(head) = head else {
            if known > Seq::ZERO || self.shown.head() > Seq::ZERO {
                return Err(format!("{}: the log is gone", self.id));
            }
            return Ok(Folded::default());
        };
        if self.incarnation.is_some_and(|old| old != head.incarnation) {
            return Err(format!("{}: another log has its place", self.id));
        }
        self.incarnation = Some(head.incarnation);
        if head.seq > known {
            let recording = on_its_way.ok_or("more is there than was appended")?;
            let events = recording.events.into_iter().map(|recorded| recorded.event);
            self.acknowledged.extend(events);
            self.receipts.extend(recording.receipt);
        } else if let Some(stored) = on_its_way.and_then(|recording| recording.receipt) {
            self.hold_receipt_on_its_way(log, &stored).await?;
        }
        let there = self.acknowledged_head();
        if head.seq != there {
            return Err(format!(
                "{}: acknowledged up to {known}, on its way up to {there}, found up to {}",
                self.id, head.seq
            ));
        }
        let found = self.read_whole(log).await?;
        if found != Folded::of(&self.acknowledged, there)? {
            return Err(format!("{}: the log holds something else", self.id));
        }
        self.hold_receipts(log).await?;
        self.hold_shown(there)?;
        Ok(found)
    }

    /// The receipt of a request without events is its only trace, and may be there; one without its events must not.
    async fn hold_receipt_on_its_way(
        &mut self,
        log: &dyn EventLog,
        stored: &StoredReceipt,
    ) -> Result<(), Loss> {
        let found = log.receipt(self.id, stored.receipt.command).await;
        let found = found.map_err(|error| format!("{error:?}"))?;
        let has_events = stored.receipt.seq > self.acknowledged_head();
        match found {
            Some(_) if has_events => Err("a receipt stands without its events".to_owned()),
            Some(found) if found != *stored => Err("another receipt stands there".to_owned()),
            Some(found) => {
                self.receipts.push(found);
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn read_whole(&self, log: &dyn EventLog) -> Result<Folded, Loss> {
        let mut found = Folded::default();
        loop {
            let batch = log
                .read(self.id, found.head(), ReadLimit::default())
                .await
                .map_err(|error| format!("{}: {error:?}", self.id))?;
            found.go_on(&batch.events, batch.upto)?;
            if batch.upto == batch.head {
                return Ok(found);
            }
        }
    }

    async fn hold_receipts(&self, log: &dyn EventLog) -> Result<(), Loss> {
        for stored in &self.receipts {
            let command = stored.receipt.command;
            let found = log.receipt(self.id, command).await;
            if found.map_err(|error| format!("{error:?}"))?.as_ref() != Some(stored) {
                return Err(format!("{}: the receipt of {command} is gone", self.id));
            }
        }
        Ok(())
    }

    fn hold_shown(&self, there: Seq) -> Result<(), Loss> {
        let upto = self.shown.head();
        if upto > there {
            return Err(format!(
                "{}: shown up to {upto}, found up to {there}",
                self.id
            ));
        }
        let seen: Vec<Event> = self
            .acknowledged
            .iter()
            .filter(|event| event.seq <= upto)
            .cloned()
            .collect();
        if self.shown != Folded::of(&seen, upto)? {
            return Err(format!("{}: somebody was shown something else", self.id));
        }
        Ok(())
    }
}
