//! The hub over real sockets, on the log in memory and on SQLite.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by its panic"
)]

#[cfg(unix)]
mod binary;
mod client;
mod commands;
mod edge;
mod faults;
mod flow;
mod housekeeping;
mod http;
mod leases;
#[cfg(unix)]
mod operation;
mod restart;
mod revoke;
mod slow_reader;
#[cfg(target_os = "linux")]
mod soak;
mod stall;
mod tls;
mod world;
