//! Why an answer ended, and whether that makes it an answer or a fault.

use super::{SoFar, StreamFault};
use crate::provider::ModelEnd;

/// The reason that a server gives for the end.
pub(super) enum Reason {
    Ended(ModelEnd),
    /// Something broke; the server's word for it.
    Broke(String),
}

impl Reason {
    /// Reads a `finish_reason`. An unknown one counts as a whole answer: it says that the model stopped.
    pub fn of(word: &str) -> Self {
        Self::Ended(match word.to_ascii_lowercase().replace('-', "_").as_str() {
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "token_limit"
            | "model_context_window_exceeded" => ModelEnd::LengthLimit,
            "content_filter" | "content_filtered" | "safety" | "sensitive" | "recitation"
            | "blocklist" | "prohibited_content" | "spii" => ModelEnd::ContentFilter,
            "refusal" => ModelEnd::Refusal,
            "error"
            | "server_error"
            | "network_error"
            | "insufficient_system_resource"
            | "abort"
            | "aborted"
            | "cancelled" => return Self::Broke(word.to_owned()),
            _ => ModelEnd::Whole,
        })
    }

    /// Whether the model said that it was finished.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Ended(ModelEnd::Whole))
    }
}

impl SoFar {
    /// Judges an answer that has ended.
    pub fn verdict(&self) -> Result<ModelEnd, StreamFault> {
        let end = match &self.reason {
            Some(Reason::Broke(word)) => {
                let words = format!("the answer ended with `{word}`");
                return Err(StreamFault::Reported {
                    words,
                    status: None,
                });
            }
            Some(Reason::Ended(end)) => *end,
            None => ModelEnd::Whole,
        };
        if !self.has_text
            && let Some(tool) = &self.call
        {
            return Err(StreamFault::ToolCalled { tool: tool.clone() });
        }
        if !self.has_text && !self.has_reasoning {
            let words = String::new();
            return Err(StreamFault::Empty { end, words });
        }
        Ok(match end {
            ModelEnd::Whole if self.is_refusal => ModelEnd::Refusal,
            end => end,
        })
    }
}
