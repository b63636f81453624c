//! A minimal client of an OpenAI-compatible endpoint, independent of the crate's own reader.

use futures::StreamExt as _;
use serde_json::{Value, json};

pub struct Answer {
    response: reqwest::Response,
    bytes: Vec<u8>,
}

pub async fn ask(base_url: &str, prompt: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let messages = json!([{ "role": "user", "content": prompt }]);
    let body = json!({ "model": "any", "stream": true, "messages": messages });
    client
        .post(format!("{base_url}/chat/completions"))
        .json(&body)
        .send()
        .await
        .unwrap()
}

impl Answer {
    pub async fn to(base_url: &str, prompt: &str) -> Self {
        let response = ask(base_url, prompt).await;
        assert_eq!(response.status(), 200);
        Self {
            response,
            bytes: Vec::new(),
        }
    }

    /// Reads until `is_enough` accepts the text; returns false if the stream ends before.
    pub async fn read_until(&mut self, is_enough: impl Fn(&str) -> bool) -> bool {
        while !is_enough(&self.text()) {
            match self.response.chunk().await.unwrap() {
                Some(bytes) => self.bytes.extend_from_slice(&bytes),
                None => return false,
            }
        }
        true
    }

    pub fn text(&self) -> String {
        let stream = String::from_utf8_lossy(&self.bytes);
        let events = stream
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "));
        let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        events
            .filter_map(|event| {
                event["choices"][0]["delta"]["content"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect()
    }
}

/// Reads the whole stream. Returns the pieces that it came in, and whether it ended without an error.
pub async fn pieces(response: reqwest::Response) -> (Vec<Vec<u8>>, bool) {
    let mut stream = response.bytes_stream();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => pieces.push(piece.to_vec()),
            Err(_) => return (pieces, false),
        }
    }
    (pieces, true)
}
