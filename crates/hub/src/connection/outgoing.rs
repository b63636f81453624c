//! What waits for one socket: two bounded queues.
//!
//! Answers go before batches, so that a device that reads a long history still gets its receipts and its heartbeats. Batches that were
//! read for this socket alone are further limited by [`PULLED_BATCHES_MAX`]; live ones share their bytes with every other subscriber.

use std::sync::Arc;

use baton_protocol::HubFrame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::config::OUTGOING_FRAMES_MAX;
use crate::frame_text::EncodedFrame;

/// Batches that were read from the log for one socket and wait there: one on its way, one behind it.
const PULLED_BATCHES_MAX: usize = 2;

/// The ends into which frames are put.
#[derive(Clone)]
pub struct Outgoing {
    answers: mpsc::Sender<EncodedFrame>,
    batches: mpsc::Sender<QueuedBatch>,
    pulled: Arc<Semaphore>,
}

/// Room for one batch that was read for this socket.
pub struct PulledRoom(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

struct QueuedBatch {
    frame: EncodedFrame,
    _room: Option<PulledRoom>,
}

/// The end from which the socket is fed.
pub struct OutgoingQueue {
    answers: mpsc::Receiver<EncodedFrame>,
    batches: mpsc::Receiver<QueuedBatch>,
}

/// Both ends for one socket.
pub fn outgoing() -> (Outgoing, OutgoingQueue) {
    let (answers, answers_queue) = mpsc::channel(OUTGOING_FRAMES_MAX);
    let (batches, batches_queue) = mpsc::channel(OUTGOING_FRAMES_MAX);
    let pulled = Arc::new(Semaphore::new(PULLED_BATCHES_MAX));
    (
        Outgoing {
            answers,
            batches,
            pulled,
        },
        OutgoingQueue {
            answers: answers_queue,
            batches: batches_queue,
        },
    )
}

impl Outgoing {
    /// An answer. Waits for the socket where it must; false once the connection is over.
    pub async fn answer(&self, frame: &HubFrame) -> bool {
        self.encoded_answer(EncodedFrame::of(frame)).await
    }

    /// An answer that may be left out: it goes where there is room for it now.
    pub fn offer(&self, frame: &HubFrame) {
        // A full queue tells the client as much as the frame would.
        let _ = self.answers.try_send(EncodedFrame::of(frame));
    }

    /// An answer that is encoded already.
    pub async fn encoded_answer(&self, frame: EncodedFrame) -> bool {
        self.answers.send(frame).await.is_ok()
    }

    /// A frame in the order of batches. False once the connection is over.
    pub async fn bulk(&self, frame: EncodedFrame) -> bool {
        self.batches
            .send(QueuedBatch { frame, _room: None })
            .await
            .is_ok()
    }

    /// Waits until a batch may be read for this socket. None once the connection is over.
    pub async fn room_for_pulled(&self) -> Option<PulledRoom> {
        Arc::clone(&self.pulled)
            .acquire_owned()
            .await
            .ok()
            .map(PulledRoom)
    }

    /// A batch that was read for this socket. False once the connection is over.
    pub async fn pulled(&self, frame: EncodedFrame, room: PulledRoom) -> bool {
        self.batches
            .send(QueuedBatch {
                frame,
                _room: Some(room),
            })
            .await
            .is_ok()
    }
}

impl OutgoingQueue {
    /// The next frame, an answer before a batch.
    pub async fn next(&mut self) -> Option<EncodedFrame> {
        tokio::select! {
            biased;
            answer = self.answers.recv() => answer,
            batch = self.batches.recv() => batch.map(|batch| batch.frame),
        }
    }

    /// The next frame, if there is one now.
    pub fn try_next(&mut self) -> Option<EncodedFrame> {
        self.answers
            .try_recv()
            .ok()
            .or_else(|| self.batches.try_recv().ok().map(|batch| batch.frame))
    }
}
