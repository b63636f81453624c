//! A device: mirror, outbox, sync engine.
//!
//! - [`sync`] is the machine that follows logs and gets intents answered; it does no IO.

#![warn(missing_docs)]

pub mod limits;
pub mod sync;
