//! A sealed part as the events that it stands for, for a copy of it in another log.
//!
//! A log seals a part after it has accepted each of its appends, so a whole part may be larger than one event may be: a copy is cut as a
//! runner would have cut it.

use baton_protocol::{EventBody, PartAppendedEvent, PartClosedEvent, PartSealedEvent, limits};

/// The appends of what stands behind `offset` in the text, and the close. `None` where the text ends before, or inside of a character.
pub(super) fn unseal(sealed: &PartSealedEvent, offset: usize) -> Option<Vec<EventBody>> {
    let (run, part, end) = (sealed.run, sealed.part, sealed.end);
    let mut rest = sealed.text.get(offset..)?;
    let mut at = offset;
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (text, behind) = rest.split_at(rest.floor_char_boundary(limits::APPEND_TEXT_BYTES_MAX));
        events.push(EventBody::PartAppended(PartAppendedEvent {
            run,
            part,
            offset: u64::try_from(at).unwrap_or(u64::MAX),
            text: text.to_owned(),
        }));
        at += text.len();
        rest = behind;
    }
    events.push(EventBody::PartClosed(PartClosedEvent { run, part, end }));
    Some(events)
}
