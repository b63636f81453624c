//! Provider for any endpoint that implements OpenAI's chat completions. `docs/adr/0006` says why it has its own reader.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;
use reqwest::Response;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use super::endpoint::{BaseUrl, ParseBaseUrlError};
use super::explain::Explainer;
use super::http::{Http, SendError, refusal};
use super::stream::{AnswerReader, StreamFault};
use super::{
    ModelEvent, ModelMessage, ModelProvider, ModelRequest, ModelRole, ModelStream, ReadModelError,
    StartModelError,
};
use crate::limits;

/// The address and key of an OpenAI-compatible API.
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

/// Whether a key may be sent if others can read it on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyInClear {
    Refused,
    /// The person who runs the program allowed it.
    Allowed,
}

/// Why an endpoint cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UseEndpointError {
    /// The base URL cannot be parsed.
    #[error(transparent)]
    Address(#[from] ParseBaseUrlError),
    /// The key would be sent over plain HTTP to a host outside the local network.
    #[error(
        "the API key would be sent unencrypted to {server}, and anyone on the way could read it: use an address that begins with `https://`"
    )]
    KeyInClear {
        /// The base URL without secrets.
        server: String,
    },
    /// The key contains characters that an HTTP header cannot carry.
    #[error("the API key holds characters that no key has: copy it once more")]
    KeyUnsendable,
}

/// A [`ModelProvider`] for one endpoint.
pub struct OpenAiProvider {
    pub(super) http: Http,
    pub(super) base_url: BaseUrl,
    secrets: Vec<String>,
    /// The server refused `stream_options`.
    is_without_options: AtomicBool,
}

impl OpenAiProvider {
    /// Creates the provider without sending anything. Refuses a key that others could read on the way.
    pub fn new(endpoint: &OpenAiEndpoint) -> Result<Self, UseEndpointError> {
        Self::with_key_in_clear(endpoint, KeyInClear::Refused)
    }

    /// Creates the provider without sending anything.
    pub fn with_key_in_clear(
        endpoint: &OpenAiEndpoint,
        in_clear: KeyInClear,
    ) -> Result<Self, UseEndpointError> {
        let base_url = BaseUrl::parse(&endpoint.base_url)?;
        let key = endpoint.api_key.as_deref().map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        let has_secret = key.is_some() || base_url.has_password();
        if has_secret && base_url.shows_keys() && in_clear == KeyInClear::Refused {
            let server = base_url.shown();
            return Err(UseEndpointError::KeyInClear { server });
        }
        let authorization = match key {
            Some(key) => Some(authorization(key)?),
            None => None,
        };
        let mut secrets = base_url.secrets();
        secrets.extend(key.map(str::to_owned));
        Ok(Self {
            http: Http::new(&base_url, authorization),
            base_url,
            secrets,
            is_without_options: AtomicBool::new(false),
        })
    }

    /// The base URL as parsed: with its scheme, and without a path that was pasted after it.
    pub fn base_url(&self) -> &str {
        self.base_url.as_str()
    }

    fn body(&self, request: &ModelRequest) -> Value {
        let messages: Vec<Value> = request.messages.iter().map(message).collect();
        let mut body = json!({ "model": request.model, "messages": messages, "stream": true });
        if !self.is_without_options.load(Ordering::Relaxed) {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    async fn ask(
        &self,
        request: &ModelRequest,
        explain: &Explainer,
    ) -> Result<Response, StartModelError> {
        let body = self.body(request);
        let urls = self.base_url.completions();
        let sent = self.http.send(&urls, silence(), |client, url| {
            let request_id = request.prompt.0.to_string();
            client
                .post(url)
                .header("x-request-id", request_id)
                .json(&body)
        });
        let response = sent.await.map_err(|error| match error {
            SendError::Http(error) => explain.not_sent(&error),
            SendError::Silent => explain.silent(),
            SendError::Elsewhere(to) => explain.elsewhere(to),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error = explain.refusal(&refusal(response).await);
        if matches!(error, StartModelError::OptionRefused { .. }) {
            let was_without = self.is_without_options.swap(true, Ordering::Relaxed);
            // The server names the option although the request did not have it: the refusal means something else.
            if was_without && let StartModelError::OptionRefused { server, said } = error {
                return Err(StartModelError::Refused {
                    server,
                    status: 400,
                    said,
                    after: None,
                });
            }
        }
        Err(error)
    }
}

#[async_trait]
impl ModelProvider for OpenAiProvider {
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, StartModelError> {
        let explain = Explainer {
            server: self.base_url.shown(),
            model: request.model.clone(),
            secrets: self.secrets.clone(),
        };
        let response = self.ask(&request, &explain).await?;
        let mut reading = Reading {
            response: Some(response),
            reader: AnswerReader::default(),
        };
        let mut first = VecDeque::new();
        loop {
            match reading.next().await {
                Some(Ok(event)) => {
                    let is_usage = matches!(event, ModelEvent::Usage(_));
                    first.push_back(event);
                    if !is_usage {
                        break;
                    }
                }
                Some(Err(Stop::Fault(fault))) => return Err(explain.start(fault)),
                Some(Err(Stop::Silent)) | None => return Err(explain.silent()),
            }
        }
        Ok(Box::pin(read_on(first, reading, explain)))
    }
}

fn silence() -> Duration {
    Duration::from_millis(limits::MODEL_SILENCE_MS_MAX)
}

fn authorization(key: &str) -> Result<HeaderValue, UseEndpointError> {
    let value = HeaderValue::from_str(&format!("Bearer {key}"));
    let mut value = value.map_err(|_| UseEndpointError::KeyUnsendable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn message(message: &ModelMessage) -> Value {
    let role = match message.role {
        ModelRole::System => "system",
        ModelRole::User => "user",
        ModelRole::Assistant => "assistant",
    };
    json!({ "role": role, "content": message.text })
}

/// Why reading stops.
enum Stop {
    Fault(StreamFault),
    Silent,
}

/// An answer that is being read.
struct Reading {
    /// `None` once the answer has ended: dropping the response closes the connection.
    response: Option<Response>,
    reader: AnswerReader,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<ModelEvent, Stop>> {
        loop {
            if self.reader.is_over() {
                self.response = None;
            }
            if let Some(item) = self.reader.next() {
                return Some(item.map_err(Stop::Fault));
            }
            let response = self.response.as_mut()?;
            let limit = match self.reader.is_ending() {
                true => Duration::from_millis(limits::MODEL_TAIL_MS_MAX),
                false => silence(),
            };
            match tokio::time::timeout(limit, response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.reader.push(&bytes),
                // However the connection ended, the bytes so far tell whether the answer was whole.
                Ok(Ok(None) | Err(_)) => self.reader.finish(),
                Err(_) if self.reader.is_ending() => self.reader.finish(),
                Err(_) => {
                    self.response = None;
                    return Some(Err(Stop::Silent));
                }
            }
        }
    }
}

/// The rest of an answer: ends after [`ModelEvent::Done`] or after the first error.
fn read_on(
    first: VecDeque<ModelEvent>,
    reading: Reading,
    explain: Explainer,
) -> impl Stream<Item = Result<ModelEvent, ReadModelError>> + Send {
    let state = (first, reading, explain);
    futures::stream::unfold(state, |(mut first, mut reading, explain)| async move {
        let item = match first.pop_front() {
            Some(event) => Ok(event),
            None => reading.next().await?.map_err(|stop| match stop {
                Stop::Fault(fault) => explain.read(fault),
                Stop::Silent => explain.silent_in_the_middle(),
            }),
        };
        Some((item, (first, reading, explain)))
    })
}
