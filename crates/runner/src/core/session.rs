//! A session as its log tells it, for as long as a run of it is held.

use baton_protocol::{
    Batch, ClientFrame, Cursor, EventBody, Incarnation, LogId, RunId, Seq, SessionId,
};
use baton_session::{FoldError, SessionState, Transcript};

/// The folded log of one session.
pub(super) struct FollowedSession {
    session: SessionId,
    incarnation: Option<Incarnation>,
    pub state: SessionState,
    pub transcript: Transcript,
    /// How far the log went when its newest batch was sent.
    told_head: Seq,
    was_reset: bool,
}

/// What a batch did.
pub(super) enum Followed {
    /// It was applied; the hosts of these runs have reported.
    Moved { reported: Vec<RunId> },
    /// It was known.
    Known,
    /// It does not continue what is here: subscribe again.
    Gap,
    /// The log is another one: what was held is gone.
    Replaced,
    /// It cannot be folded, not even from its beginning.
    Unreadable(FoldError),
}

impl FollowedSession {
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            incarnation: None,
            state: SessionState::default(),
            transcript: Transcript::default(),
            told_head: Seq::default(),
            was_reset: false,
        }
    }

    /// Follows from where the state stands.
    pub fn subscribe(&self) -> ClientFrame {
        let cursor = self.incarnation.map(|incarnation| Cursor {
            incarnation,
            seq: self.state.head(),
        });
        ClientFrame::Subscribe {
            state_format: None,
            log: LogId::Session(self.session),
            cursor,
        }
    }

    pub fn unsubscribe(&self) -> ClientFrame {
        ClientFrame::Unsubscribe {
            log: LogId::Session(self.session),
        }
    }

    /// Whether everything is here that the log had when its newest batch was sent. Before that, a run that looks active may have ended
    /// long ago: nothing may begin on its account.
    pub fn is_at_head(&self) -> bool {
        self.incarnation.is_some() && self.state.head() >= self.told_head
    }

    pub fn apply(&mut self, batch: &Batch) -> Followed {
        if self
            .incarnation
            .is_some_and(|known| known != batch.incarnation)
        {
            return Followed::Replaced;
        }
        if batch.upto <= self.state.head() && self.incarnation.is_some() {
            return Followed::Known;
        }
        if batch.after != self.state.head() {
            return Followed::Gap;
        }
        self.incarnation = Some(batch.incarnation);
        self.told_head = self.told_head.max(batch.head);
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

    /// What is here may be what is damaged: once, the log is read again from its beginning.
    fn start_over(&mut self, error: FoldError) -> Followed {
        if self.was_reset {
            return Followed::Unreadable(error);
        }
        *self = Self {
            was_reset: true,
            ..Self::new(self.session)
        };
        Followed::Gap
    }
}
