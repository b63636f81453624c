//! The event log on SQLite: the embedded default of a hub.
//!
//! It owns one directory with one database. One thread writes: it commits all waiting requests, of all logs, in one transaction with one
//! flush, and only then answers. A few connections read. The writer seals closed parts when it is idle, and deletes the rows of deleted
//! logs in small steps between groups.
//!
//! It never retries a failed flush: the disk's content is then unknown, so the log stops until it is opened again.
//!
//! **Invariant:** what was acknowledged is in the database after a crash; the database holds a prefix of what was written; and no reader
//! sees a transaction before its flush (SQLite publishes a WAL transaction after its sync).
//!
//! | module | owns |
//! |---|---|
//! | `sqlite_event_log` | [`SqliteEventLog`]: the trait, the queue to the writer |
//! | `open` | the directory, its lock and permissions, connections and their settings |
//! | `writer` | the writer's thread, group commit, sealing, deletions, checkpoints |
//! | `copy` | a copy of the running database, and new identities for the logs restored from one |
//! | `examine` | the check of all stored rows |
//! | `reader` | the read connections and their queries |
//! | `tail_runs` | the appends at the end of logs, joined in memory |
//! | `unplaced` | an in-memory index of the last arrivals, until they are in `places` |
//! | `tables` | one file for each table: migration, row, reads, writes |

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
