//! Decides when a log's state is worth saving.

use crate::limits::{STATE_BYTES_PER_TAIL_EVENT, STATE_SAVE_EVENTS_MIN};

/// The events after a saved state; loading the log folds them over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnsavedTail {
    events: usize,
    /// Size of the saved state in bytes.
    saved_bytes: usize,
}

impl UnsavedTail {
    /// An empty tail after a state of `saved_bytes` bytes.
    pub(super) fn behind(saved_bytes: usize) -> Self {
        Self {
            events: 0,
            saved_bytes,
        }
    }

    /// Counts one more event.
    pub(super) fn grow(&mut self) {
        self.events += 1;
    }

    /// Whether the tail has grown as long as the state is large. So saving costs a fixed share of ingesting, and opening folds no more than
    /// it reads.
    pub(super) fn is_worth_saving(&self) -> bool {
        let events_max = STATE_SAVE_EVENTS_MIN.max(self.saved_bytes / STATE_BYTES_PER_TAIL_EVENT);
        self.events >= events_max
    }
}
