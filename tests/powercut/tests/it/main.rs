//! Storage on a disk that loses its power, is full or breaks: what was promised stands.
//!
//! `BATON_POWERCUT_SEEDS=N` runs N seeds of each sweep instead of the usual number; a failure names its seed, and
//! `BATON_POWERCUT_SEED=S` runs that one alone. `BATON_POWERCUT_TRACE=1` prints each operation of the disk.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by its panic"
)]

mod author;
mod book;
mod credentials_power;
mod deletion_power;
mod log_faults;
mod log_power;
mod migrations;
mod mirror_flushes;
mod mirror_power;
mod seeds;
