//! Model providers: they ask a model and stream its answer.
//!
//! Owns the trait that every model library implements, and the items of its streams. Knows no parts, no runs and no hub.
//!
//! Invariant: dropping a [`ModelStream`], or the future that returns one, closes the connection to the model at once.

mod endpoint;
mod errors;
mod explain;
mod http;
mod models;
mod openai;
mod redact;
mod stream;

use std::pin::Pin;

use async_trait::async_trait;
use baton_protocol::PromptId;
use futures::Stream;

pub use endpoint::{ParseBaseUrlError, is_same_server};
pub use errors::{RETRY_AFTER_MAX, ReadModelError, RetryAdvice, RetryReason, StartModelError};
pub use models::ListModelsError;
pub use openai::{KeyInClear, OpenAiEndpoint, OpenAiProvider, UseEndpointError};
pub use stream::{AnswerReader, StreamFault};

/// Asks a model and streams its answer.
#[async_trait]
pub trait ModelProvider: Send + Sync + 'static {
    /// Asks, once. Returns the stream as soon as the model has begun to answer. The provider never retries on its own.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, StartModelError>;
}

/// A request to a model.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// The prompt to answer. Sent as the header `x-request-id`: its id is the id of the person's command, so it names this
    /// answer in the logs of every program involved.
    pub prompt: PromptId,
    /// The model, as its server names it.
    pub model: String,
    /// The conversation, oldest first.
    pub messages: Vec<ModelMessage>,
}

/// One message of the conversation.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct ModelMessage {
    pub role: ModelRole,
    pub text: String,
}

/// The speaker of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelRole {
    /// The system prompt.
    System,
    /// A person.
    User,
    /// The model.
    Assistant,
}

/// The stream of an answer.
pub type ModelStream = Pin<Box<dyn Stream<Item = Result<ModelEvent, ReadModelError>> + Send>>;

/// A piece of an answer. The concatenated texts are what the model sent, without the tags of a leading `<think>`; U+FFFD replaces what was
/// not UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub enum ModelEvent {
    /// More of the answer.
    Text(String),
    /// More of the model's reasoning before the answer.
    Reasoning(String),
    /// What the call used. At most one, before the end.
    Usage(ModelUsage),
    /// The answer has ended, for the reason that the model gave. The last item; a stream that ends without it was cut.
    Done(ModelEnd),
}

/// Why a model stopped writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelEnd {
    /// The model said everything. Also stands for a reason that is not known here.
    Whole,
    /// The answer reached the maximum length that the server or the model allows.
    LengthLimit,
    /// The server held back the rest because of its content rules.
    ContentFilter,
    /// The model declined. The answer's text is its explanation.
    Refusal,
}

/// What a call used, if the server said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ModelUsage {
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
}
