//! The session machine: tables of (state, command) → events, and the laws as properties. No async, no clock.

mod account;
mod approvals;
mod branches;
mod checkpoints;
mod children;
mod edits;
mod endings;
mod forks;
mod imports;
mod interleavings;
mod prompts;
mod queue;
mod rig;
mod runs;
mod saved_states;
mod sealing;
mod stop;
