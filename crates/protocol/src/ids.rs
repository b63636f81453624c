//! Ids and positions, one newtype each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::limits;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(export, type = "string")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing id.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// A new id from the clock and the system's random source. Sans-I/O code takes its ids from its caller instead.
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id as a UUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::from_str(text).map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// One durable conversation. The device that creates it makes the id, so that a session can begin offline.
    SessionId;
    /// A person on a hub.
    AccountId;
    /// An installation that is linked to an account.
    DeviceId;
    /// A process that hosts agents, linked to an account.
    RunnerId;
    /// One start of a runner's process. A run belongs to the instance that began it: no other instance has its state.
    RunnerInstanceId;
    /// An intent. The device makes the id; the hub gives each id exactly one answer.
    CommandId;
    /// An agent's work on one prompt.
    RunId;
    /// An approval that a run waits for. The runner makes the id.
    ApprovalId;
    /// A folder of the sessions list. The device makes the id.
    FolderId;
    /// The identity of a log. A restored or replaced log has a new one.
    Incarnation;
}

/// A prompt, named by the command that sent it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "string")]
pub struct PromptId(pub CommandId);

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PromptId({})", self.0)
    }
}

impl From<CommandId> for PromptId {
    fn from(command: CommandId) -> Self {
        Self(command)
    }
}

/// The name that a runner gives to one of its agents, for example `assistant`. At most [`crate::limits::AGENT_ID_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "string")]
pub struct AgentId(pub String);

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a tool call within its run, as the model or its host gave it. At most [`crate::limits::CALL_ID_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "string")]
pub struct CallId(pub String);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! position {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, TS)]
        #[serde(transparent)]
        #[ts(export, type = "number")]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let most = <$inner>::try_from(limits::SAFE_INTEGER_MAX).unwrap_or(<$inner>::MAX);
                <$inner>::deserialize(deserializer).map(|number| Self(number.min(most)))
            }
        }

        impl $name {
            /// The position before the first one.
            pub const ZERO: Self = Self(0);

            /// The position right after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

position! {
    /// An event's position in its log: assigned by the hub, from 1, strictly increasing over all runs and agents.
    Seq(u64);
    /// The generation of a lease. A writer with a smaller epoch is fenced.
    Epoch(u64);
    /// A runner's own count of its writes for one run, from 1 without gaps. With it, a resumed run neither loses nor repeats a write.
    ProducerSeq(u64);
    /// A part's place in its run, from 0.
    PartIndex(u32);
}

/// Milliseconds since the Unix epoch. For display only: order is by [`Seq`] alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, TS)]
#[serde(transparent)]
#[ts(export, type = "number")]
pub struct TimestampMs(pub i64);

impl<'de> Deserialize<'de> for TimestampMs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let most = i64::try_from(limits::SAFE_INTEGER_MAX).unwrap_or(i64::MAX);
        i64::deserialize(deserializer).map(|number| Self(number.clamp(-most, most)))
    }
}

/// Reads a number that reaches a screen. A number too large for JavaScript becomes [`limits::SAFE_INTEGER_MAX`]; it is not refused, because
/// a log that has one must stay readable.
pub(crate) fn safe_integer<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    u64::deserialize(deserializer).map(|number| number.min(limits::SAFE_INTEGER_MAX))
}

/// Like [`safe_integer`], for a number that may be absent.
pub(crate) fn safe_integer_if_any<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let number = Option::<u64>::deserialize(deserializer)?;
    Ok(number.map(|number| number.min(limits::SAFE_INTEGER_MAX)))
}

/// The id of a log. On the wire `session:<uuid>` or `account:<uuid>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, TS)]
#[ts(export, type = "string")]
pub enum LogId {
    /// The log of one session.
    Session(SessionId),
    /// The log of an account: its sessions list, devices, agents and read marks.
    Account(AccountId),
}

/// The text is not `session:<uuid>` or `account:<uuid>`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log id, write `session:<uuid>` or `account:<uuid>`")]
pub struct ParseLogIdError(String);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Account(id) => write!(f, "account:{id}"),
        }
    }
}

impl FromStr for LogId {
    type Err = ParseLogIdError;

    fn from_str(text: &str) -> Result<Self, ParseLogIdError> {
        let refuse = || ParseLogIdError(text.to_owned());
        match text.split_once(':').ok_or_else(refuse)? {
            ("session", id) => id.parse().map(Self::Session).map_err(|_| refuse()),
            ("account", id) => id.parse().map(Self::Account).map_err(|_| refuse()),
            _ => Err(refuse()),
        }
    }
}

impl Serialize for LogId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
