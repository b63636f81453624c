//! The core of Baton, without IO: what a session is, which changes it accepts, and what a screen shows of it.
//!
//! - [`SessionState`] folds events. It holds control state only, so it stays small however long the conversation gets.
//! - [`decide`] turns a command into events and a receipt's outcome; [`decide_run_write`], [`start_run`], [`lose_run`] and
//!   [`report_teardown`] do the same for runners and for the hub itself. All of them are pure.
//! - [`sealing`] is the law that lets a log drop token deltas.
//! - [`Transcript`] and [`RowChange`] are the timeline: rows with stable ids, made by the same fold.
//! - [`Checkpoints`] are small states from which a reader of a session's newest text can start.
//! - [`AccountState`] does the same for an account's log.
//!
//! This crate never reads a clock, a random source, a file or a socket.
//!
//! **Invariant:** for every k, and for every m at which a log may end a batch, `fold(state at k, batch(k → m)) == state at m`, no
//! matter which deltas in the batch were merged or sealed.

mod account;
mod checkpoint;
mod decide;
mod digest;
mod fold;
mod new_event;
pub mod sealing;
mod state;
mod transcript;

pub use account::{AccountState, Draft, LinkedPrincipal, SessionPlace, decide_account};
pub use checkpoint::{Checkpoint, Checkpoints, Noted};
pub use decide::{
    DecideFacts, ForkCopy, ForkSource, decide, decide_run_write, expire_edit, fork, lose_run,
    report_teardown, revoke_answers_of, start_run, stop_all,
};
pub use digest::approval_digest;
pub use fold::FoldError;
pub use new_event::{Decision, NewEvent};
pub use state::{
    ActiveRun, AnsweredApproval, OpenApproval, PartProgress, PartText, QueuePause, RunRecord,
    RunRetry, SessionState, StandingApproval, Turns, WaitingPrompt,
};
pub use transcript::{NoTranscript, RowChange, Transcript, TranscriptSink};
