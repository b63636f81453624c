//! Where answers come from.
//!
//! Owns the trait behind which every model library stands, and what may come out of it. Never: parts, runs, the hub.
//!
//! Invariant: dropping a [`ModelStream`], or the future that would give one, closes the connection to the model at once.

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

/// Something that answers.
#[async_trait]
pub trait ModelProvider: Send + Sync + 'static {
    /// Asks, once. Gives the stream as soon as the model has begun to answer. The provider never asks a second time by itself.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, StartModelError>;
}

/// What is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// What is answered. Sent along as the header `x-request-id`: it is the id of the person's command, and so the name of this
    /// answer in the logs of everybody who had to do with it.
    pub prompt: PromptId,
    /// The model, as its server names it.
    pub model: String,
    /// The conversation, the oldest first.
    pub messages: Vec<ModelMessage>,
}

/// One message of the conversation.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct ModelMessage {
    /// Who speaks.
    pub role: ModelRole,
    /// What.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelRole {
    /// Whoever set the agent up.
    System,
    /// A person.
    User,
    /// The model.
    Assistant,
}

/// An answer on its way.
pub type ModelStream = Pin<Box<dyn Stream<Item = Result<ModelEvent, ReadModelError>> + Send>>;

/// A piece of an answer. Put together, the texts are what the model sent, without the tags of a leading `<think>`; what was no UTF-8 is
/// U+FFFD.
#[derive(Clone, PartialEq, Eq)]
pub enum ModelEvent {
    /// More of the answer.
    Text(String),
    /// More of what the model thinks before it answers.
    Reasoning(String),
    /// What the call used. At most once, before the end.
    Usage(ModelUsage),
    /// The answer is over, for the reason that the model gave. The last item; a stream that ends without it was cut.
    Done(ModelEnd),
}

/// Why a model stopped writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelEnd {
    /// It had said everything. Also where its server gives a reason that is not known here.
    Whole,
    /// Its answer reached the greatest length that the server or the model allows.
    LengthLimit,
    /// The server held back the rest because of its content rules.
    ContentFilter,
    /// The model declined. The answer's text is what it said about that.
    Refusal,
}

/// What a call used, where the server said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ModelUsage {
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
}
