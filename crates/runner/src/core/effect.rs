//! What the core is told about its agents, and what it wants done outside.

use baton_protocol::{AgentDescription, AgentId, RunId, SessionId};

use super::run::CallId;
use crate::provider::ModelRequest;

/// An agent as the core needs it.
#[derive(Clone)]
pub struct AgentSpec {
    /// What the hub is told.
    pub description: AgentDescription,
    /// What the model is told first; empty for nothing.
    pub system_prompt: String,
    /// At most so many characters of the conversation are sent to the model.
    pub context_chars_max: usize,
}

/// What is to be done outside.
pub enum Effect {
    /// Ask the agent's model, for this run.
    Call {
        /// The name of the call; its pieces come back under it.
        call: CallId,
        /// In which session.
        session: SessionId,
        /// For which run.
        run: RunId,
        /// Whose model.
        agent: AgentId,
        /// What.
        request: ModelRequest,
    },
    /// Close the connection to the model, before anything else is sent to the hub.
    Drop {
        /// Which call.
        call: CallId,
    },
    /// So much of the run's text is at the hub.
    Settled {
        /// Which run.
        run: RunId,
        /// In bytes.
        bytes: usize,
    },
    /// The run is over and forgotten.
    Forgotten {
        /// Which run.
        run: RunId,
    },
}

/// Whether a piece of an answer was still wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It became part of the run.
    Yes,
    /// Its call is over.
    No,
}
