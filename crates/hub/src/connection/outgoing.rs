//! What waits for one socket, and who waits to put something there.
//!
//! Answers go before batches, so that a device that reads a long history still gets its receipts and its heartbeats. Live batches share
//! their bytes with every other subscriber, and are bounded by [`LIVE_FRAMES_MAX`] and [`LIVE_BYTES_MAX`]; batches that are read for
//! this socket alone are bounded by [`PULLED_BATCHES_MAX`], counted from before they are read. An answer always has its place: it is
//! the connection that reads no further while too many of them wait.
//!
//! Nobody waits here but the connection itself.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use baton_protocol::HubFrame;
use bytes::Bytes;
use futures::task::AtomicWaker;
use tokio::sync::Notify;

use crate::config::{ANSWERS_MAX, LIVE_BYTES_MAX, LIVE_FRAMES_MAX};
use crate::frame_text::EncodedFrame;

/// Batches that are read from the log for one socket or wait there: one on its way, one behind it.
const PULLED_BATCHES_MAX: usize = 2;

/// The frames of one socket.
#[derive(Default)]
pub struct Outgoing {
    waiting: Mutex<Waiting>,
    /// The connection's writer.
    writer: AtomicWaker,
    /// Answers have become fewer than too many.
    has_room: Notify,
}

#[derive(Default)]
struct Waiting {
    is_over: bool,
    /// Only the newest ping needs an answer.
    pong: Option<Bytes>,
    answers: VecDeque<EncodedFrame>,
    batches: VecDeque<QueuedBatch>,
    /// Of `batches`.
    bytes: usize,
    /// Of `batches` and of what is being read.
    pulled: usize,
    /// Who must read a log, in turn.
    behind: VecDeque<Arc<dyn Reader>>,
}

struct QueuedBatch {
    frame: EncodedFrame,
    is_pulled: IsPulled,
}

/// Whether a batch was read for this socket alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum IsPulled {
    Yes,
    No,
}

/// Whether a live batch was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It waits for the socket, or the connection is over.
    Yes,
    /// The socket is too slow for it.
    NoRoom,
}

/// Whoever reads a log for this socket, one batch at a time.
pub trait Reader: Send + Sync {
    /// Its turn has come: there is room for one batch.
    fn read_on(self: Arc<Self>, room: PulledRoom);
}

/// Room for one batch that is read for this socket; given back when dropped.
pub struct PulledRoom(Option<Arc<Outgoing>>);

/// What a connection's writer has to do.
pub enum Work {
    /// Frames are in its hands.
    Frames,
    /// This one may read one batch.
    Read(Arc<dyn Reader>, PulledRoom),
}

impl Outgoing {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        if !waiting.is_over {
            put(&mut waiting);
        }
        drop(waiting);
        self.writer.wake();
    }

    /// An answer.
    pub fn answer(&self, frame: &HubFrame) {
        self.encoded_answer(EncodedFrame::of(frame));
    }

    /// An answer that is encoded already.
    pub fn encoded_answer(&self, frame: EncodedFrame) {
        self.put(|waiting| waiting.answers.push_back(frame));
    }

    /// The answer to a ping. An older one that has not gone out is left out.
    pub fn pong(&self, frame: Bytes) {
        self.put(|waiting| waiting.pong = Some(frame));
    }

    /// Whether so many answers wait that nothing should be done that makes more of them.
    pub fn is_crowded(&self) -> bool {
        self.waiting().answers.len() >= ANSWERS_MAX
    }

    /// Returns when it is not crowded. For one waiter, the connection.
    pub async fn room(&self) {
        while self.is_crowded() {
            self.has_room.notified().await;
        }
    }

    /// A live batch, if there is room for it.
    pub fn live(&self, frame: &EncodedFrame) -> Taken {
        let mut waiting = self.waiting();
        if waiting.batches.len() >= LIVE_FRAMES_MAX || waiting.bytes >= LIVE_BYTES_MAX {
            return Taken::NoRoom;
        }
        if !waiting.is_over {
            waiting.push(frame.clone(), IsPulled::No);
        }
        drop(waiting);
        self.writer.wake();
        Taken::Yes
    }

    /// The last word about a log, in the order of batches. One of each subscription.
    pub fn last_word(&self, frame: EncodedFrame) {
        self.put(|waiting| waiting.push(frame, IsPulled::No));
    }

    /// Somebody must read a log. The turn comes when there is room.
    pub fn behind(&self, reader: Arc<dyn Reader>) {
        self.put(|waiting| waiting.behind.push_back(reader));
    }

    /// The same for one that is in the middle of something which takes memory: it comes first.
    pub fn goes_on(&self, reader: Arc<dyn Reader>) {
        self.put(|waiting| waiting.behind.push_front(reader));
    }

    /// It reads no more: it has no turn any more.
    pub fn forget<R: Reader>(&self, reader: &R) {
        let mut waiting = self.waiting();
        let is_it = |behind: &Arc<dyn Reader>| {
            std::ptr::addr_eq(Arc::as_ptr(behind), std::ptr::from_ref(reader))
        };
        if let Some(at) = waiting.behind.iter().position(is_it) {
            let forgotten = waiting.behind.remove(at);
            drop(waiting);
            drop(forgotten);
        }
    }

    /// Waits for work. Frames come by `take`, at most `frames_max` of them, answers before batches.
    pub async fn work(self: &Arc<Self>, frames_max: usize, mut take: impl FnMut(Bytes)) -> Work {
        poll_fn(|cx| self.poll_work(cx, frames_max, &mut take)).await
    }

    fn poll_work(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        frames_max: usize,
        take: &mut impl FnMut(Bytes),
    ) -> Poll<Work> {
        // First: whatever is put in after the look wakes.
        self.writer.register(cx.waker());
        let mut waiting = self.waiting();
        if waiting.pulled < PULLED_BATCHES_MAX
            && let Some(reader) = pop(&mut waiting.behind)
        {
            waiting.pulled += 1;
            return Poll::Ready(Work::Read(reader, PulledRoom(Some(Arc::clone(self)))));
        }
        let was_crowded = waiting.answers.len() >= ANSWERS_MAX;
        let mut taken = 0;
        while taken < frames_max
            && let Some(frame) = waiting.next()
        {
            take(frame);
            taken += 1;
        }
        if was_crowded && waiting.answers.len() < ANSWERS_MAX {
            self.has_room.notify_one();
        }
        if taken == 0 {
            return Poll::Pending;
        }
        Poll::Ready(Work::Frames)
    }

    /// The connection is over: what waits is forgotten, and so is what comes.
    pub fn close(&self) {
        let over = Waiting {
            is_over: true,
            ..Waiting::default()
        };
        let left = std::mem::replace(&mut *self.waiting(), over);
        // After the lock: subscriptions may be held here last.
        drop(left);
    }
}

impl Waiting {
    fn push(&mut self, frame: EncodedFrame, is_pulled: IsPulled) {
        self.bytes += frame.len();
        self.batches.push_back(QueuedBatch { frame, is_pulled });
    }

    fn next(&mut self) -> Option<Bytes> {
        if let Some(pong) = self.pong.take() {
            return Some(pong);
        }
        if let Some(answer) = pop(&mut self.answers) {
            return Some(answer.into_wire());
        }
        let batch = pop(&mut self.batches)?;
        self.pulled -= usize::from(batch.is_pulled == IsPulled::Yes);
        self.bytes -= batch.frame.len();
        Some(batch.frame.into_wire())
    }
}

/// An empty queue keeps no memory: ten thousand idle sockets hold as many queues.
fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() && queue.capacity() > 0 {
        *queue = VecDeque::new();
    }
    first
}

impl PulledRoom {
    /// Puts in what was read.
    pub fn fill(mut self, frame: EncodedFrame) {
        if let Some(outgoing) = self.0.take() {
            outgoing.put(|waiting| waiting.push(frame, IsPulled::Yes));
        }
    }
}

impl Drop for PulledRoom {
    fn drop(&mut self) {
        if let Some(outgoing) = self.0.take() {
            outgoing.put(|waiting| waiting.pulled -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ErrorCode;
    use futures::FutureExt as _;

    use super::*;

    fn batch() -> EncodedFrame {
        EncodedFrame::of(&HubFrame::Presence {
            connected: Vec::new(),
        })
    }

    fn answer() -> EncodedFrame {
        EncodedFrame::of(&HubFrame::HeartbeatAck {})
    }

    /// What the writer gets next, at most so many.
    fn taken(outgoing: &Arc<Outgoing>, frames_max: usize) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let work = outgoing
            .work(frames_max, |frame| frames.push(frame))
            .now_or_never();
        assert!(work.is_none_or(|work| matches!(work, Work::Frames)));
        frames
    }

    #[test]
    fn answers_go_before_batches_and_each_in_its_order() {
        let outgoing = Arc::new(Outgoing::default());
        assert_eq!(outgoing.live(&batch()), Taken::Yes);
        outgoing.encoded_answer(answer());
        outgoing.pong(Bytes::from_static(b"older"));
        outgoing.pong(Bytes::from_static(b"newer"));
        assert_eq!(
            taken(&outgoing, 2),
            [Bytes::from_static(b"newer"), answer().into_wire()]
        );
        assert_eq!(taken(&outgoing, 2), [batch().into_wire()]);
        assert_eq!(taken(&outgoing, 2), Vec::<Bytes>::new());
    }

    #[test]
    fn a_slow_socket_has_room_for_so_many_live_batches_and_never_refuses_an_answer() {
        let outgoing = Arc::new(Outgoing::default());
        for _ in 0..LIVE_FRAMES_MAX {
            assert_eq!(outgoing.live(&batch()), Taken::Yes);
        }
        assert_eq!(outgoing.live(&batch()), Taken::NoRoom);
        assert!(!outgoing.is_crowded());
        for _ in 0..ANSWERS_MAX {
            outgoing.encoded_answer(answer());
        }
        assert!(outgoing.is_crowded());
        let mut room = Box::pin(outgoing.room());
        assert!(room.as_mut().now_or_never().is_none());
        assert_eq!(taken(&outgoing, 1).len(), 1);
        assert!(room.now_or_never().is_some());
        assert_eq!(taken(&outgoing, ANSWERS_MAX).len(), ANSWERS_MAX);
        assert_eq!(outgoing.live(&batch()), Taken::Yes);
    }

    #[test]
    fn large_batches_wait_in_few_and_one_always_finds_room() {
        let outgoing = Arc::new(Outgoing::default());
        let large = EncodedFrame::of(&HubFrame::Refused {
            command: None,
            log: None,
            error: ErrorCode::Internal.with("x".repeat(LIVE_BYTES_MAX), ""),
        });
        assert_eq!(outgoing.live(&large), Taken::Yes);
        assert_eq!(outgoing.live(&batch()), Taken::NoRoom);
        assert_eq!(taken(&outgoing, 1).len(), 1);
        assert_eq!(outgoing.live(&batch()), Taken::Yes);
    }

    #[test]
    fn what_comes_after_the_end_is_forgotten() {
        let outgoing = Arc::new(Outgoing::default());
        outgoing.encoded_answer(answer());
        outgoing.close();
        outgoing.encoded_answer(answer());
        assert_eq!(outgoing.live(&batch()), Taken::Yes);
        assert_eq!(taken(&outgoing, 9), Vec::<Bytes>::new());
    }
}
