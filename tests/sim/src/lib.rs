//! A seeded simulation of Baton in a bad world, with a checker at every step.
//!
//! A seed gives a plan: what people do on several devices, and what breaks (lines, processes, disks, clocks). [`simulate`] plays it in
//! simulated time, on one thread, out of the seed alone:
//!
//! | part | what it is |
//! |---|---|
//! | devices | the client's sync engine, in a driver that keeps the order of the client's; a model of its mirror, or the mirror itself |
//! | runners | the runner's core, in a line and calls that keep the order of its driver's |
//! | the hub | a model that keeps the order of steps of the hub's actors, over the session machine and the hub's own leases |
//! | the log | the log in memory, or the embedded one |
//!
//! The checker keeps a fold of its own of what stands in the logs, the state at each seq, what people wanted and what the model said. When
//! nothing breaks any more and everything is at rest, every mirror must be the hub's log.
//!
//! Never: a clock, a random source, a thread whose timing matters.

#![forbid(unsafe_code)]

mod checker;
mod device;
mod faults;
mod hub;
mod net;
mod plan;
mod planted;
mod rest;
mod rng;
mod runner;
mod shrink;
mod sim;
mod simulate;
mod store;
mod trace;
mod words;
mod world;

pub use checker::Tally;
pub use plan::{Plan, Planned, Step, plan_for, refusals_on_a_full_disk};
pub use planted::{Planted, UnknownFault};
pub use shrink::shrink;
pub use simulate::{Outcome, simulate};
pub use trace::Keep;
