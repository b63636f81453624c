//! The sealing law: deltas give way to one event, and no reader can tell.
//!
//! A closed part's appends and its close are replaced by one `PartSealed` at the seq of the close, with the whole text. A reader who
//! stands inside the part replaces what it has; a reader before it gets the text at once. So storage and replay grow with the
//! conversation and not with its tokens. A log must not end a batch in `[since, seq)` of a sealed part: it moves `upto` on to `seq`.

use std::collections::HashMap;

use baton_protocol::{
    Event, EventBody, PartAppendedEvent, PartIndex, PartSealedEvent, ProducerSeq, RunId,
};

/// The event that stands for a closed part, in the place of its close. `appends` are the part's `PartAppended` in seq order.
///
/// `None` where there is nothing to gain: no appends, or `close` is not a `PartClosed`.
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
    // A part that was cut from outside is closed without a count of its writer: the one of its last append must not be lost.
    let producer = close
        .producer
        .max(appends.iter().filter_map(|event| event.producer).max());
    Some(Event {
        producer,
        body,
        ..close.clone()
    })
}

/// Joins the appends of each part into the last of them, which keeps its seq and its time, and has the highest producer count of all.
///
/// `events` must be a whole stretch of a log: an append may only move on to a place that the reader reaches in the same batch.
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
