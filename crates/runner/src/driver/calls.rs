//! The active calls to models: one task each, aborted when the call is dropped.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use baton_protocol::{PromptId, RunId};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::core::{CallId, ModelOutput};
use crate::limits::{FRAME_TEXT_BYTES_MAX, RUN_BUFFER_BYTES_MAX};
use crate::provider::{ModelEvent, ModelProvider, ModelRequest, ModelStream};

/// Pieces between the calls and the driver; each is at most [`FRAME_TEXT_BYTES_MAX`].
const PIECES_MAX: usize = 64;

/// A piece of an answer on its way to the core.
pub(super) struct Piece {
    pub call: CallId,
    pub output: ModelOutput,
    /// Its share of the run's buffer, released when the piece is dropped.
    pub share: Option<OwnedSemaphorePermit>,
}

/// The tasks, and the room that each run has for text.
pub(super) struct Calls {
    tasks: HashMap<CallId, JoinHandle<()>>,
    /// How many bytes each run may still read from its model, as permits.
    rooms: HashMap<RunId, Arc<Semaphore>>,
    pieces: mpsc::Sender<Piece>,
}

impl Calls {
    pub fn new() -> (Self, mpsc::Receiver<Piece>) {
        let (pieces, receiver) = mpsc::channel(PIECES_MAX);
        (
            Self {
                tasks: HashMap::new(),
                rooms: HashMap::new(),
                pieces,
            },
            receiver,
        )
    }

    /// Asks the model in a task of its own.
    pub fn start(
        &mut self,
        call: CallId,
        run: RunId,
        provider: Arc<dyn ModelProvider>,
        request: ModelRequest,
    ) {
        let room = self
            .rooms
            .entry(run)
            .or_insert_with(|| Arc::new(Semaphore::new(RUN_BUFFER_BYTES_MAX)));
        let reader = Reader {
            call,
            run,
            prompt: request.prompt,
            room: Arc::clone(room),
            pieces: self.pieces.clone(),
        };
        self.tasks
            .insert(call, tokio::spawn(reader.watched(provider, request)));
    }

    /// Closes the connection to the model; the connection is closed when this returns.
    pub async fn stop(&mut self, call: CallId) {
        if let Some(task) = self.tasks.remove(&call) {
            task.abort();
            // The task was cancelled or had finished: either is an end.
            let _ = task.await;
        }
    }

    /// The call has ended on its own.
    pub fn ended(&mut self, call: CallId) {
        self.tasks.remove(&call);
    }

    /// The run may read this many more bytes.
    pub fn settled(&self, run: RunId, bytes: usize) {
        if let Some(room) = self.rooms.get(&run) {
            room.add_permits(bytes);
        }
    }

    /// Drops the read buffer of a run that ended.
    pub fn forget(&mut self, run: RunId) {
        self.rooms.remove(&run);
    }

    /// Stops every call and waits until its task has ended.
    pub async fn stop_all(&mut self) {
        let calls: Vec<CallId> = self.tasks.keys().copied().collect();
        for call in calls {
            self.stop(call).await;
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }
}

/// Reads one answer as fast as the run's buffer has room.
struct Reader {
    call: CallId,
    run: RunId,
    prompt: PromptId,
    room: Arc<Semaphore>,
    pieces: mpsc::Sender<Piece>,
}

impl Reader {
    /// Confines a panic of the provider to its call.
    async fn watched(self, provider: Arc<dyn ModelProvider>, request: ModelRequest) {
        let reading = AssertUnwindSafe(self.read(provider, request)).catch_unwind();
        if reading.await.is_err() {
            tracing::error!(call = self.call.0, "a model provider has panicked");
            self.give(
                ModelOutput::Failed("the runner failed while it read the answer".to_owned()),
                None,
            )
            .await;
        }
    }

    /// Logs a step of the call and how long after the request it came, in milliseconds. Never logs what was said.
    fn note(&self, asked: Instant, step: &str) {
        tracing::info!(
            command.id = %self.prompt.0,
            run.id = %self.run,
            call = self.call.0,
            duration_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            "{step}"
        );
    }

    async fn read(&self, provider: Arc<dyn ModelProvider>, request: ModelRequest) {
        let asked = Instant::now();
        self.note(asked, "the model is asked");
        let stream = match provider.stream(request).await {
            Ok(stream) => stream,
            Err(error) => {
                self.note(asked, "the model does not answer");
                let output = ModelOutput::NotBegun {
                    message: error.to_string(),
                    retry: error.retry(),
                };
                return self.give(output, None).await;
            }
        };
        self.note(asked, "the first token is here");
        self.read_on(stream).await;
        self.note(asked, "the model has said everything");
    }

    async fn read_on(&self, mut stream: ModelStream) {
        while let Some(item) = stream.next().await {
            match item {
                Ok(ModelEvent::Text(text)) => self.give_text(&text, ModelEvent::Text).await,
                Ok(ModelEvent::Reasoning(text)) => {
                    self.give_text(&text, ModelEvent::Reasoning).await
                }
                Ok(ModelEvent::Done(end)) => {
                    return self
                        .give(ModelOutput::Event(ModelEvent::Done(end)), None)
                        .await;
                }
                Ok(event) => self.give(ModelOutput::Event(event), None).await,
                Err(error) => {
                    return self
                        .give(ModelOutput::Failed(error.to_string()), None)
                        .await;
                }
            }
        }
        self.give(
            ModelOutput::Failed("the model's answer has no end".to_owned()),
            None,
        )
        .await;
    }

    async fn give_text(&self, text: &str, event: fn(String) -> ModelEvent) {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(FRAME_TEXT_BYTES_MAX));
            rest = behind;
            let bytes = u32::try_from(piece.len()).expect("a piece is at most a frame's text");
            let share = Arc::clone(&self.room)
                .acquire_many_owned(bytes)
                .await
                .expect("the room is never closed");
            self.give(ModelOutput::Event(event(piece.to_owned())), Some(share))
                .await;
        }
    }

    async fn give(&self, output: ModelOutput, share: Option<OwnedSemaphorePermit>) {
        // If the receiver is gone, the runner is stopping, and this task stops with it.
        let _ = self
            .pieces
            .send(Piece {
                call: self.call,
                output,
                share,
            })
            .await;
    }
}
