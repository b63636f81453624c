//! Why a hub could not be reached, in words for people.

use std::io;

use baton_protocol::{AfterClose, ErrorBody};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not `host:port`, or its fingerprint is not one.
    #[error("`{0}` is not a hub's address: link again")]
    BadAddress(String),
    /// Without a key, a hub is trusted only on this machine.
    #[error(
        "`{0}` is another machine and its link carries no key: plain text is only for a hub on this machine, link again"
    )]
    PlainBeyondLoopback(String),
    /// Nothing accepts connections there.
    #[error("the hub at `{authority}` does not answer")]
    Unreachable {
        /// The host and port.
        authority: String,
        source: io::Error,
    },
    /// The hub did not answer in time.
    #[error("the hub at `{0}` did not answer in time")]
    TimedOut(String),
    /// The hub has a key other than the one in the link.
    #[error(
        "the hub has another key than the one in your link: it may have been set up anew, or somebody is between you and it; \
         nothing was sent to it (expected `{expected}`, found `{found}`)"
    )]
    KeyMismatch {
        /// The pinned fingerprint.
        expected: String,
        /// The fingerprint of the key that was presented.
        found: String,
    },
    /// This computer's certificate store does not vouch for the hub's certificate.
    #[error(
        "the certificate of `{authority}` is not trusted by this computer; nothing was sent there ({source})"
    )]
    Untrusted {
        /// The host and port.
        authority: String,
        /// What the TLS handshake said.
        source: io::Error,
    },
    /// TLS failed for another reason.
    #[error("no secure connection to the hub at `{authority}`")]
    Tls {
        /// The host and port.
        authority: String,
        /// What the TLS handshake said.
        source: io::Error,
    },
    /// The hub refused the connection.
    #[error("the hub refused the connection: {0}")]
    Refused(ErrorBody),
    /// The server at this address does not behave like a hub.
    #[error("what answers at `{authority}` is not a Baton hub: {what}")]
    NotAHub {
        /// The host and port.
        authority: String,
        /// What the server did.
        what: String,
    },
}

impl ConnectError {
    /// Whether the same attempt may succeed later without a change to the link.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut(_)
            | Self::Tls { .. }
            // A proxy may renew an expired certificate.
            | Self::Untrusted { .. }
            | Self::NotAHub { .. } => true,
            Self::Refused(error) => error.code.after_close() != AfterClose::StayAway,
            Self::BadAddress(_) | Self::PlainBeyondLoopback(_) | Self::KeyMismatch { .. } => false,
        }
    }
}

/// Why linking failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The hub was not reached, or refused the code.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The name is empty or too long.
    #[error("a name has 1 to {max} characters", max = baton_protocol::limits::DEVICE_NAME_CHARS_MAX)]
    BadName,
}
