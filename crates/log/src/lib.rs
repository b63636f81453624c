//! The event log: the [`EventLog`] trait and its laws, the log in memory, and the conformance suite that every backend passes.
//!
//! A log is the only record of what happened in a session or an account. It assigns seqs, keeps the events with the receipts of the
//! commands that caused them, and gives readers batches. It never decides what may happen (`baton-session` does) and never shows an event
//! to anyone (the hub does, after the append has returned).
//!
//! **Invariant:** what [`EventLog::append`] acknowledged stays readable, in one order, until its whole log is deleted. What it refused is
//! never in the log.
//!
//! | module | owns |
//! |---|---|
//! | `event_log` | the trait, its requests and answers |
//! | `errors` | one error enum for each public operation |
//! | [`recording`] | for backends: seqs and the only encoding of new events |
//! | [`batching`] | for backends: filling a batch, and where it may end |
//! | `memory` | [`MemoryEventLog`] |
//! | `conformance` (feature of the same name) | the suite, `conformance!` |

#![forbid(unsafe_code)]

pub mod batching;
#[cfg(feature = "conformance")]
pub mod conformance;
mod errors;
mod event_log;
mod memory;
pub mod recording;

pub use errors::{AppendError, CopyError, DeleteError, ReadError, StorageFault};
pub use event_log::{
    AppendRequest, Appended, EventLog, ExpectedHead, LogHead, NewReceipt, ReadLimit, STATE_FORMATS,
    STATES_KEPT, SavedState, StoredReceipt,
};
pub use memory::{MemoryEventLog, Sealing};
