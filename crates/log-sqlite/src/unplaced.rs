//! An in-memory index of the arrivals that the `places` table does not have yet.
//!
//! **Invariant:** every event here is committed. An event of a log that is neither here nor placed arrived after [`Known::upto`]. So a
//! reader that asks here first and then takes its snapshot needs to search only those arrivals.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::{LogId, Seq};
use rusqlite::Connection;

use crate::tables::arrivals::{self, Arrival};
use crate::tables::{logs, places};

/// The seq and the arrival of an event of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub seq: Seq,
    pub arrival: Arrival,
}

/// A log's unplaced events at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// The last arrival of any log.
    pub upto: Arrival,
    /// In seq order.
    pub places: Vec<Place>,
}

/// The unplaced events of all logs, shared by the writer and the readers.
#[derive(Clone, Default)]
pub struct Unplaced(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    upto: Arrival,
    logs: HashMap<LogId, Vec<Place>>,
    count: usize,
}

impl Unplaced {
    /// Loads the unplaced events from the database.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let upto = places::upto(connection)?;
        let mut arrived = Vec::new();
        arrivals::behind(connection, upto, |log, position, arrival| {
            let seq = position.seq();
            arrived.push((log, Place { seq, arrival }));
        })?;
        let mut ids = HashMap::new();
        let mut inner = Inner {
            upto,
            ..Inner::default()
        };
        for (log, place) in arrived {
            let id = match ids.get(&log) {
                Some(id) => *id,
                None => *ids.entry(log).or_insert(logs::id_of(connection, log)?),
            };
            match id {
                Some(id) => inner.add(id, place),
                None => inner.count(place),
            }
        }
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// The last arrival.
    pub fn upto(&self) -> Arrival {
        self.lock().upto
    }

    /// The number of unplaced events.
    pub fn count(&self) -> usize {
        self.lock().count
    }

    /// A log's unplaced events from seq `from` on; always includes the last one.
    pub fn of(&self, log: LogId, from: Seq) -> Known {
        let inner = self.lock();
        let places = inner.logs.get(&log).map_or(&[][..], Vec::as_slice);
        let begin = places.partition_point(|place| place.seq < from);
        Known {
            upto: inner.upto,
            places: places[begin.min(places.len().saturating_sub(1))..].to_vec(),
        }
    }

    /// Adds committed events. The writer calls this in commit order.
    pub fn committed(&self, arrived: &[(LogId, Place)]) {
        let mut inner = self.lock();
        for (log, place) in arrived {
            inner.add(*log, *place);
        }
    }

    /// Clears the index, once the commit that placed all of its events has returned.
    pub fn placed(&self) {
        let mut inner = self.lock();
        inner.logs.clear();
        inner.count = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, log: LogId, place: Place) {
        self.logs.entry(log).or_default().push(place);
        self.count(place);
    }

    fn count(&mut self, place: Place) {
        self.upto = self.upto.max(place.arrival);
        self.count += 1;
    }
}
