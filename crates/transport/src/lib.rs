//! How a device or a runner reaches its hub.
//!
//! Owns TCP and TLS to a hub, which is recognised by the pinned key of its [`HubAddress`](baton_protocol::HubAddress) or, behind a public
//! name, by the computer's certificate store; the handshake of the socket at `/v1/socket`; and `POST /v1/link`. Leaves frames,
//! reconnecting and storing a token to its caller.
//!
//! Invariants: a token or a link code is sent only to the key that the link named, to a name that the certificate store vouches for if
//! the link named one, or in plain text to this machine; redirects are never followed; nothing that a hub sends is kept beyond the limits
//! in [`baton_protocol::limits`].

mod error;
mod exchange;
mod line;
mod link;
mod pin;
mod secret_argument;
mod socket;
mod store;

pub use error::{ConnectError, LinkError};
pub use line::HubStream;
pub use link::link;
pub use pin::key_fingerprint;
pub use secret_argument::{FROM_STDIN, ON_COMMAND_LINE, is_on_command_line, secret_argument};
pub use socket::{CONNECT_TIMEOUT_MS, HubSocket, connect};
