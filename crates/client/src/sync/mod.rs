//! The sync engine: a machine without IO that keeps a mirror equal to the hub's logs and gets every intent answered.
//!
//! [`SyncEngine`] takes [`Input`]s (what the socket, the clock, the mirror and the person did) and returns [`Output`]s (what the driver
//! must do, in this order). It reads no clock and no random source: each input carries the time, and the configuration the seed.
//!
//! **Invariant:** an [`Output::ApplyBatch`] always continues exactly the cursor that the previous one left, so no gap and no duplicate
//! reaches the mirror, whatever the connection loses, repeats or reorders.
//!
//! A mirror that is far behind gets a saved state and continues from there ([`Output::ApplySnapshot`]). The range that the state replaced
//! is a [`Gap`], which the engine fills from below: at once if a reader wants to see it, otherwise when there is nothing else to fetch.
//!
//! **Invariant:** the engine sends an intent again and again under the same id until the hub has answered it, in the order in which the
//! intents of its log were queued.

mod backoff;
mod engine;
mod following;
mod frames;
mod history;
mod io;
mod problems;
mod sending;
mod snapshots;
mod status;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod fuzz_intents;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tables_deletion;
#[cfg(test)]
mod tables_history;
#[cfg(test)]
mod tables_intents;

pub use backoff::Backoff;
pub use engine::SyncEngine;
pub use io::{
    ConnectionStatus, Gap, Input, Now, Output, PendingIntent, Problem, SessionPosition, Snapshot,
    SyncConfig,
};
pub use sending::CancelOutcome;
