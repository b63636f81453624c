//! Who did something.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{AccountId, AgentId, DeviceId, RunnerId};

/// The author of an event or the holder of a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum Principal {
    /// A person, on one of their devices.
    Device {
        /// Whose device.
        account: AccountId,
        /// Which one.
        device: DeviceId,
    },
    /// An agent, in its runner.
    Runner {
        /// Which runner.
        runner: RunnerId,
        /// Which of its agents; absent where the runner speaks for itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        agent: Option<AgentId>,
    },
    /// The hub itself: an expired lease, a title, a queue that moves on.
    Hub,
}

impl Principal {
    /// The id as text, absent for the hub.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Device { device, .. } => Some(DeviceId::to_string(device)),
            Self::Runner { runner, .. } => Some(RunnerId::to_string(runner)),
            Self::Hub => None,
        }
    }
}

/// What a token may be used as. It comes from the hub's own record, never from what the client says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Role {
    /// Reads the account's logs and sends commands.
    Device,
    /// Reads the account's session logs and writes for the runs that it holds.
    Runner,
}
