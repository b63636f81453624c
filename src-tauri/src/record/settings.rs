//! What the record holds: the link in use with the slot of its token, what runs inside the application, and what is to be removed.

use baton_client::LinkedHub;
use baton_protocol::AccountId;
use serde::{Deserialize, Serialize};

use crate::secrets::SecretSlot;

/// The profile's `profile.json`. No secrets.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The hub that this device is linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The hub and the runner inside the application, where the link leads there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSettings>,
    /// Whether the person chose to keep tokens in files.
    #[serde(default)]
    pub tokens_in_files: bool,
    /// Moves that the new hub has not confirmed whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<UnfinishedMove>,
    /// Slots that hold nothing of use: of links that were replaced, or that were never finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<SecretSlot>,
}

/// A hub, who this device is there, and where its token is kept. One value, so that no token can meet another hub.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The hub, the account and this device's name there.
    #[serde(flatten)]
    pub hub: LinkedHub,
    /// The slot of the token that this hub gave.
    pub token: SecretSlot,
}

/// What an account's folder holds is on its way to another account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnfinishedMove {
    /// Where it comes from.
    pub from: LinkedHub,
    /// Where it goes. It goes on whenever this device is linked to that account.
    pub to: AccountId,
}

/// The hub and the runner inside the application.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalSettings {
    /// The port of the last start; taken again where it is free.
    pub port: u16,
    pub model: ModelSettings,
    /// The slot of the runner's token.
    #[serde(default = "SecretSlot::legacy_runner_token")]
    pub runner_token: SecretSlot,
    /// How the hub is open to the network; absent until it was opened once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSettings>,
}

/// How the hub inside the application is open to the network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSettings {
    /// Whether it is to be open.
    pub is_on: bool,
    /// The port that linked devices know; 0 until there is one.
    pub port: u16,
    /// The address that links carry; absent: the one that leads to the rest of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether the application stays when its window is closed, while the hub is open.
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

/// A model behind an OpenAI-compatible endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSettings {
    /// For example `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How much of a conversation fits into its context, where that is known to be little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_chars: Option<usize>,
    /// The slot of this server's key; `None` where it needs none.
    #[serde(default = "legacy_model_key")]
    pub api_key: Option<SecretSlot>,
}

/// Profiles from before slots had names say nothing of a key: it is in that slot, or there is none.
fn legacy_model_key() -> Option<SecretSlot> {
    Some(SecretSlot::legacy_model_key())
}

impl Settings {
    /// The slots that are in use.
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

    /// Uses this link from now on, and moves there what the link in use has.
    pub fn move_to(&mut self, link: Link) {
        let to = link.hub.account;
        let from = self.link.as_ref().map(|before| before.hub.clone());
        let here = from.filter(|from| from.account != to);
        // What was on its way to the hub that is left goes on from there.
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

    /// Uses this link from now on. Whatever was used before and is not used now is retired.
    pub fn use_link(&mut self, link: Link, local: Option<LocalSettings>) {
        self.replace(|settings| {
            settings.link = Some(link);
            settings.local = local;
        });
    }

    /// Uses this model from now on, where a runner is inside.
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
