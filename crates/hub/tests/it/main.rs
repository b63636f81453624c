//! The hub over real sockets, on the log in memory and on SQLite.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by its panic"
)]

use std::alloc::System;

use cap::Cap;

/// Counts what is allocated. What SQLite keeps for itself is not in it.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

mod approvals;
#[cfg(unix)]
mod binary;
mod bounds;
mod checkpoints;
mod client;
mod clock;
mod commands;
mod costs;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(unix)]
mod cut_short;
#[cfg(target_os = "linux")]
mod day;
mod deletion;
mod edge;
mod family;
mod faults;
mod flow;
mod housekeeping;
mod http;
mod imports;
mod leases;
mod moody;
#[cfg(unix)]
mod operation;
mod order;
mod proxied;
mod restart;
mod revoke;
mod saved_states;
mod scene;
mod seam;
mod session_order;
mod slow_reader;
#[cfg(target_os = "linux")]
mod soak;
mod stall;
mod strangers;
mod tls;
mod world;
