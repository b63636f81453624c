//! One task for each session and each account that is in use: the only writer of its log.
//!
//! An actor keeps the state that it folds from its log, decides, appends, applies, publishes, and only then answers. It waits for the
//! log and for nobody else: not for a socket, not for a subscriber, not for another actor.

mod account;
mod account_actors;
mod answer;
mod attention;
mod message;
mod run_requests;
mod session;
mod session_actors;
mod session_commands;
mod session_runs;
mod trail;
mod write_burst;

pub use account_actors::{AccountActors, delete_log_later, record_access_later, record_later};
pub use answer::{Answer, refusal};
pub use attention::Attention;
pub use message::{AccountFact, SessionRequest};
pub use run_requests::of_deleted;
pub use session_actors::SessionActors;
