//! The timeline: rows with stable ids, made by the fold.
//!
//! Each row is made by exactly one event and carries its seq. Rows are therefore only added at the end, and a transcript can be paged by
//! seq. The caller of the fold decides what happens to the rows: the hub drops them, a runner keeps them as the model's context, a device
//! writes them into its mirror.

use std::collections::BTreeSet;

use baton_protocol::PromptId;
use baton_protocol::view::{ApprovalState, PartState, RowBody, RowId, Teardown, TranscriptRow};

/// Receives the row changes that the fold emits.
pub trait TranscriptSink {
    /// Receives the next change; changes arrive in order.
    fn change(&mut self, change: RowChange);
}

/// One change to a transcript.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes live for one batch, and a box for each row would cost more than the room"
)]
pub enum RowChange {
    /// A new row at the end.
    Insert(TranscriptRow),
    /// Text was appended to a part.
    AppendText {
        id: RowId,
        /// The text to append.
        text: String,
    },
    /// A part was closed.
    ClosePart {
        id: RowId,
        state: PartState,
        /// Time from the part's opening to its end.
        duration_ms: i64,
    },
    /// A part was closed, with its whole text.
    SealPart {
        id: RowId,
        /// The whole text.
        text: String,
        state: PartState,
        /// Time from the part's opening to its end.
        duration_ms: i64,
    },
    /// The host of a stopped run reported its teardown.
    SetTeardown {
        /// The run's end row.
        id: RowId,
        teardown: Teardown,
    },
    /// An approval was answered or cancelled.
    SetApproval {
        /// The approval's row.
        id: RowId,
        state: ApprovalState,
    },
    /// Another branch is shown: hide the rows of these turns, and show all others.
    Hide(BTreeSet<PromptId>),
}

impl RowChange {
    /// The row that changes; `None` if the change is not about one row.
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

    /// Applies the change to a row. A change that does not fit the row's kind has no effect.
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

/// A sink that drops every change.
pub struct NoTranscript;

impl TranscriptSink for NoTranscript {
    fn change(&mut self, _change: RowChange) {}
}

impl TranscriptSink for Vec<RowChange> {
    fn change(&mut self, change: RowChange) {
        self.push(change);
    }
}

/// A sink that keeps all rows, in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Transcript {
    /// All rows, including those of hidden branches.
    pub rows: Vec<TranscriptRow>,
    /// The turns of hidden branches.
    pub hidden: BTreeSet<PromptId>,
}

impl Transcript {
    /// The rows of the shown branch.
    pub fn shown(&self) -> impl Iterator<Item = &TranscriptRow> {
        self.rows.iter().filter(|row| self.is_shown(row))
    }

    /// The rows of the shown branch, newest first.
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
        // Changed rows are near the end.
        let row = self.rows.iter_mut().rev().find(|row| Some(&row.id) == id);
        if let Some(row) = row {
            change.apply_to(row);
        }
    }
}
