//! A slow or absent hub and a fast model: memory stays bounded, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use baton_protocol::view::{RowBody, TranscriptRow};
use baton_protocol::{RunOutcome, RunWrite};
use baton_runner::limits::{
    FRAME_TEXT_BYTES_MAX, RUN_BUFFER_BYTES_MAX, UNACKED_FRAMES_MAX, UNACKED_TEXT_BYTES_MAX,
};
use baton_runner::provider::{
    ModelEnd, ModelEvent, ModelProvider, ModelRequest, ModelStream, StartModelError,
};
use baton_testkit::FakeModel;
use tokio::sync::watch;

use crate::fake_hub::{FakeHub, State};
use crate::scene::Scene;

const PIECE_BYTES: usize = 1_000;
const PIECES: usize = 4_000;

/// Emits text as fast as the runner reads it, and counts.
struct Flood {
    read: Arc<AtomicUsize>,
    told: watch::Sender<usize>,
}

#[async_trait]
impl ModelProvider for Flood {
    async fn stream(&self, _request: ModelRequest) -> Result<ModelStream, StartModelError> {
        let (read, told) = (Arc::clone(&self.read), self.told.clone());
        let pieces = futures::stream::iter((0..=PIECES).map(move |n| {
            if n == PIECES {
                return Ok(ModelEvent::Done(ModelEnd::Whole));
            }
            told.send_replace(read.fetch_add(PIECE_BYTES, Ordering::SeqCst) + PIECE_BYTES);
            Ok(ModelEvent::Text(format!(
                "{n:0>width$}",
                width = PIECE_BYTES
            )))
        }));
        Ok(Box::pin(pieces))
    }
}

fn recorded(state: &State) -> usize {
    let text = |row: &TranscriptRow| match &row.body {
        RowBody::Text { text, .. } => text.len(),
        _ => 0,
    };
    state.transcript.rows.iter().map(text).sum()
}

#[tokio::test]
async fn the_model_is_read_only_as_far_as_there_is_room() {
    let read = Arc::new(AtomicUsize::new(0));
    let told = watch::Sender::new(0);
    let mut reading = told.subscribe();
    let flood = Flood {
        read: Arc::clone(&read),
        told,
    };
    let scene = Scene::with(
        FakeHub::start().await,
        FakeModel::start().await,
        Arc::new(flood),
    )
    .await;
    scene.hub.hold_writes();
    let run = scene.ask("flood").await;

    // The runner reads until its buffer is full: one more piece waits for room.
    let full = RUN_BUFFER_BYTES_MAX - PIECE_BYTES;
    reading
        .wait_for(|read| *read >= full)
        .await
        .expect("the model lives");
    let sent = scene.hub.wait("a full window", |state| {
        let text = |write: &RunWrite| match write {
            RunWrite::AppendText { text, .. } => text.len(),
            _ => 0,
        };
        let sent: usize = state
            .writes
            .iter()
            .flatten()
            .map(|entry| text(&entry.write))
            .sum();
        (state.writes.len() >= UNACKED_FRAMES_MAX).then_some(sent)
    });
    let sent = sent.await;
    assert!(
        sent <= UNACKED_TEXT_BYTES_MAX + FRAME_TEXT_BYTES_MAX,
        "{sent} bytes are on their way"
    );
    assert!(read.load(Ordering::SeqCst) <= RUN_BUFFER_BYTES_MAX + PIECE_BYTES);

    assert_eq!(scene.hub.state().writes.len(), UNACKED_FRAMES_MAX);

    scene.hub.release_writes();
    while *reading.borrow_and_update() < PIECES * PIECE_BYTES {
        let (read, recorded) = (read.load(Ordering::SeqCst), recorded(&scene.hub.state()));
        let unsettled = read.saturating_sub(recorded);
        assert!(
            unsettled <= RUN_BUFFER_BYTES_MAX + PIECE_BYTES,
            "{unsettled} bytes are held"
        );
        reading.changed().await.expect("the model lives");
    }
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    let expected: String = (0..PIECES)
        .map(|n| format!("{n:0>width$}", width = PIECE_BYTES))
        .collect();
    assert!(scene.text(run) == expected);
}
