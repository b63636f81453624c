//! A device: mirror, outbox, sync engine.
//!
//! - [`Device`] is the whole of it behind one handle: open it, act, search, tail, and serve screens.
//! - [`sync`] is the machine that follows logs and gets intents answered; it does no IO.
//! - `mirror` is the device's copy of its logs in SQLite, the index over it, and the outbox.
//! - `view` serves `protocol::view` to any [`Screen`].
//! - `net` is the socket with a pinned key, and [`link`].
//!
//! This crate imports neither hub nor runner and knows no desktop: the shell and the terminal compose it.
//!
//! **Invariant:** what a person did is durable before it is shown, and is done once, however often the line or the process breaks.

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
