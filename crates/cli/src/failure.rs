//! Why a command failed, with its exit code.

use baton_client::{
    ActError, ConnectError, LinkError, LinkedHubError, OpenDeviceError, StoreError,
};
use baton_protocol::ErrorBody;

/// A failure; `--help` documents the codes.
#[derive(Debug)]
pub enum Failure {
    /// Any other failure.
    Other(anyhow::Error),
    /// The answer did not complete.
    Unfinished(String),
    /// The command line is wrong.
    Usage(String),
    /// The hub refused the command.
    Refused(ErrorBody),
    /// No connection, or no receipt, in time.
    NoConnection(String),
    /// This data directory is not linked to a hub.
    NotLinked,
}

impl Failure {
    /// The session was deleted, so what the command waits for never comes.
    pub fn session_deleted() -> Self {
        Self::Unfinished("this session was deleted".to_owned())
    }

    /// The exit code that `--help` documents.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Other(_) | Self::Unfinished(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::NoConnection(_) => 4,
            Self::NotLinked => 5,
        }
    }

    /// The message for people.
    pub fn message(&self) -> String {
        match self {
            Self::Other(error) => format!("{error:#}"),
            Self::Unfinished(message) | Self::Usage(message) | Self::NoConnection(message) => {
                message.clone()
            }
            Self::Refused(error) => format!(
                "refused ({}): {}. {}",
                error.code.as_str(),
                error.message,
                error.hint
            ),
            Self::NotLinked => {
                "this data directory is not linked to a hub: make a link with `baton-hub link` and run `batonctl link LINK`"
                    .to_owned()
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<OpenDeviceError> for Failure {
    fn from(error: OpenDeviceError) -> Self {
        Self::Other(error.into())
    }
}

impl From<LinkedHubError> for Failure {
    fn from(error: LinkedHubError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ActError> for Failure {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Invalid(error) => Self::Refused(error),
            other => Self::Other(other.into()),
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        let LinkError::Connect(cause) = error else {
            return Self::Usage(error.to_string());
        };
        match cause {
            ConnectError::Refused(body) => Self::Refused(body),
            ConnectError::KeyMismatch { .. }
            | ConnectError::PlainBeyondLoopback(_)
            | ConnectError::BadAddress(_) => Self::Refused(
                baton_protocol::ErrorCode::Unauthenticated
                    .with(cause.to_string(), "make a new link at the hub"),
            ),
            ConnectError::Unreachable { .. }
            | ConnectError::TimedOut(_)
            | ConnectError::Tls { .. }
            | ConnectError::Untrusted { .. }
            | ConnectError::NotAHub { .. } => Self::NoConnection(cause.to_string()),
        }
    }
}
