//! A device: mirror, outbox, sync engine.
//!
//! - [`sync`] is the machine that follows logs and gets intents answered; it does no IO.

#![warn(missing_docs)]

pub mod limits;
mod linked_hub;
mod mirror;
mod net;
pub mod sync;
mod token;
