//! Writes of one run that wait one behind the other become one append.
//!
//! An actor waits for the disk with each append. A model that is faster than that would fall ever further behind, and with it
//! everybody who follows. So what its runner sent meanwhile is recorded at once, as if it had come in one frame, and acknowledged
//! frame by frame.
//!
//! Invariant: the order of the mailbox is kept, and each frame is still recorded whole or not at all.

use baton_protocol::{
    Epoch, ErrorCode, HubFrame, ProducerSeq, RunId, RunWrite, RunWriteEntry, limits,
};
use tokio::sync::mpsc;

use super::answer::Answer;
use super::message::{PendingRequest, SessionMessage, SessionRequest};
use super::session::SessionActor;

/// Writes of one burst: as many as one frame may have, so that a burst is no more than a runner could have sent at once.
const BURST_WRITES_MAX: usize = limits::RUN_WRITES_PER_FRAME_MAX;

/// Text of one burst, so that its batch fits one frame for subscribers.
const BURST_TEXT_BYTES_MAX: usize = limits::BATCH_BYTES_TARGET / 2;

/// Frames of one run, first to last.
pub(super) struct WriteBurst {
    frames: Vec<PendingRequest>,
    run: RunId,
    epoch: Epoch,
    writes: usize,
    text_bytes: usize,
}

impl WriteBurst {
    /// What a message begins; the message back where it is no write.
    fn begin(message: SessionMessage) -> Result<Self, SessionMessage> {
        let SessionMessage::Request(pending) = message else {
            return Err(message);
        };
        let SessionRequest::Write {
            run,
            epoch,
            entries,
        } = &pending.request
        else {
            return Err(SessionMessage::Request(pending));
        };
        Ok(Self {
            run: *run,
            epoch: *epoch,
            writes: entries.len(),
            text_bytes: text_bytes(entries),
            frames: vec![*pending],
        })
    }

    /// Takes the next message, or gives it back where it must come after the burst.
    fn join(&mut self, message: SessionMessage) -> Result<(), SessionMessage> {
        let next = Self::begin(message)?;
        let same_writer = self.frames[0].caller.connection == next.frames[0].caller.connection;
        let fits = self.writes + next.writes <= BURST_WRITES_MAX
            && self.text_bytes + next.text_bytes <= BURST_TEXT_BYTES_MAX;
        if !(same_writer && fits && (self.run, self.epoch) == (next.run, next.epoch)) {
            return Err(next.into_message());
        }
        self.writes += next.writes;
        self.text_bytes += next.text_bytes;
        self.frames.extend(next.frames);
        Ok(())
    }

    fn into_message(mut self) -> SessionMessage {
        let pending = self.frames.pop().expect("a burst begins with a frame");
        SessionMessage::Request(Box::new(pending))
    }

    /// All of it as one request.
    fn as_one(&self) -> SessionRequest {
        let entries = self.frames.iter().flat_map(|frame| match &frame.request {
            SessionRequest::Write { entries, .. } => entries.clone(),
            _ => Vec::new(),
        });
        SessionRequest::Write {
            run: self.run,
            epoch: self.epoch,
            entries: entries.collect(),
        }
    }
}

impl SessionActor {
    /// Answers a message together with those behind it that go with it. Gives the first one that does not.
    pub(super) async fn receive_joined(
        &mut self,
        message: SessionMessage,
        mailbox: &mut mpsc::Receiver<SessionMessage>,
    ) -> Option<SessionMessage> {
        let mut burst = match WriteBurst::begin(message) {
            Ok(burst) => burst,
            Err(message) => {
                self.receive(message).await;
                return None;
            }
        };
        let mut next = None;
        while next.is_none()
            && let Ok(message) = mailbox.try_recv()
        {
            next = burst.join(message).err();
        }
        if burst.frames.len() == 1 {
            self.receive(burst.into_message()).await;
        } else {
            self.receive_burst(burst).await;
        }
        next
    }

    async fn receive_burst(&mut self, burst: WriteBurst) {
        let caller = burst.frames[0].caller.clone();
        let answer = self.answer(&caller, burst.as_one()).await;
        if let [HubFrame::RunFenced { error, .. }] = &answer[..]
            && matches!(
                error.code,
                ErrorCode::InvalidRunWrite | ErrorCode::ProducerGap
            )
        {
            // One of them does not fit, and nothing was recorded: each for itself.
            for pending in burst.frames {
                self.receive(SessionMessage::Request(Box::new(pending)))
                    .await;
            }
            return;
        }
        for pending in burst.frames {
            self.core.measures.answered(pending.arrived.elapsed());
            // The connection may be gone; what was recorded stays recorded.
            let _ = pending.answer.send(share_of(&pending.request, &answer));
        }
        self.settle().await;
    }
}

/// What one of the frames is answered.
fn share_of(frame: &SessionRequest, answer: &Answer) -> Answer {
    let SessionRequest::Write { entries, .. } = frame else {
        return answer.clone();
    };
    let last = entries.last().map(|entry| entry.producer);
    let own = |recorded: ProducerSeq| last.map_or(recorded, |last| last.min(recorded));
    let share = answer.iter().map(|frame| match frame {
        HubFrame::RunAcked { run, producer } => HubFrame::RunAcked {
            run: *run,
            producer: own(*producer),
        },
        other => other.clone(),
    });
    share.collect()
}

fn text_bytes(entries: &[RunWriteEntry]) -> usize {
    let text = |entry: &RunWriteEntry| match &entry.write {
        RunWrite::AppendText { text, .. } => text.len(),
        _ => 0,
    };
    entries.iter().map(text).sum()
}
