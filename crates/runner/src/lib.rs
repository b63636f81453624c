//! Hosts agents: takes runs from a hub, asks models, and writes the answers into the sessions' logs.
//!
//! - [`provider`] is where answers come from.
//! - [`Core`] is the runner without IO; [`Runner`] drives it between the hub's line and the models.
//! - [`Assistant`] is the built-in agent; [`Identity`] is what a runner of its own keeps on disk.
//!
//! Invariants: what stands in the log is byte for byte what the model sent; a lost connection to the hub never asks a model twice;
//! a stop or a lost lease closes the connection to the model at once. This crate knows neither hub nor client.

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
