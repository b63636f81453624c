//! Hosts agents: takes runs from a hub, asks models, and writes the answers into the sessions' logs.
//!
//! - [`provider`] asks models and reads their answers.
//! - [`Core`] is the runner without IO; [`Runner`] drives it with a connection to the hub and calls to models.
//! - [`Assistant`] is the built-in agent; [`Identity`] is what a standalone runner keeps on disk.
//!
//! Invariants: the log holds byte for byte what the model sent; a lost connection to the hub never makes the runner ask a model twice;
//! a stop or a lost lease closes the connection to the model at once. This crate depends on neither hub nor client.

mod assistant;
mod context;
mod core;
mod driver;
mod identity;
pub mod limits;
pub mod provider;

pub use assistant::{ASSISTANT_ID, Assistant};
pub use context::whole_context;
pub use core::{AgentSpec, CallId, Core, Effect, ModelOutput, Taken};
pub use driver::{Agent, Refused, Runner, RunnerConfig, RunnerStatus};
pub use identity::{Identity, LoadIdentityError, SaveIdentityError};
