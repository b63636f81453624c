//! The line to the hub: TLS with a pinned key, the socket, and the one request that links a device.
//!
//! It moves frames and decides nothing. A token leaves this module only in the header of a request to the hub whose key was checked,
//! or to loopback.

mod link;
mod socket;
mod tls;

pub use link::{LinkError, link};
pub(crate) use socket::{Line, LineEvent};
