//! The built-in agent.

use std::sync::Arc;

use baton_protocol::{AgentDescription, AgentId};

use crate::core::AgentSpec;
use crate::driver::Agent;
use crate::limits::CONTEXT_CHARS_MAX_DEFAULT;
use crate::provider::ModelProvider;

/// The built-in agent's id on every runner.
pub const ASSISTANT_ID: &str = "assistant";

/// The system prompt if none is configured.
const SYSTEM_PROMPT: &str = "You are a helpful assistant. Answer in Markdown, in the language of the person who asks. \
     Be clear and to the point. Say so when you do not know something.";

/// Answers with one model, without tools. Can be steered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assistant {
    /// The model, as its server names it.
    pub model: String,
    /// The system prompt; `None` for a short built-in one.
    pub system_prompt: Option<String>,
    /// Sends at most this many characters of the conversation; `None` for [`CONTEXT_CHARS_MAX_DEFAULT`].
    pub context_chars_max: Option<usize>,
}

impl Assistant {
    /// The agent, answering through this provider.
    pub fn with_provider(self, provider: Arc<dyn ModelProvider>) -> Agent {
        let description = AgentDescription {
            id: AgentId(ASSISTANT_ID.to_owned()),
            name: "Assistant".to_owned(),
            model: self.model,
            can_steer: true,
        };
        let spec = AgentSpec {
            description,
            system_prompt: self
                .system_prompt
                .unwrap_or_else(|| SYSTEM_PROMPT.to_owned()),
            context_chars_max: self.context_chars_max.unwrap_or(CONTEXT_CHARS_MAX_DEFAULT),
        };
        Agent { spec, provider }
    }
}
