//! Principals, and the roles of their tokens.

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
        account: AccountId,
        device: DeviceId,
    },
    /// An agent, in its runner.
    Runner {
        runner: RunnerId,
        /// The agent that acted; absent if the runner acted on its own behalf.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        agent: Option<AgentId>,
    },
    /// The hub itself: it ends an expired lease, sets a title or advances the queue.
    Hub,
}

impl Principal {
    /// The device's or runner's id as text; `None` for the hub.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Device { device, .. } => Some(DeviceId::to_string(device)),
            Self::Runner { runner, .. } => Some(RunnerId::to_string(runner)),
            Self::Hub => None,
        }
    }
}

/// What a token permits. The hub takes the role from its own records, never from the client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Role {
    /// Reads the account's logs and sends commands.
    Device,
    /// Reads the account's session logs and writes for the runs whose leases it holds.
    Runner,
}
