//! A session folded from its log, while a run in it is held and for a while after.
//!
//! A runner begins at a checkpoint, if the hub has one, with as much of the earlier conversation as the agents need. If that is too
//! little, it reads again from further back, and in the end from the log's beginning. Invariant: the model sees the same
//! either way.

use baton_protocol::view::RowBody;
use baton_protocol::{
    Batch, ClientFrame, Cursor, EventBody, Incarnation, LogId, RunId, Seq, SessionId, SnapshotPiece,
};
use baton_session::{FoldError, SessionState, Transcript};

/// The folded log of one session.
pub(super) struct FollowedSession {
    session: SessionId,
    incarnation: Option<Incarnation>,
    pub state: SessionState,
    pub transcript: Transcript,
    /// The log's head when its newest batch was sent; `None` until a batch continues the state.
    told_head: Option<Seq>,
    reach: Reach,
    /// Whether the hub may answer with a checkpoint: only before the first batch, because a checkpoint could skip the end of a held run.
    may_jump: bool,
    /// The pieces of a checkpoint so far.
    pieces: Vec<SnapshotPiece>,
    was_reset: bool,
}

/// How much of the conversation is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// At least this many characters from the end.
    Newest { chars: u64 },
    /// At least this many characters from the end, because the first reach was too short.
    Further { chars: u64 },
    /// The whole conversation.
    Whole,
}

/// How many times further a second reach goes: hidden branches and earlier attempts seldom make up seven eighths of a conversation.
const FURTHER: u64 = 8;

impl Reach {
    fn further(self) -> Self {
        match self {
            Self::Newest { chars } => Self::Further {
                chars: chars.saturating_mul(FURTHER),
            },
            Self::Further { .. } | Self::Whole => Self::Whole,
        }
    }

    fn newest_chars(self) -> Option<u64> {
        match self {
            Self::Newest { chars } | Self::Further { chars } => Some(chars),
            Self::Whole => None,
        }
    }
}

/// Result of a batch or a checkpoint.
pub(super) enum Followed {
    /// It was applied; it holds the teardown reports of these runs.
    Moved { reported: Vec<RunId> },
    /// It was known already, or more must come.
    Known,
    /// It does not continue the state: subscribe again.
    Gap,
    /// It belongs to another incarnation of the log: the state is out of date.
    Replaced,
    /// It cannot be folded, not even from the log's beginning.
    Unreadable(FoldError),
}

impl FollowedSession {
    pub fn new(session: SessionId, reach: Reach) -> Self {
        Self {
            session,
            incarnation: None,
            state: SessionState::default(),
            transcript: Transcript::default(),
            told_head: None,
            reach,
            may_jump: true,
            pieces: Vec::new(),
            was_reset: false,
        }
    }

    /// Subscribes from the state's head.
    pub fn subscribe(&mut self) -> ClientFrame {
        self.pieces.clear();
        let cursor = self.incarnation.map(|incarnation| Cursor {
            incarnation,
            seq: self.state.head(),
        });
        let newest_chars = self.reach.newest_chars().filter(|_| self.may_jump);
        ClientFrame::Subscribe {
            state_format: newest_chars.map(|_| SessionState::FORMAT),
            newest_chars,
            log: LogId::Session(self.session),
            cursor,
        }
    }

    /// The frame that ends the subscription to this session.
    pub fn unsubscribe(&self) -> ClientFrame {
        ClientFrame::Unsubscribe {
            log: LogId::Session(self.session),
        }
    }

    /// Whether the hub has confirmed since the subscription that this is its log. Until then, a kept state may be of a log that was
    /// replaced.
    pub fn is_confirmed(&self) -> bool {
        self.told_head.is_some()
    }

    /// Whether the state holds everything that the log had when its newest batch was sent. Before that, a run that looks active may have
    /// ended long ago: it must cause nothing to begin.
    pub fn is_at_head(&self) -> bool {
        self.told_head.is_some_and(|told| self.state.head() >= told)
    }

    /// Prepares a session for a time without a subscription: a later one reads what happened meanwhile.
    pub fn set_aside(&mut self) {
        self.told_head = None;
        self.may_jump = true;
        self.was_reset = false;
    }

    /// Begins again, with more of the conversation.
    pub fn reach_further(&mut self) {
        *self = Self::new(self.session, self.reach.further());
    }

    /// Begins again, from the log's beginning.
    pub fn begin_anew(&mut self) {
        *self = Self::new(self.session, Reach::Whole);
    }

    /// Approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let rows = self.transcript.rows.iter().map(|row| match &row.body {
            RowBody::Prompt { text, .. }
            | RowBody::Text { text, .. }
            | RowBody::Reasoning { text, .. }
            | RowBody::ToolCall { text, .. }
            | RowBody::ToolResult { text, .. } => ROW_BYTES + text.len(),
            _ => ROW_BYTES,
        });
        rows.sum::<usize>() + self.state.records() * RECORD_BYTES
    }

    /// Adds a piece of a checkpoint. After the last piece, the session's cursor is the checkpoint's seq.
    pub fn snapshot(&mut self, piece: SnapshotPiece) -> Followed {
        let is_known = self
            .incarnation
            .is_none_or(|known| known == piece.incarnation);
        let fits = is_known
            && self.may_jump
            && piece.after == self.state.head()
            && piece.piece as usize == self.pieces.len()
            && self.pieces.iter().all(|first| first.seq == piece.seq);
        if !fits {
            self.pieces.clear();
            return Followed::Gap;
        }
        let (incarnation, is_last) = (piece.incarnation, piece.piece + 1 >= piece.pieces);
        self.pieces.push(piece);
        if !is_last {
            return Followed::Known;
        }
        let pieces = std::mem::take(&mut self.pieces);
        let seq = pieces[0].seq;
        let json: String = pieces.into_iter().map(|piece| piece.text).collect();
        match serde_json::from_str::<SessionState>(&json) {
            Ok(state) if state.head() == seq => {
                self.incarnation = Some(incarnation);
                self.state = state;
                self.transcript = Transcript::default();
                self.told_head = None;
                Followed::Moved {
                    reported: Vec::new(),
                }
            }
            _ => {
                tracing::warn!(session.id = %self.session, "a checkpoint does not read: the log is read from its beginning");
                self.begin_anew();
                Followed::Gap
            }
        }
    }

    /// Folds a batch from the hub, or says why it does not fit.
    pub fn apply(&mut self, batch: &Batch) -> Followed {
        if self
            .incarnation
            .is_some_and(|known| known != batch.incarnation)
        {
            return Followed::Replaced;
        }
        // A first batch without events says that this is the head.
        let may_tell_head = self.told_head.is_none() && batch.after == self.state.head();
        let is_old = self.incarnation.is_some() && batch.upto <= self.state.head();
        if is_old && !may_tell_head {
            return Followed::Known;
        }
        if batch.after != self.state.head() {
            return Followed::Gap;
        }
        self.incarnation = Some(batch.incarnation);
        self.may_jump = false;
        self.told_head = self.told_head.max(Some(batch.head));
        let mut reported = Vec::new();
        for event in &batch.events {
            if let Err(error) = self.state.apply(event, &mut self.transcript) {
                return self.start_over(error);
            }
            if let EventBody::TeardownReported(body) = &event.body {
                reported.push(body.run);
            }
        }
        self.state.set_head(batch.upto);
        Followed::Moved { reported }
    }

    /// The state here may be what is damaged: reads the log again from its beginning, once. Also reads it again if the log refers to what a
    /// checkpoint left out.
    fn start_over(&mut self, error: FoldError) -> Followed {
        let was_short = self.state.horizon().is_some();
        if self.was_reset && !was_short {
            return Followed::Unreadable(error);
        }
        let was_reset = self.was_reset || !was_short;
        self.begin_anew();
        self.was_reset = was_reset;
        Followed::Gap
    }
}

/// Bytes of a row without its text: ids, times, names, and its place in the list.
const ROW_BYTES: usize = 400;

/// Bytes of a record of a run, a prompt or an approval.
const RECORD_BYTES: usize = 250;
