//! Server-sent events of an OpenAI-compatible stream: builds them, and reads them from bytes that are cut anywhere.

use serde_json::{Value, json};

/// Builds an event with a delta of the first choice.
pub(crate) fn delta_event(model: &str, delta: Value, finish_reason: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    });
    format!("data: {chunk}\n\n")
}

/// The delta of the first choice of one event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Delta {
    pub text: String,
    pub reasoning: String,
    pub is_done: bool,
}

/// Reads events from bytes as they arrive.
#[derive(Default)]
pub(crate) struct SseReader {
    pending: Vec<u8>,
}

impl SseReader {
    /// Returns the deltas of the lines that these bytes complete.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Delta> {
        self.pending.extend_from_slice(bytes);
        let mut deltas = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                deltas.push(parse(data.trim_start()));
            }
        }
        deltas
    }
}

fn parse(data: &str) -> Delta {
    if data == "[DONE]" {
        return Delta {
            is_done: true,
            ..Delta::default()
        };
    }
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    let delta = &event["choices"][0]["delta"];
    let field = |name: &str| delta[name].as_str().unwrap_or_default().to_owned();
    Delta {
        text: field("content"),
        reasoning: field("reasoning_content"),
        is_done: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_whatever_the_cuts() {
        let stream = format!(
            "{}: comment\n\n{}data: [DONE]\n\n",
            delta_event("m", json!({ "content": "grüße 🌍" }), None),
            delta_event("m", json!({ "reasoning_content": "hm" }), Some("stop")),
        );
        for size in 1..stream.len() {
            let mut reader = SseReader::default();
            let deltas: Vec<Delta> = stream
                .as_bytes()
                .chunks(size)
                .flat_map(|bytes| reader.read(bytes))
                .collect();
            let text = |text: &str| Delta {
                text: text.into(),
                ..Delta::default()
            };
            let reasoning = Delta {
                reasoning: "hm".into(),
                ..Delta::default()
            };
            let done = Delta {
                is_done: true,
                ..Delta::default()
            };
            assert_eq!(
                deltas,
                [text("grüße 🌍"), reasoning, done],
                "cut every {size} bytes"
            );
        }
    }
}
