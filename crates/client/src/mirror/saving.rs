//! When a log's state is worth saving.

use crate::limits::{STATE_BYTES_PER_TAIL_EVENT, STATE_SAVE_EVENTS_MIN};

/// What stands behind a saved state: the events that are folded over it when the log is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnsavedTail {
    events: usize,
    /// How large the state was when it was saved.
    saved_bytes: usize,
}

impl UnsavedTail {
    /// Nothing, behind a state of so many bytes.
    pub(super) fn behind(saved_bytes: usize) -> Self {
        Self {
            events: 0,
            saved_bytes,
        }
    }

    /// One event more.
    pub(super) fn grow(&mut self) {
        self.events += 1;
    }

    /// Whether the tail has grown as long as the state is large: so saving costs a fixed part of ingesting, and opening folds no more
    /// than it reads.
    pub(super) fn is_worth_saving(&self) -> bool {
        let events_max = STATE_SAVE_EVENTS_MIN.max(self.saved_bytes / STATE_BYTES_PER_TAIL_EVENT);
        self.events >= events_max
    }
}
