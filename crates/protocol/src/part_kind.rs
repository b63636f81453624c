//! The kinds of a message's parts.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use ts_rs::TS;

use crate::{CallId, payload::payload};

payload! {
    /// A tool call. The part's text holds the arguments as the model wrote them.
    ToolCallPart {
        /// Names the call within its run.
        call: CallId,
        tool: String,
    }

    /// The result of a tool call. The part's text is the output.
    ToolResultPart {
        /// The call of the same run that gave the result.
        call: CallId,
        /// Whether the tool failed, was denied or was cancelled; the text says why.
        is_error: bool,
    }
}

/// The kind of a part. A kind from a newer version is kept unchanged.
#[derive(Clone, PartialEq, Debug, TS)]
#[ts(
    export,
    type = "\"text\" | \"reasoning\" | { type: \"toolCall\", call: string, tool: string } | { type: \"toolResult\", call: string, isError: boolean } | { type: string }"
)]
pub enum PartKind {
    /// The answer's text, Markdown.
    Text,
    /// What the model thought before it answered.
    Reasoning,
    ToolCall(ToolCallPart),
    ToolResult(ToolResultPart),
    /// A kind from a newer version: shown as a placeholder, kept unchanged.
    Unknown(Value),
}

/// The kinds that this build knows and that are objects on the wire.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Known {
    ToolCall(ToolCallPart),
    ToolResult(ToolResultPart),
}

impl PartKind {
    /// The kind's name in a run's digest.
    pub fn tag(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Reasoning => "reasoning",
            Self::ToolCall(_) => "toolCall",
            Self::ToolResult(_) => "toolResult",
            Self::Unknown(raw) => raw.get("type").and_then(Value::as_str).unwrap_or("unknown"),
        }
    }
}

impl Serialize for PartKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text | Self::Reasoning => serializer.serialize_str(self.tag()),
            Self::ToolCall(part) => Known::ToolCall(part.clone()).serialize(serializer),
            Self::ToolResult(part) => Known::ToolResult(part.clone()).serialize(serializer),
            Self::Unknown(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PartKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        match raw.as_str() {
            Some("text") => return Ok(Self::Text),
            Some("reasoning") => return Ok(Self::Reasoning),
            _ => {}
        }
        let is_known = matches!(
            raw.get("type").and_then(Value::as_str),
            Some("toolCall" | "toolResult")
        );
        if !is_known {
            return Ok(Self::Unknown(raw));
        }
        Ok(
            match serde_json::from_value(raw).map_err(serde::de::Error::custom)? {
                Known::ToolCall(part) => Self::ToolCall(part),
                Known::ToolResult(part) => Self::ToolResult(part),
            },
        )
    }
}
