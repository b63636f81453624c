//! A scripted reply.

use axum::http::StatusCode;

/// The fake model's answer to one request. Lengths of deltas are in characters, positions in deltas.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) delta_chars: usize,
    pub(super) write_bytes: Option<usize>,
    pub(super) deltas_per_second: Option<f64>,
    pub(super) hold_after: Option<usize>,
    pub(super) cut_after: Option<usize>,
    error: Option<(u16, String)>,
}

impl Reply {
    /// Creates a reply of this text, in deltas of four characters, sent as fast as the client reads.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            reasoning: String::new(),
            delta_chars: 4,
            write_bytes: None,
            deltas_per_second: None,
            hold_after: None,
            cut_after: None,
            error: None,
        }
    }

    /// Creates an HTTP error with a body in the API's form.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self {
            error: Some((status, message.into())),
            ..Self::text("")
        }
    }

    /// Adds reasoning before the text, as `reasoning_content`.
    pub fn with_reasoning(self, reasoning: impl Into<String>) -> Self {
        Self {
            reasoning: reasoning.into(),
            ..self
        }
    }

    /// Sets the length of a delta in characters.
    pub fn delta_chars(self, delta_chars: usize) -> Self {
        assert!(delta_chars > 0, "a delta has at least one character");
        Self {
            delta_chars,
            ..self
        }
    }

    /// Sends the stream in separate writes of this many bytes, wherever they cut: inside a UTF-8 sequence, an escape or an event.
    pub fn write_bytes(self, write_bytes: usize) -> Self {
        assert!(write_bytes > 0, "a write has at least one byte");
        Self {
            write_bytes: Some(write_bytes),
            ..self
        }
    }

    /// Limits the rate of deltas per second.
    pub fn deltas_per_second(self, rate: f64) -> Self {
        assert!(rate > 0.0, "a rate is positive");
        Self {
            deltas_per_second: Some(rate),
            ..self
        }
    }

    /// Pauses after this many deltas until [`FakeModel::release`](crate::FakeModel::release), with the connection open.
    pub fn hold_after(self, deltas: usize) -> Self {
        Self {
            hold_after: Some(deltas),
            ..self
        }
    }

    /// Cuts the connection after this many deltas.
    pub fn cut_after(self, deltas: usize) -> Self {
        Self {
            cut_after: Some(deltas),
            ..self
        }
    }

    pub(super) fn refusal(&self) -> Option<(StatusCode, &str)> {
        let (status, message) = self.error.as_ref()?;
        Some((
            StatusCode::from_u16(*status).expect("a valid HTTP status"),
            message,
        ))
    }

    /// Splits the reply into deltas, reasoning first.
    pub(super) fn deltas(&self) -> Vec<(Kind, String)> {
        let pieces = |kind: Kind, text: &str| {
            let characters: Vec<char> = text.chars().collect();
            characters
                .chunks(self.delta_chars)
                .map(|piece| (kind, piece.iter().collect()))
                .collect::<Vec<_>>()
        };
        let mut deltas = pieces(Kind::Reasoning, &self.reasoning);
        deltas.extend(pieces(Kind::Text, &self.text));
        deltas
    }
}

/// The channel of the answer that a delta belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reasoning,
    Text,
}
