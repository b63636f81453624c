//! Checkpoints: small states at which a reader of a session's newest text begins.
//!
//! A runner needs as much of a conversation as fits its model, not all of it. A checkpoint is a state [without its
//! past](SessionState::without_past), noted while nothing runs, with the count of characters that people and agents had said by then. A
//! reader that needs the newest `n` characters begins at the newest checkpoint with at least `n` behind it.
//!
//! Invariant: the list is bounded. Checkpoints lie close together near the end of the log and further apart the older they are, so that
//! every need is met with at most half as much again. Invariant: a checkpoint is a shortcut. The count is an estimate (it knows nothing of
//! withdrawn prompts and hidden branches); the reader sees whether it got enough, and reads from further back where it did not.

use baton_protocol::{Event, EventBody, PartIndex, PartKind, RunId, Seq};
use serde::{Deserialize, Serialize};

use crate::state::SessionState;

/// One state at which a reader may begin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The last event that the state holds.
    pub seq: Seq,
    /// The state as JSON, in [`SessionState::FORMAT`].
    pub state: String,
    /// Characters that had been said.
    chars: u64,
}

/// The checkpoints of one session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoints {
    /// The events up to here are counted.
    counted: Seq,
    /// Characters that were said up to there.
    chars: u64,
    /// The oldest first.
    kept: Vec<Checkpoint>,
}

impl Checkpoints {
    /// Names their JSON, as [`SessionState::FORMAT`] names a state's. Another kind than a state's: see `baton_log::STATE_FORMATS`.
    pub const FORMAT: u32 = 1_000 + SessionState::FORMAT;

    /// Characters between two checkpoints: a third of what the smallest models take, so that a reader gets little more than it needs,
    /// and so much that the list is written for a small share of the text.
    pub const CHARS_BETWEEN: u64 = 16 * 1024;

    /// Bytes of one checkpoint. A state with long prompts in its queue is not worth more; the next one is.
    const STATE_BYTES_MAX: usize = 8 * 1024;

    /// The list's length; beyond it the oldest goes. Distances grow by half, so this reaches back over a hundred million characters.
    const KEPT_MAX: usize = 24;

    /// Counts an event that the state has just moved over, and notes a checkpoint where one is due. Says whether it did.
    pub fn follow(&mut self, state: &SessionState, event: &Event) -> Noted {
        if event.seq <= self.counted {
            return Noted::Nothing;
        }
        self.counted = event.seq;
        self.chars += said(state, event);
        let last = self.kept.last().map_or(0, |kept| kept.chars);
        // A prompt that waits is in the state, so a moment without one is worth waiting for, but not for ever.
        let between = match state.is_idle() {
            true => Self::CHARS_BETWEEN,
            false => 2 * Self::CHARS_BETWEEN,
        };
        if self.chars - last < between {
            return Noted::Nothing;
        }
        self.note(state)
    }

    /// The newest checkpoint followed by at least `chars` characters; `None` if no checkpoint is that far back.
    pub fn behind(&self, chars: u64) -> Option<&Checkpoint> {
        let upto = self.chars.checked_sub(chars)?;
        self.kept.iter().rev().find(|kept| kept.chars <= upto)
    }

    fn note(&mut self, state: &SessionState) -> Noted {
        let waiting = state.queue().iter().chain(state.steers());
        let bytes: usize = waiting.map(|waiting| waiting.text.len()).sum();
        let small = (bytes < Self::STATE_BYTES_MAX).then(|| state.without_past());
        let json = small
            .flatten()
            .and_then(|small| serde_json::to_string(&small).ok());
        let Some(json) = json.filter(|json| json.len() <= Self::STATE_BYTES_MAX) else {
            return Noted::Nothing;
        };
        self.kept.push(Checkpoint {
            seq: state.head(),
            state: json,
            chars: self.chars,
        });
        self.thin();
        Noted::Checkpoint
    }

    /// Takes away each one whose neighbours are close enough, for how far back they are.
    fn thin(&mut self) {
        let mut at = 1;
        while at + 1 < self.kept.len() {
            let (before, after) = (self.kept[at - 1].chars, self.kept[at + 1].chars);
            if after - before <= (self.chars - after) / 2 {
                self.kept.remove(at);
            } else {
                at += 1;
            }
        }
        if self.kept.len() > Self::KEPT_MAX {
            self.kept.remove(0);
        }
    }
}

/// Whether there is something new to save.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// The list is longer.
    Checkpoint,
    /// It is as it was.
    Nothing,
}

/// Characters that an event adds to what a model is told of the session.
fn said(state: &SessionState, event: &Event) -> u64 {
    let text = match &event.body {
        EventBody::PromptSent(body) => &body.text,
        EventBody::PartAppended(body) if is_answer(state, body.run, body.part) => &body.text,
        EventBody::PartSealed(body) if is_answer(state, body.run, body.part) => &body.text,
        _ => return 0,
    };
    text.chars().count() as u64
}

/// Whether a part is text of a run that answers a person.
fn is_answer(state: &SessionState, run: RunId, part: PartIndex) -> bool {
    let run = state.active_run(run).filter(|run| run.parent.is_none());
    run.and_then(|run| run.parts.get(part.0 as usize))
        .is_some_and(|part| part.kind == PartKind::Text)
}
