//! What the core knows about its agents, and the effects that it asks for.

use baton_protocol::{AgentDescription, AgentId, RunId, SessionId};

use super::run::CallId;
use crate::provider::ModelRequest;

/// An agent, as the core needs it.
#[derive(Clone)]
pub struct AgentSpec {
    /// What the runner tells the hub about the agent.
    pub description: AgentDescription,
    /// What the model is told first; may be empty.
    pub system_prompt: String,
    /// Sends at most this many characters of the conversation to the model.
    pub context_chars_max: usize,
}

/// Something for the driver to do.
pub enum Effect {
    /// Ask the agent's model, for this run.
    Call {
        /// Names the call; its output comes back under this id.
        call: CallId,
        session: SessionId,
        run: RunId,
        /// The agent whose model is asked.
        agent: AgentId,
        request: ModelRequest,
    },
    /// Close the connection to the model, before anything else is sent to the hub.
    Drop { call: CallId },
    /// This many more bytes of the run's text are at the hub.
    Settled { run: RunId, bytes: usize },
    /// The run has ended and is forgotten.
    Forgotten { run: RunId },
}

/// Whether the core took a piece of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It became part of the run.
    Yes,
    /// Its call has ended.
    No,
}
