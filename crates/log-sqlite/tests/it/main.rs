//! The SQLite log: the conformance suite, and tests of what only a disk can do.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by its panic"
)]

mod deletion;
mod disk_full;
mod failed_flush;
mod files;
mod kill;
mod places;
mod sealing;
mod subject;
mod tail_runs;

baton_log::conformance!(subject::empty_log);
