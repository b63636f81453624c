//! A device: its mirror, outbox and sync engine.
//!
//! - [`Device`] puts everything behind one handle: open it, act, search, tail, and serve screens.
//! - [`sync`] is a machine without IO that follows logs and gets intents answered.
//! - `mirror` holds the device's copy of its logs in SQLite, the search index over it, and the outbox.
//! - `view` serves `protocol::view` to any [`Screen`].
//! - `net` is the socket to a hub with a pinned key; [`link`] exchanges a link code for a token.
//!
//! This crate imports neither hub nor runner and knows nothing of the desktop: the shell and the terminal client compose it.
//!
//! **Invariant:** what a person did is durable before it is shown, and happens once, however often the connection or the process breaks.

mod device;
pub mod limits;
mod linked_hub;
mod mirror;
mod moving;
mod net;
pub mod sync;
mod system;
mod token;
mod view;

pub use baton_session::StandingApproval;
pub use baton_transport::{
    ConnectError, FROM_STDIN, LinkError, ON_COMMAND_LINE, is_on_command_line, link, secret_argument,
};
pub use device::{
    ActError, AnswerItem, AnswerReader, CancelError, Device, DeviceConfig, Follow, Intent,
    IntentOutcome, OpenDeviceError, PartTexts, SessionAtEnd, SessionOverview, StartedSession, Tail,
    TailItem, TailStart,
};
pub use linked_hub::{LinkedHub, LinkedHubError};
#[cfg(feature = "simulation")]
pub use mirror::{AppliedBatch, DirectMirror, HistoryOutcome, SnapshotOutcome};
pub use mirror::{OpaqueIntent, OutboxEntry, OutboxState, SearchFound, StoreError};
pub use moving::{Move, MoveError, MoveProgress};
pub use sync::Now;
pub use system::{Clock, SystemClock};
pub use token::{TokenError, TokenFile, TokenInMemory, TokenProvider};
pub use view::Screen;
