//! The event log on SQLite: the embedded default of a hub.
//!
//! It owns one directory with one database. One thread writes : it takes everything that waits, of all logs, into one
//! transaction with one flush, and answers only then. A few connections read. Closed parts are sealed by the writer when it has
//! nothing better to do, and the rows of deleted logs are taken away in small steps between groups.
//!
//! It never retries a failed flush: what the disk holds is then not known, so the log stops until it is opened again.
//!
//! **Invariant:** what was acknowledged is in the database after a crash, what is in it is a prefix of what was written, and no
//! reader sees a transaction before its flush (SQLite publishes a WAL transaction after its sync).
//!
//! | module | owns |
//! |---|---|
//! | `sqlite_event_log` | [`SqliteEventLog`]: the trait, the queue to the writer |
//! | `open` | the directory, its lock and permissions, connections and their settings |
//! | `writer` | the writer's thread, group commit, sealing, deletions, checkpoints |
//! | `copy` | a copy while everything goes on, and the new identity of logs that were restored from one |
//! | `examine` | what a check of everything finds |
//! | `reader` | the read connections and what they answer |
//! | `tail_runs` | what logs end with, joined in memory |
//! | `unplaced` | where the last arrivals stand, in memory, until they have their places |
//! | `tables` | a file a table: migration, row, reads, writes |

#![forbid(unsafe_code)]

mod copy;
mod examine;
mod open;
mod reader;
mod sqlite_event_log;
mod tables;
mod tail_runs;
mod unplaced;
mod writer;

pub use copy::{RenewError, renew_identities};
pub use open::{OpenError, SqliteOptions};
pub use sqlite_event_log::SqliteEventLog;
