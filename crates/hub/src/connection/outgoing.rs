//! What waits for one socket: two bounded queues.
//!
//! Answers go before batches, so that a device that reads a long history still gets its receipts and its heartbeats. Batches that were
//! read for this socket alone are further limited by [`PULLED_BATCHES_MAX`]; live ones share their bytes with every other subscriber.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::HubFrame;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config::OUTGOING_FRAMES_MAX;
use crate::frame_text::EncodedFrame;

/// Batches that were read from the log for one socket and wait there: one on its way, one behind it.
const PULLED_BATCHES_MAX: usize = 2;

/// Frames for which an empty queue keeps room: ten thousand idle sockets hold as many queues.
const IDLE_CAPACITY: usize = 4;

/// The ends into which frames are put.
#[derive(Clone)]
pub struct Outgoing {
    shared: Arc<Shared>,
    pulled: Arc<Semaphore>,
}

/// Room for one batch that was read for this socket.
pub struct PulledRoom(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Both queues of a socket. Memory only for what waits: a channel would reserve a block of slots for each.
struct Shared {
    answers: Lane,
    batches: Lane,
    /// Something was put into one of them.
    filled: Notify,
}

/// One bounded queue. Its semaphore is closed when the socket is gone.
struct Lane {
    queue: Mutex<VecDeque<Queued>>,
    room: Semaphore,
}

struct Queued {
    frame: EncodedFrame,
    _room: Option<PulledRoom>,
}

/// The end from which the socket is fed. Dropped, it tells whoever puts frames in that the connection is over.
pub struct OutgoingQueue {
    shared: Arc<Shared>,
    pulled: Arc<Semaphore>,
}

/// Both ends for one socket.
pub fn outgoing() -> (Outgoing, OutgoingQueue) {
    let shared = Arc::new(Shared {
        answers: Lane::new(),
        batches: Lane::new(),
        filled: Notify::new(),
    });
    let pulled = Arc::new(Semaphore::new(PULLED_BATCHES_MAX));
    let queue = OutgoingQueue {
        shared: Arc::clone(&shared),
        pulled: Arc::clone(&pulled),
    };
    (Outgoing { shared, pulled }, queue)
}

impl Lane {
    fn new() -> Self {
        Self {
            queue: Mutex::default(),
            room: Semaphore::new(OUTGOING_FRAMES_MAX),
        }
    }

    /// Waits for room. False once the connection is over.
    async fn put(&self, queued: Queued) -> bool {
        let Ok(room) = self.room.acquire().await else {
            return false;
        };
        room.forget();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(queued);
        true
    }

    /// Whether there was room now.
    fn try_put(&self, queued: Queued) -> bool {
        let Ok(room) = self.room.try_acquire() else {
            return false;
        };
        room.forget();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(queued);
        true
    }

    fn take(&self) -> Option<EncodedFrame> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = queue.pop_front()?;
        if queue.is_empty() && queue.capacity() > IDLE_CAPACITY {
            queue.shrink_to(IDLE_CAPACITY);
        }
        drop(queue);
        self.room.add_permits(1);
        Some(queued.frame)
    }

    /// Lets go of what waits, and of whoever waits for room.
    fn close(&self) {
        self.room.close();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clear();
    }
}

impl Outgoing {
    /// An answer. Waits for the socket where it must; false once the connection is over.
    pub async fn answer(&self, frame: &HubFrame) -> bool {
        self.encoded_answer(EncodedFrame::of(frame)).await
    }

    /// An answer that may be left out: it goes where there is room for it now.
    pub fn offer(&self, frame: &HubFrame) {
        // A full queue tells the client as much as the frame would.
        let queued = Queued {
            frame: EncodedFrame::of(frame),
            _room: None,
        };
        if self.shared.answers.try_put(queued) {
            self.shared.filled.notify_one();
        }
    }

    /// An answer that is encoded already.
    pub async fn encoded_answer(&self, frame: EncodedFrame) -> bool {
        self.put(&self.shared.answers, frame, None).await
    }

    /// A frame in the order of batches. False once the connection is over.
    pub async fn bulk(&self, frame: EncodedFrame) -> bool {
        self.put(&self.shared.batches, frame, None).await
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
        self.put(&self.shared.batches, frame, Some(room)).await
    }

    async fn put(&self, lane: &Lane, frame: EncodedFrame, room: Option<PulledRoom>) -> bool {
        let is_in = lane.put(Queued { frame, _room: room }).await;
        if is_in {
            self.shared.filled.notify_one();
        }
        is_in
    }
}

impl OutgoingQueue {
    /// The next frame, an answer before a batch. Waits for one.
    pub async fn next(&mut self) -> EncodedFrame {
        loop {
            if let Some(frame) = self.try_next() {
                return frame;
            }
            // One that was put in since the look leaves a permit here.
            self.shared.filled.notified().await;
        }
    }

    /// The next frame, if there is one now.
    pub fn try_next(&mut self) -> Option<EncodedFrame> {
        self.shared
            .answers
            .take()
            .or_else(|| self.shared.batches.take())
    }
}

impl Drop for OutgoingQueue {
    fn drop(&mut self) {
        self.shared.answers.close();
        self.shared.batches.close();
        self.pulled.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn text(frame: Option<EncodedFrame>) -> Option<usize> {
        frame.map(|frame| frame.len())
    }

    fn batch() -> EncodedFrame {
        EncodedFrame::of(&HubFrame::Presence {
            connected: Vec::new(),
        })
    }

    #[tokio::test]
    async fn answers_go_before_batches_and_each_in_its_order() {
        let (outgoing, mut queue) = outgoing();
        let answer = EncodedFrame::of(&HubFrame::HeartbeatAck {});
        assert!(outgoing.bulk(batch()).await);
        assert!(outgoing.encoded_answer(answer.clone()).await);
        assert_eq!(queue.next().await.len(), answer.len());
        assert_eq!(text(queue.try_next()), Some(batch().len()));
        assert_eq!(text(queue.try_next()), None);
    }

    #[tokio::test]
    async fn a_full_queue_waits_and_an_ended_connection_says_so() {
        let (outgoing, mut queue) = outgoing();
        for _ in 0..OUTGOING_FRAMES_MAX {
            assert!(outgoing.bulk(batch()).await);
        }
        assert_eq!(outgoing.bulk(batch()).now_or_never(), None);
        queue.next().await;
        assert!(outgoing.bulk(batch()).await);
        let waiting = outgoing.bulk(batch());
        drop(queue);
        assert!(!waiting.await);
        assert!(outgoing.room_for_pulled().await.is_none());
        assert!(!outgoing.answer(&HubFrame::HeartbeatAck {}).await);
    }
}
