//! Model servers on this computer, found by asking the usual ports of loopback.

use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;

use crate::shell_types::{DetectedModelServer, Refusal};

/// A server on loopback answers in milliseconds; one that is busy loading a model gets a bit more.
const PROBE_LIMIT: Duration = Duration::from_millis(1_500);

/// The usual ports, the best known first.
const USUAL: [(&str, u16); 4] = [
    ("Ollama", 11_434),
    ("LM Studio", 1_234),
    ("llama.cpp", 8_080),
    ("Small local model", 7_430),
];

/// The model that `cargo xtask model-server` serves, and what of a conversation fits into its context.
const SMALL_MODEL: (&str, usize) = ("smollm2-135m", 8_000);

/// An OpenAI-compatible server's list of models.
#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

/// Asks all usual ports at once.
pub async fn detect() -> Vec<DetectedModelServer> {
    let probes = USUAL.map(|(name, port)| async move {
        let base_url = format!("http://127.0.0.1:{port}/v1");
        let models = models(&base_url, None).await?;
        Some(DetectedModelServer {
            name: name.to_owned(),
            base_url,
            models,
        })
    });
    join_all(probes).await.into_iter().flatten().collect()
}

/// How much of a conversation fits into a model's context, where that is known to be little.
pub fn context_chars(model: &str) -> Option<usize> {
    (model == SMALL_MODEL.0).then_some(SMALL_MODEL.1)
}

/// Why a model server gave no list of its models.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskModelsError {
    #[error("no answer")]
    Unreachable,
    /// It wants a key, or another one.
    #[error("the key was refused")]
    Key,
    /// It answers with this HTTP status.
    #[error("HTTP status {0}")]
    Status(u16),
    /// It answers with something else than a list of models.
    #[error("no list of models")]
    NoList,
}

impl AskModelsError {
    /// In words for a person.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Unreachable => Refusal::new(
                "The model server does not answer.",
                "Check that it runs, and its address.",
            ),
            Self::Key => Refusal::new(
                "The model server refuses the key.",
                "Check the key; it may have expired.",
            ),
            Self::Status(404) | Self::NoList => Refusal::new(
                "No list of models was found at this address.",
                "Most addresses end in /v1.",
            ),
            Self::Status(status) => Refusal::new(
                format!("The model server answers with an error (HTTP {status})."),
                "Try again in a moment.",
            ),
        }
    }
}

/// The models at an endpoint, those for chatting first; nothing where no such server answers.
pub async fn models(base_url: &str, api_key: Option<&str>) -> Option<Vec<String>> {
    ask(base_url, api_key).await.ok()
}

/// The models at an endpoint, those for chatting first. A redirect is not followed: the key is for this address.
pub async fn ask(base_url: &str, api_key: Option<&str>) -> Result<Vec<String>, AskModelsError> {
    let client = reqwest::Client::builder()
        .timeout(PROBE_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|_| AskModelsError::Unreachable)?;
    let mut request = client.get(format!("{}/models", base_url.trim_end_matches('/')));
    if let Some(key) = api_key {
        request = request.bearer_auth(key);
    }
    let answer = request
        .send()
        .await
        .map_err(|_| AskModelsError::Unreachable)?;
    match answer.status().as_u16() {
        200..=299 => {}
        401 | 403 => return Err(AskModelsError::Key),
        status => return Err(AskModelsError::Status(status)),
    }
    let list: ModelList = answer.json().await.map_err(|_| AskModelsError::NoList)?;
    Ok(ordered(
        list.data.into_iter().map(|model| model.id).collect(),
    ))
}

fn ordered(mut models: Vec<String>) -> Vec<String> {
    models.sort_by_key(|id| {
        let id = id.to_ascii_lowercase();
        id.contains("embed") || id.contains("rerank") || id.contains("whisper")
    });
    models
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn models_of_a_server_are_listed_and_nothing_is_nothing() {
        let server = baton_testkit::FakeModel::start().await;
        let found = models(&server.base_url(), None).await;
        assert!(found.is_some_and(|models| !models.is_empty()));
        drop(server);
        assert_eq!(models("http://127.0.0.1:1/v1", None).await, None);
    }

    #[test]
    fn models_that_cannot_chat_come_last() {
        let found = ordered(vec!["nomic-embed-text".into(), "qwen3:4b".into()]);
        assert_eq!(found, ["qwen3:4b", "nomic-embed-text"]);
    }
}
