//! Types on the wire and in the log: ids, events, commands, receipts, batches, socket frames, error codes and limits.
//!
//! This crate is the source of truth for the format that `docs/PROTOCOL.md` specifies and for the TypeScript types in `ui/src/generated`.
//! It does no IO and needs no async runtime. `baton-session` decides what the types mean in a session; [`view`] defines what a screen
//! shows.
//!
//! Conventions: JSON, camelCase, an explicit `type` on every union, times in integer milliseconds since the Unix epoch.

mod account_events;
mod batch;
mod command;
mod control_commands;
mod control_events;
mod error_code;
mod event;
mod frame;
mod ids;
mod import;
mod known;
pub mod limits;
mod link;
mod part_kind;
mod payload;
mod principal;
mod run_events;
mod run_write;
mod session_events;
pub mod view;

pub use account_events::*;
pub use batch::{Batch, Cursor};
pub use command::*;
pub use control_commands::*;
pub use control_events::*;
pub use error_code::{AfterClose, ErrorBody, ErrorCode};
pub use event::{Event, EventBody, UnknownEvent};
pub use frame::*;
pub use ids::*;
pub use import::*;
pub use known::{CLIENT_FRAME_KINDS, COMMAND_KINDS, HUB_FRAME_KINDS, UnreadFrame};
pub use link::*;
pub use part_kind::{PartKind, ToolCallPart, ToolResultPart};
pub use principal::{Principal, Role};
pub use run_events::*;
pub use run_write::{RunWrite, RunWriteEntry};
pub use session_events::*;
