//! The rows that one screen follows, and how much of each the screen has.
//!
//! **Invariant:** a screen that applied every patch in order has exactly the window's rows. However long a screen does not read, the window
//! bounds what waits for it.

use std::collections::VecDeque;

use baton_protocol::view::{PartState, RowBody, RowId, RowPatch, TranscriptRow};
use baton_session::RowChange;

use crate::limits::WINDOW_ROWS_MAX;
use crate::mirror::RowPlace;

/// How much of a row the screen has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sent {
    Never,
    /// A growing text up to this byte offset.
    Through(usize),
    Whole,
}

#[derive(Clone, Debug)]
struct WindowRow {
    row: TranscriptRow,
    sent: Sent,
    changed: bool,
}

/// The end of a transcript, from some row on.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    rows: VecDeque<WindowRow>,
    removed: Vec<RowId>,
    pub(super) has_older: bool,
    /// The next patch replaces all of the screen's rows.
    reset: bool,
    dirty: bool,
}

impl Window {
    pub(super) fn new(rows: Vec<TranscriptRow>, has_older: bool) -> Self {
        let unsent = |row| WindowRow {
            row,
            sent: Sent::Never,
            changed: true,
        };
        Self {
            rows: rows.into_iter().map(unsent).collect(),
            removed: Vec::new(),
            has_older,
            reset: true,
            dirty: true,
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The place of the oldest row.
    pub(super) fn first(&self) -> Option<RowPlace> {
        RowPlace::of(&self.rows.front()?.row.id)
    }

    pub(super) fn apply(&mut self, change: &RowChange) {
        self.dirty = true;
        if let RowChange::Insert(row) = change {
            return self.push(row.clone());
        }
        let id = change.row_id();
        let known = self
            .rows
            .iter_mut()
            .rev()
            .find(|known| Some(&known.row.id) == id);
        if let Some(known) = known {
            change.apply_to(&mut known.row);
            known.changed = true;
        }
    }

    fn push(&mut self, row: TranscriptRow) {
        if self.rows.iter().rev().any(|known| known.row.id == row.id) {
            return;
        }
        self.rows.push_back(WindowRow {
            row,
            sent: Sent::Never,
            changed: true,
        });
        self.bound(WINDOW_ROWS_MAX);
    }

    /// Drops the oldest rows beyond `rows_max`.
    pub(super) fn bound(&mut self, rows_max: usize) {
        while self.rows.len() > rows_max
            && let Some(oldest) = self.rows.pop_front()
        {
            self.dirty = true;
            self.has_older = true;
            if oldest.sent != Sent::Never {
                self.removed.push(oldest.row.id);
            }
        }
    }

    /// Adds older rows before the first one; skips rows that are already here.
    pub(super) fn prepend(&mut self, rows: Vec<TranscriptRow>, has_older: bool) {
        let first = self.first().unwrap_or(RowPlace::END);
        for row in rows.into_iter().rev() {
            if RowPlace::of(&row.id).is_none_or(|place| place < first) {
                self.removed.retain(|id| *id != row.id);
                self.rows.push_front(WindowRow {
                    row,
                    sent: Sent::Never,
                    changed: true,
                });
            }
        }
        self.has_older = has_older;
        self.dirty = true;
    }

    /// The patches that bring the screen up to date.
    pub(super) fn take_patches(&mut self) -> Vec<RowPatch> {
        if !std::mem::take(&mut self.dirty) {
            return Vec::new();
        }
        if std::mem::take(&mut self.reset) {
            self.removed.clear();
            let rows = self.rows.iter_mut().map(|row| {
                row.mark_sent();
                row.row.clone()
            });
            return vec![RowPatch::Reset {
                rows: rows.collect(),
            }];
        }
        let removed = std::mem::take(&mut self.removed);
        let mut patches: Vec<RowPatch> = removed
            .into_iter()
            .map(|id| RowPatch::Remove { id })
            .collect();
        let mut known_after: Option<RowId> = None;
        let mut backwards = Vec::new();
        for row in self.rows.iter_mut().rev() {
            if row.changed {
                backwards.extend(row.patch(known_after.as_ref()));
            }
            if row.sent != Sent::Never {
                known_after = Some(row.row.id.clone());
            }
            row.mark_sent();
        }
        patches.extend(backwards.into_iter().rev());
        patches
    }
}

impl WindowRow {
    /// The patch for a changed row; `before` is the nearest later row that the screen has.
    fn patch(&self, before: Option<&RowId>) -> Option<RowPatch> {
        match (self.sent, growing_text(&self.row)) {
            (Sent::Never, _) => Some(RowPatch::Insert {
                row: self.row.clone(),
                before: before.cloned(),
            }),
            (Sent::Through(sent), Some(text)) => {
                let more = text.get(sent..)?;
                (!more.is_empty()).then(|| RowPatch::AppendText {
                    id: self.row.id.clone(),
                    text: more.to_owned(),
                })
            }
            _ => Some(RowPatch::Update {
                row: self.row.clone(),
            }),
        }
    }

    fn mark_sent(&mut self) {
        self.changed = false;
        self.sent = growing_text(&self.row).map_or(Sent::Whole, |text| Sent::Through(text.len()));
    }
}

fn growing_text(row: &TranscriptRow) -> Option<&str> {
    match &row.body {
        RowBody::Text {
            text,
            state: PartState::Open,
        }
        | RowBody::Reasoning {
            text,
            state: PartState::Open,
            ..
        }
        | RowBody::ToolCall {
            text,
            state: PartState::Open,
            ..
        }
        | RowBody::ToolResult {
            text,
            state: PartState::Open,
            ..
        } => Some(text),
        _ => None,
    }
}
