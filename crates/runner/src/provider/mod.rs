//! Where answers come from.
//!
//! Owns the trait behind which every model library stands, and what may come out of it. Never: parts, runs, the hub.
//!
//! Invariant: dropping a [`ModelStream`], or the future that would give one, closes the connection to the model at once.

mod endpoint;
mod explain;
mod openai;

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use baton_protocol::PromptId;
use futures::Stream;

pub use endpoint::ParseBaseUrlError;
pub use openai::{OpenAiEndpoint, OpenAiProvider};

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

/// A piece of an answer. Put together, the texts are byte for byte what the model sent.
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

/// Why there is no answer. The text is for the person who asked; it never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum StartModelError {
    /// Nobody listens there.
    #[error("the model server at {server} does not answer: is it running?")]
    Unreachable {
        /// Where.
        server: String,
    },
    /// It took the request and kept silent.
    #[error("the model server at {server} was silent for {minutes} minutes")]
    Silent {
        /// Where.
        server: String,
        /// How long.
        minutes: u64,
    },
    /// No key, or a wrong one.
    #[error(
        "the model server at {server} does not accept the API key (HTTP {status}): check it in the settings"
    )]
    KeyRefused {
        /// Where.
        server: String,
        /// 401 or 403.
        status: u16,
    },
    /// The server has no such model, or the address is not of an API.
    #[error(
        "the model server at {server} knows no model `{model}` (HTTP 404): check the model's name and the base URL{said}"
    )]
    ModelUnknown {
        /// Where.
        server: String,
        /// Which model.
        model: String,
        /// What the server says, with a colon before it.
        said: String,
    },
    /// Too many requests, or the credit is used up.
    #[error(
        "the model server at {server} takes no more requests for now (HTTP 429): wait a little and retry{said}"
    )]
    RateLimited {
        /// Where.
        server: String,
        /// What the server says, with a colon before it.
        said: String,
    },
    /// Another refusal.
    #[error("the model server at {server} refused the request (HTTP {status}){said}")]
    Refused {
        /// Where.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What the server says, with a colon before it.
        said: String,
    },
    /// Something else answered.
    #[error("the model server at {server} gave no answer that can be read: is the base URL right?")]
    Unreadable {
        /// Where.
        server: String,
    },
    /// The answer began with an error.
    #[error(transparent)]
    Broken(#[from] ReadModelError),
}

impl StartModelError {
    /// Whether to ask once more, and when. `None` where the same request would fail again, and after ten silent minutes: a slow machine
    /// would begin again with the same prompt.
    pub fn retry(&self) -> Option<RetryAdvice> {
        let why = match self {
            Self::Unreachable { .. } => RetryReason::Unreachable,
            Self::RateLimited { .. } => RetryReason::Busy,
            Self::Refused { status, .. } if *status == 408 || *status >= 500 => RetryReason::Busy,
            _ => return None,
        };
        Some(RetryAdvice { after: None, why })
    }
}

/// How to ask once more after a call that gave nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryAdvice {
    /// How long the server asks to wait (`Retry-After`). `None` where it does not say.
    pub after: Option<Duration>,
    /// Why the call gave nothing.
    pub why: RetryReason,
}

/// Why a call may succeed when it is made once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryReason {
    /// The server answers that it cannot answer now.
    Busy,
    /// The server refuses connections, or cannot be reached.
    Unreachable,
    /// The server refused an optional field of the request. The provider leaves it out from now on: ask again at once.
    OptionRefused,
}

/// Why an answer broke off. The text is for the person who asked; it never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The connection ended before the answer did.
    #[error("the model server at {server} broke off in the middle of the answer")]
    Cut {
        /// Where.
        server: String,
    },
    /// Nothing came for too long.
    #[error(
        "the model server at {server} was silent for {minutes} minutes in the middle of the answer"
    )]
    Silent {
        /// Where.
        server: String,
        /// How long.
        minutes: u64,
    },
    /// The server reported an error in the stream.
    #[error("the model server at {server} reported an error{said}")]
    Reported {
        /// Where.
        server: String,
        /// What the server says, with a colon before it.
        said: String,
    },
    /// What came is not what the API defines.
    #[error("the model server at {server} sent something that cannot be read")]
    Unreadable {
        /// Where.
        server: String,
    },
}
