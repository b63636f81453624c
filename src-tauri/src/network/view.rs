//! What the screen is told about the network; `ui/src/platform/types.ts` says what each value means.

use baton_protocol::TimestampMs;
use serde::Serialize;

use super::{NetworkAddress, QrPath};
use crate::shell_types::Refusal;

/// How this computer can be used from other devices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkView {
    pub state: NetworkState,
    /// Where this computer can be reached at the moment.
    pub addresses: Vec<NetworkAddress>,
    /// The address that links carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether this computer still has that address. Devices that were linked under it look for the hub there.
    pub host_is_current: bool,
    /// Whether the application stays when its window is closed.
    pub stays_in_background: bool,
    /// All linked devices and runners, the newest first.
    pub devices: Vec<NetworkDevice>,
}

/// Whether the hub listens on the network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum NetworkState {
    Off,
    On {
        /// The port, the same on every address.
        port: u16,
    },
    /// It should listen, but cannot.
    Failed {
        message: String,
    },
}

/// A linked device or runner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkDevice {
    pub id: String,
    /// The name that a person gave it.
    pub name: String,
    /// Whether it is this application's own device or runner.
    pub is_here: bool,
    pub linked_at: TimestampMs,
    pub seen: DeviceSeen,
}

/// When a device was connected last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum DeviceSeen {
    /// Connected at this moment.
    Now,
    /// When its last connection ended.
    At { at: TimestampMs },
    /// Not since the application started.
    NotSinceStart,
}

/// A one-time link for another device.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkLink {
    /// `baton://link?…`.
    pub link: String,
    /// The link as a QR code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<QrPath>,
    /// How long the link can still be used, in milliseconds.
    pub lasts_ms: u64,
}

/// A link, or the reason why none could be created.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum NetworkLinkResult {
    Made(NetworkLink),
    Refused(Refusal),
}

impl From<Result<NetworkLink, Refusal>> for NetworkLinkResult {
    fn from(result: Result<NetworkLink, Refusal>) -> Self {
        match result {
            Ok(link) => Self::Made(link),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}
