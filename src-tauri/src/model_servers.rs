//! Model servers on this computer, found by asking the usual ports of loopback.

use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;

use crate::shell_types::DetectedModelServer;

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

/// The models at an endpoint, those for chatting first; nothing where no such server answers.
pub async fn models(base_url: &str, api_key: Option<&str>) -> Option<Vec<String>> {
    let client = reqwest::Client::builder()
        .timeout(PROBE_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .ok()?;
    let mut request = client.get(format!("{}/models", base_url.trim_end_matches('/')));
    if let Some(key) = api_key {
        request = request.bearer_auth(key);
    }
    let answer = request.send().await.ok()?.error_for_status().ok()?;
    let list: ModelList = answer.json().await.ok()?;
    Some(ordered(
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
