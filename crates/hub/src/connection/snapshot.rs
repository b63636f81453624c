//! Saved states for readers that stand far behind, checkpoints for those that need the end of a session alone, and the history that those stood for.
//!
//! Invariant: a snapshot continues the reader's cursor and is continued by batches; nothing reaches across its seq, for it was taken
//! while no part was open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use baton_log::{EventLog, ReadError, ReadLimit, SavedState};
use baton_protocol::{Batch, HubFrame, Incarnation, LogId, Seq, SnapshotPiece, limits};
use baton_session::{AccountState, Checkpoints, SessionState};

use super::outgoing::{Outgoing, PulledRoom, Reader};
use super::subscription::{may_read, refused};
use crate::authorize::Caller;
use crate::core::HubCore;
use crate::frame_text::EncodedFrame;
use crate::log_state::LogState;
use crate::log_writer::unreadable;
use crate::tasks::TaskGroup;

/// What a reader takes in place of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateWish {
    /// No state: the client reads each event.
    Nothing,
    /// A whole state in this format.
    Whole { format: u32 },
    /// A checkpoint in this format, with at least so many characters of the session behind it.
    Newest { format: u32, chars: u64 },
}

impl StateWish {
    /// As a subscription says it.
    pub fn of(format: Option<u32>, newest_chars: Option<u64>) -> Self {
        match (format, newest_chars) {
            (None, _) => Self::Nothing,
            (Some(format), None) => Self::Whole { format },
            (Some(format), Some(chars)) => Self::Newest { format, chars },
        }
    }
}

/// The state for a reader at `after`; nothing where batches serve it better.
async fn for_reader(
    log: &dyn EventLog,
    id: LogId,
    after: Seq,
    wish: StateWish,
) -> Result<Option<SavedState>, ReadError> {
    let found = match (wish, id) {
        (StateWish::Nothing, _) => None,
        (StateWish::Whole { format }, _) => whole(log, id, format).await?,
        (StateWish::Newest { format, chars }, LogId::Session(_)) => {
            newest(log, id, format, chars).await?
        }
        (StateWish::Newest { .. }, LogId::Account(_)) => None,
    };
    Ok(found.filter(|state| {
        let is_far = state.seq.0 >= after.0 + limits::SNAPSHOT_BEHIND_EVENTS_MIN;
        let pieces = state.json.len() / limits::SNAPSHOT_PIECE_BYTES_MAX;
        is_far && pieces < limits::SNAPSHOT_PIECES_MAX as usize
    }))
}

/// The saved state for a reader that wants all of the log.
async fn whole(
    log: &dyn EventLog,
    id: LogId,
    format: u32,
) -> Result<Option<SavedState>, ReadError> {
    let known = match id {
        LogId::Session(_) => <SessionState as LogState>::FORMAT,
        LogId::Account(_) => <AccountState as LogState>::FORMAT,
    };
    if format != known {
        return Ok(None);
    }
    let newest = log.saved_state(id, format, Seq(u64::MAX)).await?;
    match (id, newest) {
        // The one before: what stands behind it is history that a person sees at once.
        (LogId::Session(_), Some(newest)) => {
            let upto = Seq(newest.seq.0.saturating_sub(1));
            log.saved_state(id, format, upto).await
        }
        (_, newest) => Ok(newest),
    }
}

/// The newest checkpoint with so much of the session behind it.
async fn newest(
    log: &dyn EventLog,
    id: LogId,
    format: u32,
    chars: u64,
) -> Result<Option<SavedState>, ReadError> {
    if format != SessionState::FORMAT {
        return Ok(None);
    }
    let all = Seq(u64::MAX);
    let saved = log.saved_state(id, Checkpoints::FORMAT, all).await?;
    let read = saved.and_then(|saved| serde_json::from_str::<Checkpoints>(&saved.json).ok());
    let checkpoint = read.and_then(|read| read.behind(chars).cloned());
    Ok(checkpoint.map(|checkpoint| SavedState {
        seq: checkpoint.seq,
        format,
        json: checkpoint.state,
    }))
}

/// A saved state as frames.
pub fn pieces(
    log: LogId,
    incarnation: Incarnation,
    after: Seq,
    state: SavedState,
) -> impl Iterator<Item = EncodedFrame> {
    let texts = cut(&state.json);
    let pieces = texts.len() as u32;
    (0u32..).zip(texts).map(move |(piece, text)| {
        EncodedFrame::of(&HubFrame::Snapshot(SnapshotPiece {
            log,
            incarnation,
            after,
            seq: state.seq,
            format: state.format,
            piece,
            pieces,
            text,
        }))
    })
}

/// A text in pieces of a frame's size, none of them inside of a character.
fn cut(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut texts = Vec::new();
    while rest.len() > limits::SNAPSHOT_PIECE_BYTES_MAX {
        let (piece, after) =
            rest.split_at(rest.floor_char_boundary(limits::SNAPSHOT_PIECE_BYTES_MAX));
        texts.push(piece.to_owned());
        rest = after;
    }
    texts.push(rest.to_owned());
    texts
}

/// Which stretch a reader wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Of which log.
    pub log: LogId,
    /// Which it takes for this one.
    pub incarnation: Incarnation,
    /// What it has up to here.
    pub after: Seq,
    /// What it has from here on.
    pub upto: Seq,
}

/// The reading of a stretch. Dropped, it says nothing more. A read that is on goes to its end: it has one of the log's few readers until
/// then, so its room is not given back before.
pub struct History(Arc<Stretch>);

struct Stretch {
    core: Arc<HubCore>,
    caller: Arc<Caller>,
    outgoing: Arc<Outgoing>,
    wanted: Wanted,
    is_over: AtomicBool,
}

/// Reads the first batch of a stretch in its turn, and sends it.
pub fn read_history(
    core: &Arc<HubCore>,
    caller: &Arc<Caller>,
    outgoing: &Arc<Outgoing>,
    wanted: Wanted,
) -> History {
    let stretch = Arc::new(Stretch {
        core: Arc::clone(core),
        caller: Arc::clone(caller),
        outgoing: Arc::clone(outgoing),
        wanted,
        is_over: AtomicBool::new(false),
    });
    outgoing.behind(Arc::clone(&stretch) as _);
    History(stretch)
}

impl Reader for Stretch {
    fn read_on(self: Arc<Self>, room: PulledRoom) {
        if self.is_over() {
            return;
        }
        let tasks = &Arc::clone(&self.core).tasks;
        tasks.spawn(TaskGroup::Edge, "history", async move {
            let frame = answer(&self.core, &self.caller, self.wanted).await;
            if !self.is_over() {
                room.fill(EncodedFrame::of(&frame));
            }
        });
    }
}

impl Stretch {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
        self.0.outgoing.forget(&*self.0);
    }
}

async fn answer(core: &HubCore, caller: &Caller, wanted: Wanted) -> HubFrame {
    let Wanted { log, .. } = wanted;
    if let Err(told) = may_read(core, caller, log) {
        return told;
    }
    match core.log.read(log, wanted.after, ReadLimit::default()).await {
        Ok(batch) if batch.incarnation == wanted.incarnation => {
            HubFrame::History(within(batch, wanted.upto))
        }
        Ok(Batch { incarnation, .. }) => HubFrame::Missing {
            log,
            incarnation: Some(incarnation),
        },
        Err(ReadError::NotFound) => HubFrame::Missing {
            log,
            incarnation: None,
        },
        Err(ReadError::AheadOfHead { .. }) => HubFrame::Missing {
            log,
            incarnation: Some(wanted.incarnation),
        },
        Err(error) => refused(log, unreadable(&core.storage, &error)),
    }
}

/// A batch without what stands above a seq, which is none inside of a sealed part.
fn within(mut batch: Batch, upto: Seq) -> Batch {
    batch.events.retain(|event| event.seq <= upto);
    batch.upto = batch.upto.min(upto.max(batch.after));
    batch
}

/// The state for a reader that stands at `after`. Nothing where it cannot be read now: batches do.
pub async fn offer(core: &HubCore, log: LogId, after: Seq, wish: StateWish) -> Option<SavedState> {
    match for_reader(&*core.log, log, after, wish).await {
        Ok(state) => state,
        Err(error) => {
            unreadable(&core.storage, &error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_state_is_cut_between_characters_and_joined_as_it_was() {
        let text = "ä€".repeat(limits::SNAPSHOT_PIECE_BYTES_MAX / 2);
        let texts = cut(&text);
        assert_eq!(texts.len(), 3);
        assert!(
            texts
                .iter()
                .all(|text| text.len() <= limits::SNAPSHOT_PIECE_BYTES_MAX)
        );
        assert_eq!(texts.concat(), text);
        assert_eq!(cut("{}"), ["{}"]);
    }
}
