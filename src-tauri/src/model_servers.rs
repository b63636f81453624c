//! Finds model servers on this computer by asking the usual ports on loopback.

use std::time::Duration;

use baton_runner::provider::{ListModelsError, OpenAiEndpoint, OpenAiProvider};
use futures::future::join_all;

use crate::shell_types::{DetectedModelServer, Refusal};

/// A server on loopback answers in milliseconds; the margin is for one that is busy loading a model.
const PROBE_LIMIT: Duration = Duration::from_millis(1_500);

/// The usual ports, the best-known servers first.
const USUAL: [(&str, u16); 4] = [
    ("Ollama", 11_434),
    ("LM Studio", 1_234),
    ("llama.cpp", 8_080),
    ("Small local model", 7_430),
];

/// The model that `cargo xtask model-server` serves, and how many characters of a conversation fit into its context.
const SMALL_MODEL: (&str, usize) = ("smollm2-135m", 8_000);

/// Asks all usual ports at once.
pub async fn detect() -> Vec<DetectedModelServer> {
    let probes = USUAL.map(|(name, port)| async move {
        let base_url = format!("http://127.0.0.1:{port}/v1");
        let models = models(&base_url).await?;
        Some(DetectedModelServer {
            name: name.to_owned(),
            base_url,
            models,
        })
    });
    join_all(probes).await.into_iter().flatten().collect()
}

/// How many characters of a conversation fit into a model's context, if it is known to be small.
pub fn context_chars(model: &str) -> Option<usize> {
    (model == SMALL_MODEL.0).then_some(SMALL_MODEL.1)
}

/// Explains to a person why a server's models cannot be listed.
pub fn refusal(error: &ListModelsError) -> Refusal {
    match error {
        ListModelsError::Unreachable => Refusal::new(
            "The model server does not answer.",
            "Check that it runs, and its address.",
        ),
        ListModelsError::KeyRefused => Refusal::new(
            "The model server refuses the key.",
            "Check the key; it may have expired.",
        ),
        ListModelsError::Elsewhere(to) => Refusal::new(
            format!("The model server sends requests on to {to}."),
            "Enter that address if it is the right one.",
        ),
        ListModelsError::Status(404) | ListModelsError::NoList => Refusal::new(
            "No list of models was found at this address.",
            "Most addresses end in /v1.",
        ),
        ListModelsError::Status(status) => Refusal::new(
            format!("The model server answers with an error (HTTP {status})."),
            "Try again in a moment.",
        ),
    }
}

/// Lists the models at an address without a key; `None` if no such server answers.
async fn models(base_url: &str) -> Option<Vec<String>> {
    let endpoint = OpenAiEndpoint {
        base_url: base_url.to_owned(),
        api_key: None,
    };
    ask(&OpenAiProvider::new(&endpoint).ok()?).await.ok()
}

/// Lists a server's models, chat models first.
pub async fn ask(provider: &OpenAiProvider) -> Result<Vec<String>, ListModelsError> {
    Ok(ordered(provider.models(PROBE_LIMIT).await?))
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
        let found = models(&server.base_url()).await;
        assert!(found.is_some_and(|models| !models.is_empty()));
        drop(server);
        assert_eq!(models("http://127.0.0.1:1/v1").await, None);
    }

    #[test]
    fn models_that_cannot_chat_come_last() {
        let found = ordered(vec!["nomic-embed-text".into(), "qwen3:4b".into()]);
        assert_eq!(found, ["qwen3:4b", "nomic-embed-text"]);
    }
}
