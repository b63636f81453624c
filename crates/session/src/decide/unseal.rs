//! Splits a sealed part back into the events that it replaced, for a copy in another log.
//!
//! The log sealed the part after accepting its appends one by one, so its whole text may exceed what one event may hold. The copy is split
//! at the limit that runners keep to.

use baton_protocol::{EventBody, PartAppendedEvent, PartClosedEvent, PartSealedEvent, limits};

/// The appends for the text from byte `offset` on, and the close. `None` if `offset` is beyond the text or inside a character.
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
