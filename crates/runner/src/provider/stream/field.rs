//! Parses lines into fields of an event stream.

/// The kind of a stream's line.
pub(super) enum Field {
    Data,
    Error,
    Event,
    /// A comment, or a field without meaning here.
    Other,
}

impl Field {
    /// The field and its value; `None` if the line does not belong to an event stream.
    pub fn of(line: &[u8]) -> Option<(Self, &[u8])> {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &line[line.len()..]),
        };
        let name = name.trim_ascii();
        let is = |field: &[u8]| name.eq_ignore_ascii_case(field);
        let field = if is(b"data") {
            Self::Data
        } else if is(b"error") && colon.is_some() {
            Self::Error
        } else if is(b"event") {
            Self::Event
        } else if is(b"") || is(b"id") || is(b"retry") {
            Self::Other
        } else {
            return None;
        };
        Some((field, value.strip_prefix(b" ").unwrap_or(value)))
    }
}

/// Whether a value is the end marker of a stream.
pub(super) fn is_done(value: &[u8]) -> bool {
    value.trim_ascii().eq_ignore_ascii_case(b"[DONE]")
}
