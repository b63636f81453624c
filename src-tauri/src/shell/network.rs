//! *Use from other devices*: opens the hub inside the application to the network, and closes it again.

use std::collections::HashMap;

use baton_hub::LastSeen;
use baton_protocol::{Role, limits};

use super::Shell;
use crate::inside::{Inside, NetworkDoorState};
use crate::linking::sentence;
use crate::network::{self, DeviceSeen, NetworkDevice, NetworkLink, NetworkView, QrPath};
use crate::record::{NetworkSettings, Settings};
use crate::shell_types::Refusal;

impl Shell {
    /// Returns how other devices can reach this computer; `None` if its hub is elsewhere or does not run.
    pub async fn network(&self) -> Result<Option<NetworkView>, Refusal> {
        let settings = self.settings()?;
        let inside = self.inside.lock().await;
        let Some(inside) = inside.as_ref() else {
            return Ok(None);
        };
        let kept = network_settings(&settings).unwrap_or_default();
        let addresses = network::addresses();
        let host = kept.host.or_else(|| network::preferred(&addresses));
        let host_is_current = host
            .as_ref()
            .is_none_or(|host| addresses.iter().any(|address| address.host == *host));
        Ok(Some(NetworkView {
            state: inside.network_state(),
            addresses,
            host,
            host_is_current,
            stays_in_background: kept.stays_in_background,
            devices: devices(inside, &settings).await?,
        }))
    }

    /// Opens the hub to the network, at the recorded port if there is one.
    pub async fn open_network(&self) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        let settings = self.settings()?;
        let mut network = network_settings(&settings).unwrap_or_default();
        let mut inside = self.inside.lock().await;
        let inside = inside.as_mut().ok_or_else(no_hub)?;
        network.port = inside.open_network(network.port).await?;
        network.is_on = true;
        let addresses = network::addresses();
        network.host = network.host.or_else(|| network::preferred(&addresses));
        let stays = network.stays_in_background;
        if let Err(refusal) = self.remember(|settings| set_network(settings, network)) {
            inside.close_network().await;
            return Err(refusal);
        }
        self.stays.send_replace(stays);
        Ok(())
    }

    /// Closes the hub to the network. When this returns, no socket from there is open.
    pub async fn close_network(&self) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        if let Some(inside) = self.inside.lock().await.as_mut() {
            inside.close_network().await;
        }
        self.stays.send_replace(false);
        self.change_network(|network| network.is_on = false)
    }

    /// Chooses the address that links carry.
    pub async fn choose_host(&self, host: String) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        let is_ours = network::addresses()
            .iter()
            .any(|address| address.host == host);
        if !is_ours {
            return Err(Refusal::new(
                "This computer no longer has that address.",
                "Choose another one.",
            ));
        }
        self.change_network(|network| network.host = Some(host))
    }

    /// Sets whether the application stays when its window is closed and the hub is open to the network.
    pub async fn stay_in_background(&self, choice: BackgroundChoice) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        let stays = choice == BackgroundChoice::Stay;
        self.change_network(|network| network.stays_in_background = stays)?;
        let is_on = network_settings(&self.settings()?).is_some_and(|network| network.is_on);
        self.stays.send_replace(stays && is_on);
        Ok(())
    }

    /// Makes a one-time link for another device.
    pub async fn network_link(&self) -> Result<NetworkLink, Refusal> {
        let kept = network_settings(&self.settings()?).unwrap_or_default();
        let inside = self.inside.lock().await;
        let inside = inside.as_ref().ok_or_else(no_hub)?;
        let NetworkDoorState::Open(door) = &inside.door else {
            return Err(Refusal::new(
                "Other devices cannot reach this computer at the moment.",
                "Turn on “Use from other devices” first.",
            ));
        };
        let host = kept.host.ok_or_else(|| {
            Refusal::new(
                "This computer is not connected to a network.",
                "Connect it to the same network as your other device.",
            )
        })?;
        let (hub, account) = (&inside.hub, inside.hub.account());
        let code = hub
            .network_link_code(door, &host, Role::Device, account)
            .await;
        let code = code.map_err(|error| {
            Refusal::new(format!("No link could be made: {error}."), "Try again.")
        })?;
        let link = code.to_string();
        Ok(NetworkLink {
            qr: QrPath::of(&link),
            link,
            lasts_ms: limits::LINK_CODE_TTL_MS,
        })
    }

    /// Revokes a device's access. When this returns, nothing is delivered to it any more.
    pub async fn revoke_device(&self, id: &str) -> Result<(), Refusal> {
        let settings = self.settings()?;
        if ids_here(&settings).contains(&id.to_owned()) {
            return Err(Refusal::new("The app cannot revoke itself.", ""));
        }
        let inside = self.inside.lock().await;
        let inside = inside.as_ref().ok_or_else(no_hub)?;
        let revoked = inside.hub.revoke(id).await;
        revoked.map(|_| ()).map_err(|error| {
            let why = sentence(&error.to_string());
            Refusal::new(
                format!("The device could not be revoked: {why}."),
                "Try again.",
            )
        })
    }

    fn change_network(&self, change: impl FnOnce(&mut NetworkSettings)) -> Result<(), Refusal> {
        self.remember(|settings| {
            let mut network = network_settings(settings).unwrap_or_default();
            change(&mut network);
            set_network(settings, network);
        })
    }
}

/// What the application does when its window is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BackgroundChoice {
    /// It stays, so that other devices reach it.
    Stay,
    End,
}

fn network_settings(settings: &Settings) -> Option<NetworkSettings> {
    settings.local.as_ref()?.network.clone()
}

fn set_network(settings: &mut Settings, network: NetworkSettings) {
    if let Some(local) = &mut settings.local {
        local.network = Some(network);
    }
}

fn no_hub() -> Refusal {
    Refusal::new(
        "The hub of this device is not on this computer.",
        "Make links where it runs.",
    )
}

/// Returns the ids of this device and of the runner inside, at the hub inside.
fn ids_here(settings: &Settings) -> Vec<String> {
    let device = settings
        .link
        .as_ref()
        .and_then(|link| link.hub.principal.id());
    let runner = settings.local.as_ref().and_then(|local| {
        let slot = local.runner_token.as_str();
        slot.strip_prefix("runner-token-").map(str::to_owned)
    });
    device.into_iter().chain(runner).collect()
}

async fn devices(inside: &Inside, settings: &Settings) -> Result<Vec<NetworkDevice>, Refusal> {
    let records = inside.hub.devices().await.map_err(|error| {
        Refusal::new(
            format!("The devices cannot be listed: {error}."),
            "Try again.",
        )
    })?;
    let seen: HashMap<String, LastSeen> = inside.hub.last_seen();
    let here = ids_here(settings);
    let standing = records
        .into_iter()
        .rev()
        .filter(|record| record.revoked_at.is_none());
    let devices = standing.map(|record| {
        let id = record.id();
        NetworkDevice {
            is_here: here.contains(&id),
            seen: match seen.get(&id) {
                Some(LastSeen::Connected) => DeviceSeen::Now,
                Some(LastSeen::Left(at)) => DeviceSeen::At { at: *at },
                None => DeviceSeen::NotSinceStart,
            },
            name: record.name,
            linked_at: record.linked_at,
            id,
        }
    });
    Ok(devices.collect())
}
