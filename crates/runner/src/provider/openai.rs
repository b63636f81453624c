//! Any endpoint that speaks OpenAI's chat completions, through `genai`. Why, and what is worked around: `docs/adr/0003`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_protocol::PromptId;
use futures::{Stream, StreamExt as _};
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, ReasoningEffort, StreamEnd,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{Headers, ModelIden, ModelSpec, ServiceTarget};

use super::endpoint::{BaseUrl, ParseBaseUrlError};
use super::explain::Explainer;
use super::{
    ModelEnd, ModelEvent, ModelMessage, ModelProvider, ModelRequest, ModelRole, ModelStream,
    ModelUsage, ReadModelError, StartModelError,
};
use crate::limits;

/// Where an OpenAI-compatible API is.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenAiEndpoint {
    /// For example `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// Sent as a bearer token; a local server often needs none.
    pub api_key: Option<String>,
}

impl fmt::Debug for OpenAiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiEndpoint").finish_non_exhaustive()
    }
}

/// Asks one endpoint.
pub struct OpenAiProvider {
    client: genai::Client,
    base_url: BaseUrl,
    api_key: Option<Arc<str>>,
}

impl OpenAiProvider {
    /// Nothing is sent yet.
    pub fn new(endpoint: &OpenAiEndpoint) -> Result<Self, ParseBaseUrlError> {
        let base_url = BaseUrl::parse(&endpoint.base_url)?;
        let mut http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(limits::MODEL_CONNECT_MS_MAX))
            .tcp_nodelay(true)
            // Asked once means asked once, also where a server closes the connection early.
            .retry(reqwest::retry::never());
        if base_url.is_loopback() {
            http = http.no_proxy();
        }
        let http = http
            .build()
            .expect("an HTTP client with these options can be built");
        let client = genai::Client::builder()
            .with_reqwest(http)
            .build()
            .expect("a client around an HTTP client can be built");
        let api_key = endpoint
            .api_key
            .as_deref()
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(Arc::from);
        Ok(Self {
            client,
            base_url,
            api_key,
        })
    }

    fn target(&self, model: &str, prompt: PromptId) -> ServiceTarget {
        // The URL and the headers are ours: a server without a key then gets none, and the path is exactly the base URL's.
        let mut headers = Headers::from(("x-request-id".to_owned(), prompt.0.to_string()));
        if let Some(key) = &self.api_key {
            headers.merge(("Authorization".to_owned(), format!("Bearer {key}")));
        }
        ServiceTarget {
            endpoint: Endpoint::from_owned(self.base_url.as_str()),
            auth: AuthData::RequestOverride {
                url: self.base_url.completions(),
                headers,
            },
            model: ModelIden::new(AdapterKind::OpenAI, model.to_owned()),
        }
    }
}

#[async_trait]
impl ModelProvider for OpenAiProvider {
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, StartModelError> {
        let explain = Explainer::new(
            self.base_url.shown(),
            request.model.clone(),
            self.api_key.clone(),
        );
        let silence = Duration::from_millis(limits::MODEL_SILENCE_MS_MAX);
        let options = ChatOptions::default()
            .with_capture_usage(true)
            .with_stream_header_timeout(silence)
            .with_stream_read_timeout(silence)
            // The library reads an effort out of names like `qwen-high` and a namespace out of `a::b`. A budget is not sent
            // to this kind of API, so it only switches that off; the name is then put back as it is.
            .with_reasoning_effort(ReasoningEffort::Budget(0))
            .with_extra_body(serde_json::json!({ "model": request.model }));
        let target = self.target(&request.model, request.prompt);
        let messages = request
            .messages
            .into_iter()
            .map(chat_message)
            .collect::<Vec<_>>();
        let spec = ModelSpec::Target(target);
        let response = self
            .client
            .exec_chat_stream(spec, ChatRequest::new(messages), Some(&options))
            .await;
        let mut events = response.map_err(|error| explain.start(&error))?.stream;

        // The library sends the request when the stream is polled, and reports a refusal as its first item.
        let first = loop {
            match events.next().await {
                None => return Err(explain.unreadable()),
                Some(Err(error)) => return Err(explain.start(&error)),
                Some(Ok(event)) => {
                    let found = model_events(event);
                    if !found.is_empty() {
                        break found;
                    }
                }
            }
        };
        Ok(Box::pin(read_on(first, events, explain)))
    }
}

/// The rest of an answer: ends behind [`ModelEvent::Done`] or behind the first error.
fn read_on(
    first: Vec<ModelEvent>,
    events: genai::chat::ChatStream,
    explain: Explainer,
) -> impl Stream<Item = Result<ModelEvent, ReadModelError>> + Send {
    let reading = Reading {
        ready: first.into(),
        events: Some(events),
        explain,
    };
    futures::stream::unfold(reading, |mut reading| async move {
        let item = reading.next().await?;
        Some((item, reading))
    })
}

struct Reading {
    ready: VecDeque<ModelEvent>,
    /// Absent once the answer is over: with it goes the connection.
    events: Option<genai::chat::ChatStream>,
    explain: Explainer,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<ModelEvent, ReadModelError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if matches!(event, ModelEvent::Done(_)) {
                    self.events = None;
                }
                return Some(Ok(event));
            }
            match self.events.as_mut()?.next().await {
                Some(Ok(event)) => self.ready.extend(model_events(event)),
                Some(Err(error)) => {
                    self.events = None;
                    return Some(Err(self.explain.read(&error)));
                }
                // Without the end marker the answer was cut, however tidily the server closed the connection.
                None => {
                    self.events = None;
                    return Some(Err(self.explain.cut()));
                }
            }
        }
    }
}

fn chat_message(message: ModelMessage) -> ChatMessage {
    match message.role {
        ModelRole::System => ChatMessage::system(message.text),
        ModelRole::User => ChatMessage::user(message.text),
        ModelRole::Assistant => ChatMessage::assistant(message.text),
    }
}

fn model_events(event: ChatStreamEvent) -> Vec<ModelEvent> {
    match event {
        ChatStreamEvent::Chunk(chunk) if !chunk.content.is_empty() => {
            vec![ModelEvent::Text(chunk.content)]
        }
        ChatStreamEvent::ReasoningChunk(chunk) if !chunk.content.is_empty() => {
            vec![ModelEvent::Reasoning(chunk.content)]
        }
        ChatStreamEvent::End(end) => usage(&end)
            .into_iter()
            .map(ModelEvent::Usage)
            .chain([ModelEvent::Done(ModelEnd::Whole)])
            .collect(),
        _ => Vec::new(),
    }
}

fn usage(end: &StreamEnd) -> Option<ModelUsage> {
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok());
    let captured = end.captured_usage.as_ref()?;
    Some(ModelUsage {
        input_tokens: tokens(captured.prompt_tokens),
        output_tokens: tokens(captured.completion_tokens),
    })
}
