//! Checkpoints: small states from which a reader of a session's newest text can start.
//!
//! A runner needs only as much of a conversation as its model can take. A checkpoint is a state [without its
//! past](SessionState::without_past), taken while nothing runs, with the number of characters that people and agents had written by then.
//! A reader that needs the newest `n` characters starts at the newest checkpoint that at least `n` characters follow.
//!
//! **Invariant:** the list is bounded. Checkpoints are dense near the end of the log and sparser the older they are, so a reader gets at
//! most half as much again as it needs. **Invariant:** a checkpoint is a shortcut. The count is an estimate (it ignores withdrawals and
//! hidden branches); the reader checks whether it got enough, and reads from further back if it did not.

use baton_protocol::{Event, EventBody, PartIndex, PartKind, RunId, Seq};
use serde::{Deserialize, Serialize};

use crate::state::SessionState;

/// A state from which a reader can start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The last event that is folded into the state.
    pub seq: Seq,
    /// The state as JSON, in [`SessionState::FORMAT`].
    pub state: String,
    /// Characters written up to `seq`.
    chars: u64,
}

/// The checkpoints of one session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoints {
    /// The last event that was counted.
    counted: Seq,
    /// Characters written up to `counted`.
    chars: u64,
    /// Oldest first.
    kept: Vec<Checkpoint>,
}

impl Checkpoints {
    /// Version of the list's JSON, like [`SessionState::FORMAT`], but of another kind of state: see `baton_log::STATE_FORMATS`.
    pub const FORMAT: u32 = 1_000 + SessionState::FORMAT;

    /// Characters between two checkpoints. A third of what the smallest models take: small enough that a reader gets little more than it
    /// needs, large enough that writing the list costs little compared with the text.
    pub const CHARS_BETWEEN: u64 = 16 * 1024;

    /// Maximum size of one checkpoint. A state with long prompts in its queue is skipped; the next one will do.
    const STATE_BYTES_MAX: usize = 8 * 1024;

    /// Maximum length of the list; beyond it the oldest goes. Distances grow by half, so 24 reach back over a hundred million characters.
    const KEPT_MAX: usize = 24;

    /// Counts an event that the state has just moved over, and takes a checkpoint if one is due.
    pub fn follow(&mut self, state: &SessionState, event: &Event) -> Noted {
        if event.seq <= self.counted {
            return Noted::Nothing;
        }
        self.counted = event.seq;
        self.chars += said(state, event);
        let last = self.kept.last().map_or(0, |kept| kept.chars);
        // A checkpoint stores waiting prompts, so it is worth waiting for a moment without one, but not indefinitely.
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

    /// Removes each checkpoint whose neighbours are close enough together for their age.
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

/// Whether [`Checkpoints::follow`] took a checkpoint, so that the list needs saving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    Checkpoint,
    Nothing,
}

/// Characters that an event adds to what a model is given.
fn said(state: &SessionState, event: &Event) -> u64 {
    let text = match &event.body {
        EventBody::PromptSent(body) => &body.text,
        EventBody::PartAppended(body) if is_answer(state, body.run, body.part) => &body.text,
        EventBody::PartSealed(body) if is_answer(state, body.run, body.part) => &body.text,
        _ => return 0,
    };
    text.chars().count() as u64
}

/// Whether the part is text of a root run, that is, one that answers a person.
fn is_answer(state: &SessionState, run: RunId, part: PartIndex) -> bool {
    let run = state.active_run(run).filter(|run| run.parent.is_none());
    run.and_then(|run| run.parts.get(part.0 as usize))
        .is_some_and(|part| part.kind == PartKind::Text)
}
