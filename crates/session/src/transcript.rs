//! The timeline: rows with stable ids, made by the fold.
//!
//! A row is made by exactly one event and carries its seq, so rows only ever come at the end, and a transcript can be paged by seq.
//! Whoever folds decides what becomes of the rows: the hub drops them, a runner keeps them as the model's context, a device writes
//! them into its mirror.

use baton_protocol::view::{PartState, RowBody, RowId, Teardown, TranscriptRow};

/// Takes what the fold says about rows.
pub trait TranscriptSink {
    /// A change, in order.
    fn change(&mut self, change: RowChange);
}

/// One change to a transcript.
#[derive(Clone, PartialEq, Debug)]
pub enum RowChange {
    /// A new row, at the end.
    Insert(TranscriptRow),
    /// A part grew.
    AppendText {
        /// Which row.
        id: RowId,
        /// What is added.
        text: String,
    },
    /// A part gets no more text.
    ClosePart {
        /// Which row.
        id: RowId,
        /// Whole or cut.
        state: PartState,
        /// From its opening to its end.
        duration_ms: i64,
    },
    /// A part gets no more text, and this is its whole text.
    SealPart {
        /// Which row.
        id: RowId,
        /// All of it.
        text: String,
        /// Whole or cut.
        state: PartState,
        /// From its opening to its end.
        duration_ms: i64,
    },
    /// A stopped run's host has spoken.
    SetTeardown {
        /// The run's end row.
        id: RowId,
        /// What it says.
        teardown: Teardown,
    },
}

impl RowChange {
    /// The row that changes.
    pub fn row_id(&self) -> &RowId {
        match self {
            Self::Insert(row) => &row.id,
            Self::AppendText { id, .. }
            | Self::ClosePart { id, .. }
            | Self::SealPart { id, .. }
            | Self::SetTeardown { id, .. } => id,
        }
    }

    /// Makes the change in a row; one that does not fit the row's kind changes nothing.
    pub fn apply_to(&self, row: &mut TranscriptRow) {
        match self {
            Self::Insert(new) => *row = new.clone(),
            Self::AppendText { text: more, .. } => {
                if let RowBody::Text { text, .. } | RowBody::Reasoning { text, .. } = &mut row.body
                {
                    text.push_str(more);
                }
            }
            Self::ClosePart {
                state, duration_ms, ..
            } => close(row, None, *state, *duration_ms),
            Self::SealPart {
                text,
                state,
                duration_ms,
                ..
            } => close(row, Some(text), *state, *duration_ms),
            Self::SetTeardown { teardown: said, .. } => {
                if let RowBody::RunEnd { teardown, .. } = &mut row.body {
                    *teardown = Some(said.clone());
                }
            }
        }
    }
}

fn close(row: &mut TranscriptRow, whole: Option<&String>, end: PartState, took_ms: i64) {
    match &mut row.body {
        RowBody::Text { text, state } => {
            *state = end;
            if let Some(whole) = whole {
                text.clone_from(whole);
            }
        }
        RowBody::Reasoning {
            text,
            state,
            duration_ms,
        } => {
            *state = end;
            *duration_ms = Some(took_ms);
            if let Some(whole) = whole {
                text.clone_from(whole);
            }
        }
        RowBody::Prompt { .. } | RowBody::RunEnd { .. } | RowBody::Unknown { .. } => {}
    }
}

/// Drops the rows.
pub struct NoTranscript;

impl TranscriptSink for NoTranscript {
    fn change(&mut self, _change: RowChange) {}
}

impl TranscriptSink for Vec<RowChange> {
    fn change(&mut self, change: RowChange) {
        self.push(change);
    }
}

/// Keeps all rows, in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Transcript {
    /// The rows.
    pub rows: Vec<TranscriptRow>,
}

impl TranscriptSink for Transcript {
    fn change(&mut self, change: RowChange) {
        if let RowChange::Insert(row) = change {
            self.rows.push(row);
            return;
        }
        // What changes stands near the end.
        if let Some(row) = self
            .rows
            .iter_mut()
            .rev()
            .find(|row| row.id == *change.row_id())
        {
            change.apply_to(row);
        }
    }
}
