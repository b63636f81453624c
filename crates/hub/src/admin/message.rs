//! What is asked and answered over the admin socket.

use std::path::PathBuf;

use baton_protocol::{AccountId, Role, TimestampMs};
use serde::{Deserialize, Serialize};

use crate::credentials::PrincipalRecord;

/// One line to the hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum AdminRequest {
    /// Make a link code.
    Link {
        /// For what.
        role: Role,
    },
    /// Everybody who was ever linked.
    Devices,
    /// Take access away.
    Revoke {
        /// An id, or a name that only one has.
        who: String,
    },
    /// Copy the hub's data as of now into a directory, which is made. Takes as long as it takes.
    Copy {
        /// Absolute; the asker's own.
        into: PathBuf,
    },
    /// Check the storage: what it finds when it looks at all of itself. Takes as long as it takes.
    Examine,
}

impl AdminRequest {
    /// Whether the answer comes in seconds whatever the hub holds.
    pub fn is_short(&self) -> bool {
        !matches!(self, Self::Copy { .. } | Self::Examine)
    }
}

/// One line from the hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum AdminResponse {
    /// The code.
    Link {
        /// `baton://link?…`.
        link: String,
    },
    /// Everybody.
    Devices {
        /// The oldest first.
        devices: Vec<DeviceLine>,
    },
    /// Done.
    Revoked {
        /// Who.
        device: DeviceLine,
    },
    /// The directory holds the hub's data.
    Copied,
    /// What the storage found.
    Examined {
        /// Empty is well.
        findings: Vec<String>,
    },
    /// Not done.
    Refused {
        /// Why.
        message: String,
    },
}

/// A device or a runner, as `baton-hub devices --json` prints it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceLine {
    /// Its id.
    pub id: String,
    /// Device or runner.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub account: AccountId,
    /// Since when.
    pub linked_at: TimestampMs,
    /// Since when it has no access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<TimestampMs>,
    /// Whether it has an open connection.
    pub connected: bool,
}

impl DeviceLine {
    /// Of a record; whether it is connected is known to a running hub only.
    pub fn of(record: &PrincipalRecord, connected: bool) -> Self {
        Self {
            id: record.id(),
            role: record.role,
            name: record.name.clone(),
            account: record.account,
            linked_at: record.linked_at,
            revoked_at: record.revoked_at,
            connected,
        }
    }
}
