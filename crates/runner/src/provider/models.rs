//! The list of models that a server offers.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::http::SendError;
use super::openai::OpenAiProvider;
use crate::limits;

/// Why a model server gave no list of its models.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListModelsError {
    /// The server gave no answer, or none in time.
    #[error("no answer")]
    Unreachable,
    /// The server wants a key, or a different one.
    #[error("the key was refused")]
    KeyRefused,
    /// The server redirects requests to this URL on another host.
    #[error("it sends requests on to {0}")]
    Elsewhere(String),
    /// The server answers with this HTTP status.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The server answers with something other than a list of models.
    #[error("no list of models")]
    NoList,
}

impl OpenAiProvider {
    /// Returns the names of the server's models, in the server's order. Takes at most `limit` in total.
    pub async fn models(&self, limit: Duration) -> Result<Vec<String>, ListModelsError> {
        let asked = tokio::time::timeout(limit, self.ask_for_models(limit)).await;
        asked.unwrap_or(Err(ListModelsError::Unreachable))
    }

    async fn ask_for_models(&self, limit: Duration) -> Result<Vec<String>, ListModelsError> {
        let urls = self.base_url.models();
        let sent = self.http.send(&urls, limit, |client, url| client.get(url));
        let response = sent.await.map_err(|error| match error {
            SendError::Http(_) | SendError::Silent => ListModelsError::Unreachable,
            SendError::Elsewhere(to) => ListModelsError::Elsewhere(to),
        })?;
        match response.status().as_u16() {
            200..=299 => {}
            401 | 403 => return Err(ListModelsError::KeyRefused),
            status => return Err(ListModelsError::Status(status)),
        }
        let list = read(response).await.ok_or(ListModelsError::NoList)?;
        names(&list).ok_or(ListModelsError::NoList)
    }
}

/// The body as JSON; `None` if it is not JSON or too long for a list.
async fn read(mut response: Response) -> Option<Value> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.ok()? {
        if body.len() + bytes.len() > limits::MODEL_LIST_BYTES_MAX {
            return None;
        }
        body.extend_from_slice(&bytes);
    }
    serde_json::from_slice(&body).ok()
}

/// Reads the names from `{"data": [{"id": …}]}`, and from servers' variants.
fn names(list: &Value) -> Option<Vec<String>> {
    let list = list
        .get("data")
        .or_else(|| list.get("models"))
        .unwrap_or(list);
    let name = |model: &Value| {
        let fields = ["id", "model", "name"]
            .into_iter()
            .map(|field| model.get(field));
        let mut names = fields
            .chain([Some(model)])
            .flatten()
            .filter_map(Value::as_str);
        names.next().map(str::to_owned)
    };
    Some(list.as_array()?.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_shape() {
        for list in [
            r#"{"object":"list","data":[{"id":"a"},{"id":"b"},{}]}"#,
            r#"{"models":[{"name":"a"},{"model":"b"}]}"#,
            r#"[{"id":"a"},"b"]"#,
        ] {
            let list = serde_json::from_str(list).expect("JSON");
            assert_eq!(
                names(&list),
                Some(vec!["a".to_owned(), "b".to_owned()]),
                "{list}"
            );
        }
        assert_eq!(names(&serde_json::json!({ "error": "no" })), None);
    }
}
