//! The session hub: sits between devices and agents and keeps every conversation as a durable log.
//!
//! Owns the HTTP and WebSocket edge, one actor for each session in use, fan-out, links and tokens, and leases. Knows no model and no
//! tool, and no backend of the log: a `main` gives it one.
//!
//! **Invariant:** nobody is shown an event that the log has not recorded durably, and nobody delivers under a right that was taken away.

#![forbid(unsafe_code)]

mod actor;
mod address;
pub mod admin;
mod authorize;
mod backend;
pub mod backup;
mod bucket;
mod clock;
pub mod config;
mod connection;
mod connection_handle;
mod core;
pub mod credentials;
mod data_dir;
mod descriptors;
pub mod doctor;
mod edge;
mod examine;
mod feed;
mod forks;
mod frame_text;
mod grants;
mod hub;
mod leases;
mod log_directory;
mod log_state;
mod log_writer;
mod looking;
mod measures;
mod network;
mod presence;
mod pulls;
mod reconcile;
mod refusals;
mod runners;
mod standing;
mod storage_health;
mod tasks;
mod tls;
mod websocket;

pub use address::{ParsePublicUrlError, PublicUrl};
pub use backend::{BackendFault, LogBackend};
pub use clock::{Clock, SystemClock};
pub use config::{AdminSocket, HubConfig, HubOptions, Tls};
// For the fuzz target that reads what a socket may bring.
#[doc(hidden)]
pub use connection::{Parsed, parse};
pub use data_dir::{ClaimDataDirError, DataDirClaim};
pub use edge::{AddressRange, ParseAddressRangeError};
pub use hub::{Hub, LinkCodeError, RunningHub, StartHubError};
pub use log_directory::{LOG_DIRECTORY_NAME, SettleLogError};
// For the simulation (`tests/sim`), which judges leases by the same code.
pub use leases::{HUB_AWAY_AFTER, HostSign, Leases, Verdict};
#[doc(hidden)]
pub use network::{LastSeen, NetworkDoor, OpenNetworkError};
pub use tls::TlsSetupError;
