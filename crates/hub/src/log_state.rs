//! What an actor folds its log into, and when that is worth saving beside the log.
//!
//! Invariant: a saved state is a shortcut. What does not read, or does not fit the log, costs a fold from the beginning and nothing else.

use baton_log::SavedState;
use baton_protocol::{Event, EventBody, Seq};
use baton_session::{AccountState, Checkpoints, FoldError, NoTranscript, Noted, SessionState};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state that is folded from a log.
pub trait LogState: Default + Serialize + DeserializeOwned + Send {
    /// Names its JSON and the rules by which it is folded.
    const FORMAT: u32;

    /// Moves over one event.
    fn fold(&mut self, event: &Event) -> Result<(), FoldError>;

    /// The seq up to which it is folded.
    fn head(&self) -> Seq;

    /// Moves the head to a batch's `upto`.
    fn set_head(&mut self, upto: Seq);

    /// Whether nothing is half-done in it: then it is small, and no sealed part reaches across it.
    fn is_at_rest(&self) -> bool;
}

impl LogState for SessionState {
    const FORMAT: u32 = SessionState::FORMAT;

    fn fold(&mut self, event: &Event) -> Result<(), FoldError> {
        self.apply(event, &mut NoTranscript)
    }

    fn head(&self) -> Seq {
        self.head()
    }

    fn set_head(&mut self, upto: Seq) {
        self.set_head(upto);
    }

    fn is_at_rest(&self) -> bool {
        self.active_runs().next().is_none()
    }
}

impl LogState for AccountState {
    const FORMAT: u32 = AccountState::FORMAT;

    fn fold(&mut self, event: &Event) -> Result<(), FoldError> {
        self.apply(event)
    }

    fn head(&self) -> Seq {
        self.head()
    }

    fn set_head(&mut self, upto: Seq) {
        self.set_head(upto);
    }

    fn is_at_rest(&self) -> bool {
        true
    }
}

/// Events behind a saved state before another one is worth it. Text deltas do not count: they are sealed away.
const UNSAVED_EVENTS_MIN: usize = 256;

/// Bytes of a saved state for each event behind it: saving costs no more than the events themselves did.
const STATE_BYTES_PER_EVENT: usize = 256;

/// How much of a log stands behind its last saved state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unsaved {
    events: usize,
    saved_bytes: usize,
}

impl Unsaved {
    /// Behind a state that was found or is saved now.
    pub fn behind(state: &SavedState) -> Self {
        Self {
            events: 0,
            saved_bytes: state.json.len(),
        }
    }

    /// One more.
    pub fn count(&mut self, event: &Event) {
        if !matches!(event.body, EventBody::PartAppended(_)) {
            self.events += 1;
        }
    }

    /// The state, where it is worth saving.
    pub fn due<S: LogState>(&self, state: &S) -> Option<SavedState> {
        let enough = UNSAVED_EVENTS_MIN.max(self.saved_bytes / STATE_BYTES_PER_EVENT);
        if self.events < enough || !state.is_at_rest() {
            return None;
        }
        match serde_json::to_string(state) {
            Ok(json) => Some(SavedState {
                seq: state.head(),
                format: S::FORMAT,
                json,
            }),
            Err(error) => {
                tracing::error!(%error, "a state cannot be saved");
                None
            }
        }
    }
}

/// A session's checkpoints, and whether the newest ones are saved beside its log.
#[derive(Debug, Default)]
pub struct SessionCheckpoints {
    checkpoints: Checkpoints,
    are_unsaved: bool,
}

impl SessionCheckpoints {
    /// As they were saved. What does not read is noted anew.
    pub fn saved(saved: Option<&SavedState>) -> Self {
        let read = saved.and_then(|saved| match serde_json::from_str(&saved.json) {
            Ok(checkpoints) => Some(checkpoints),
            Err(error) => {
                tracing::warn!(seq = saved.seq.0, %error, "a session's checkpoints do not read");
                None
            }
        });
        Self {
            checkpoints: read.unwrap_or_default(),
            are_unsaved: false,
        }
    }

    /// The state has moved over this event.
    pub fn follow(&mut self, state: &SessionState, event: &Event) {
        self.are_unsaved |= self.checkpoints.follow(state, event) == Noted::Checkpoint;
    }

    /// What is to be saved with the next append.
    pub fn due(&self, head: Seq) -> Option<SavedState> {
        if !self.are_unsaved {
            return None;
        }
        let json = serde_json::to_string(&self.checkpoints);
        Some(SavedState {
            seq: head,
            format: Checkpoints::FORMAT,
            json: json.expect("checkpoints are plain JSON"),
        })
    }

    /// They are beside the log now.
    pub fn were_saved(&mut self) {
        self.are_unsaved = false;
    }
}

/// Reads a saved state. `None`: it is not what it should be.
pub fn restore<S: LogState>(saved: &SavedState) -> Option<S> {
    match serde_json::from_str::<S>(&saved.json) {
        Ok(state) if state.head() == saved.seq => Some(state),
        Ok(_) => {
            tracing::warn!(seq = saved.seq.0, "a saved state names another seq");
            None
        }
        Err(error) => {
            tracing::warn!(seq = saved.seq.0, %error, "a saved state does not read");
            None
        }
    }
}
