//! The sealing law: one event replaces a part's deltas, and no reader can tell.
//!
//! One `PartSealed` with the whole text, at the seq of the close, replaces a closed part's appends and its close. A reader that stopped
//! inside the part replaces what it has; a reader before the part gets the whole text at once. Storage and replay thus grow with the
//! conversation, not with its tokens. A log must not end a batch in `[since, seq)` of a sealed part: it moves `upto` on to `seq`.

use std::collections::HashMap;

use baton_protocol::{
    Event, EventBody, PartAppendedEvent, PartIndex, PartSealedEvent, ProducerSeq, RunId,
};

/// The event that replaces a closed part, at the position of its close. `appends` are the part's `PartAppended` events in seq order.
///
/// `None` if there are no appends, if they do not make up the part's whole text, or if `close` is not a `PartClosed`.
pub fn seal_part(appends: &[Event], close: &Event) -> Option<Event> {
    let EventBody::PartClosed(closed) = &close.body else {
        return None;
    };
    let since = appends.first()?.seq;
    let mut text = String::new();
    for event in appends {
        let EventBody::PartAppended(append) = &event.body else {
            return None;
        };
        if (append.run, append.part) != (closed.run, closed.part)
            || append.offset != text.len() as u64
        {
            return None;
        }
        text.push_str(&append.text);
    }
    let body = EventBody::PartSealed(PartSealedEvent {
        run: closed.run,
        part: closed.part,
        end: closed.end,
        since,
        text,
    });
    // A part that was cut from outside is closed without a producer count: keep that of its last append.
    let producer = close
        .producer
        .max(appends.iter().filter_map(|event| event.producer).max());
    Some(Event {
        producer,
        body,
        ..close.clone()
    })
}

/// Joins the appends of each part into the last of them, which keeps its seq and time and gets the highest producer count.
///
/// `events` must be a whole stretch of a log: an append may move only to a position that the reader reaches in the same batch.
pub fn merge_appends(events: Vec<Event>) -> Vec<Event> {
    let mut last_append: HashMap<(RunId, PartIndex), usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if let EventBody::PartAppended(append) = &event.body {
            last_append.insert((append.run, append.part), index);
        }
    }
    let mut pending: HashMap<(RunId, PartIndex), (PartAppendedEvent, Option<ProducerSeq>)> =
        HashMap::new();
    let mut merged = Vec::with_capacity(events.len());
    for (index, mut event) in events.into_iter().enumerate() {
        let EventBody::PartAppended(append) = &mut event.body else {
            merged.push(event);
            continue;
        };
        let key = (append.run, append.part);
        let (mut whole, producer) = match pending.remove(&key) {
            Some((mut earlier, producer)) => {
                earlier.text.push_str(&append.text);
                (earlier, event.producer.max(producer))
            }
            None => (append.clone(), event.producer),
        };
        if last_append.get(&key) == Some(&index) {
            std::mem::swap(append, &mut whole);
            event.producer = producer;
            merged.push(event);
        } else {
            pending.insert(key, (whole, producer));
        }
    }
    merged
}
