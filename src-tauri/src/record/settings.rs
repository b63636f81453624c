//! The content of the record: the link in use with the slot of its token, what runs inside the application, and what must be removed.

use baton_client::LinkedHub;
use baton_protocol::AccountId;
use serde::{Deserialize, Serialize};

use crate::secrets::SecretSlot;

/// The content of the profile's `profile.json`. It has no secrets.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The hub and the runner inside the application, if the link leads to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSettings>,
    /// Whether the person chose to keep tokens in files.
    #[serde(default)]
    pub tokens_in_files: bool,
    /// Moves that the new hub has not fully confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<UnfinishedMove>,
    /// Slots that hold nothing of use: of links that were replaced or never completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<SecretSlot>,
}

/// A hub, this device's identity there, and where its token is kept. One value, so that no token can reach another hub.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The hub, the account and this device's name there.
    #[serde(flatten)]
    pub hub: LinkedHub,
    pub token: SecretSlot,
}

/// A move that is not complete: data of one account's folder that goes to another account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedMove {
    pub from: LinkedHub,
    /// The move continues whenever this device is linked to this account.
    pub to: AccountId,
}

/// The hub and the runner inside the application.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalSettings {
    /// The port of the last start; reused if it is free.
    pub port: u16,
    pub model: ModelSettings,
    #[serde(default = "SecretSlot::legacy_runner_token")]
    pub runner_token: SecretSlot,
    /// Absent until the hub is opened to the network for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSettings>,
}

/// How the hub inside the application is open to the network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSettings {
    /// Whether the hub should be open.
    pub is_on: bool,
    /// The port that linked devices know; 0 before the first opening.
    pub port: u16,
    /// The address that links carry; absent: the source address of this computer's traffic to the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether the application stays when its window is closed while the hub is open.
    pub stays_in_background: bool,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            is_on: false,
            port: 0,
            host: None,
            stays_in_background: true,
        }
    }
}

/// A model at an OpenAI-compatible endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSettings {
    /// For example `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    pub model: String,
    /// How many characters of a conversation fit into the model's context, if it is known to be small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_chars: Option<usize>,
    /// The slot of this server's key; `None` if the server needs none.
    #[serde(default = "legacy_model_key")]
    pub api_key: Option<SecretSlot>,
}

/// Profiles from before slots had names do not say whether there is a key: if there is one, it is in this slot.
fn legacy_model_key() -> Option<SecretSlot> {
    Some(SecretSlot::legacy_model_key())
}

impl Settings {
    /// Returns the slots of the link, the runner and the model.
    pub fn slots_in_use(&self) -> Vec<SecretSlot> {
        let link = self.link.iter().map(|link| link.token.clone());
        let local = self.local.iter().flat_map(|local| {
            [
                Some(local.runner_token.clone()),
                local.model.api_key.clone(),
            ]
        });
        link.chain(local.flatten()).collect()
    }

    /// Switches to this link, and notes that the data of the link in use moves there.
    pub fn move_to(&mut self, link: Link) {
        let to = link.hub.account;
        let from = self.link.as_ref().map(|before| before.hub.clone());
        let here = from.filter(|from| from.account != to);
        // Moves to the hub that this device leaves continue to the new hub.
        self.moves
            .retain(|unfinished| unfinished.from.account != to);
        for unfinished in &mut self.moves {
            unfinished.to = to;
        }
        if let Some(from) = here {
            self.moves
                .retain(|known| known.from.account != from.account);
            self.moves.push(UnfinishedMove { from, to });
        }
        self.use_link(link, None);
    }

    /// Switches to this link, and retires the slots that are no longer used.
    pub fn use_link(&mut self, link: Link, local: Option<LocalSettings>) {
        self.replace(|settings| {
            settings.link = Some(link);
            settings.local = local;
        });
    }

    /// Switches the runner inside, if there is one, to this model.
    pub fn use_model(&mut self, model: ModelSettings) {
        self.replace(|settings| {
            if let Some(local) = &mut settings.local {
                local.model = model;
            }
        });
    }

    fn replace(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.slots_in_use();
        change(self);
        self.retired.extend(before);
        let in_use = self.slots_in_use();
        self.retired.retain(|slot| !in_use.contains(slot));
        self.retired.dedup();
    }
}
