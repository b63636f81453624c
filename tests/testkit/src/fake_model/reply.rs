//! A scripted reply.

use axum::http::StatusCode;

/// What the fake model answers to one request. Lengths of deltas are in characters, places in deltas.
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
    /// A text, in deltas of four characters, as fast as the client reads.
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

    /// An HTTP status with an error body in the API's form.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self {
            error: Some((status, message.into())),
            ..Self::text("")
        }
    }

    /// Reasoning before the text, as `reasoning_content`.
    pub fn with_reasoning(self, reasoning: impl Into<String>) -> Self {
        Self {
            reasoning: reasoning.into(),
            ..self
        }
    }

    /// So many characters a delta.
    pub fn delta_chars(self, delta_chars: usize) -> Self {
        assert!(delta_chars > 0, "a delta has at least one character");
        Self {
            delta_chars,
            ..self
        }
    }

    /// The stream's bytes in separate writes of this size, whatever they cut: a UTF-8 sequence, an escape, an event.
    pub fn write_bytes(self, write_bytes: usize) -> Self {
        assert!(write_bytes > 0, "a write has at least one byte");
        Self {
            write_bytes: Some(write_bytes),
            ..self
        }
    }

    /// No more than so many deltas a second.
    pub fn deltas_per_second(self, rate: f64) -> Self {
        assert!(rate > 0.0, "a rate is positive");
        Self {
            deltas_per_second: Some(rate),
            ..self
        }
    }

    /// Stops after so many deltas until [`FakeModel::release`](crate::FakeModel::release), the connection open.
    pub fn hold_after(self, deltas: usize) -> Self {
        Self {
            hold_after: Some(deltas),
            ..self
        }
    }

    /// Breaks the connection off after so many deltas.
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

    /// The deltas, reasoning first.
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

/// What a delta belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reasoning,
    Text,
}
