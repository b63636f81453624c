//! The timeline: rows with stable ids, made by the fold.
//!
//! A row is made by exactly one event and carries its seq, so rows only ever come at the end, and a transcript can be paged by seq.
//! Whoever folds decides what becomes of the rows: the hub drops them, a runner keeps them as the model's context, a device writes
//! them into its mirror.

use std::collections::BTreeSet;

use baton_protocol::PromptId;
use baton_protocol::view::{ApprovalState, PartState, RowBody, RowId, Teardown, TranscriptRow};

/// Takes what the fold says about rows.
pub trait TranscriptSink {
    /// A change, in order.
    fn change(&mut self, change: RowChange);
}

/// One change to a transcript.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes live for one batch, and a box for each row would cost more than the room"
)]
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
    /// An approval waits no longer.
    SetApproval {
        /// Its row.
        id: RowId,
        /// What became of it.
        state: ApprovalState,
    },
    /// Another branch is shown: rows of these turns are hidden, rows of all others are not.
    Hide(BTreeSet<PromptId>),
}

impl RowChange {
    /// The row that changes; none where it is about all of them.
    pub fn row_id(&self) -> Option<&RowId> {
        match self {
            Self::Insert(row) => Some(&row.id),
            Self::AppendText { id, .. }
            | Self::ClosePart { id, .. }
            | Self::SealPart { id, .. }
            | Self::SetTeardown { id, .. }
            | Self::SetApproval { id, .. } => Some(id),
            Self::Hide(_) => None,
        }
    }

    /// Makes the change in a row; one that does not fit the row's kind changes nothing.
    pub fn apply_to(&self, row: &mut TranscriptRow) {
        match self {
            Self::Insert(new) => *row = new.clone(),
            Self::AppendText { text: more, .. } => {
                if let RowBody::Text { text, .. }
                | RowBody::Reasoning { text, .. }
                | RowBody::ToolCall { text, .. }
                | RowBody::ToolResult { text, .. } = &mut row.body
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
            Self::SetApproval { state: now, .. } => {
                if let RowBody::Approval { state, .. } = &mut row.body {
                    state.clone_from(now);
                }
            }
            Self::Hide(_) => {}
        }
    }
}

fn close(row: &mut TranscriptRow, whole: Option<&String>, end: PartState, took_ms: i64) {
    match &mut row.body {
        RowBody::Text { text, state }
        | RowBody::ToolCall { text, state, .. }
        | RowBody::ToolResult { text, state, .. } => {
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
        RowBody::Prompt { .. }
        | RowBody::RunEnd { .. }
        | RowBody::Approval { .. }
        | RowBody::Unknown { .. } => {}
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
    /// The rows, those of branches that are not shown included.
    pub rows: Vec<TranscriptRow>,
    /// The turns of branches that are not shown.
    pub hidden: BTreeSet<PromptId>,
}

impl Transcript {
    /// The rows of the branch that is shown.
    pub fn shown(&self) -> impl Iterator<Item = &TranscriptRow> {
        self.rows.iter().filter(|row| self.is_shown(row))
    }

    /// The same rows, from the last one back.
    pub fn shown_newest_first(&self) -> impl Iterator<Item = &TranscriptRow> {
        self.rows.iter().rev().filter(|row| self.is_shown(row))
    }

    fn is_shown(&self, row: &TranscriptRow) -> bool {
        row.turn.is_none_or(|turn| !self.hidden.contains(&turn))
    }
}

impl TranscriptSink for Transcript {
    fn change(&mut self, change: RowChange) {
        let id = match &change {
            RowChange::Insert(row) => return self.rows.push(row.clone()),
            RowChange::Hide(turns) => return self.hidden.clone_from(turns),
            changed => changed.row_id(),
        };
        // What changes stands near the end.
        let row = self.rows.iter_mut().rev().find(|row| Some(&row.id) == id);
        if let Some(row) = row {
            change.apply_to(row);
        }
    }
}
