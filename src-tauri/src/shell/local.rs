//! The start on this computer: a hub and a runner inside the application, with this device linked to the hub.

use std::sync::Arc;

use baton_protocol::Role;

use super::Shell;
use crate::inside::{self, Inside};
use crate::linking::{self, NewLink, refused, sentence, unrecorded};
use crate::model_choice::{self, Chosen};
use crate::record::{LocalSettings, ModelSettings};
use crate::secrets::SecretSlot;
use crate::shell_types::{ModelOptions, Refusal};
use crate::tasks;

impl Shell {
    /// Starts on this computer. Returns once the work is in progress; the status reports how it goes.
    pub async fn start_local(self: &Arc<Self>, options: ModelOptions) -> Result<(), Refusal> {
        let chosen = model_choice::choose(options).await?;
        let shell = Arc::clone(self);
        self.board.starting("Starting the hub on this computer…");
        tasks::spawn("start on this computer", async move {
            let _alone = shell.work.lock().await;
            if let Err(refusal) = shell.set_up_local(chosen).await {
                tracing::error!(message = refusal.message, "no start on this computer");
                shell.end_inside().await;
                shell.board.failed(&refusal);
            }
        });
        Ok(())
    }

    pub(super) async fn set_up_local(self: &Arc<Self>, chosen: Chosen) -> Result<(), Refusal> {
        linking::prepare(&self.profile, &self.record, &self.secrets).await?;
        let model = self.keep_model_key(chosen).await?;
        self.end_inside().await;
        let name = self.profile.suggested_device_name();
        let hub = inside::start(&self.profile, &name, 0).await;
        let hub = hub.map_err(|error| {
            let why = sentence(&error.to_string());
            Refusal::new(
                format!("The hub on this computer did not start: {why}."),
                "",
            )
        })?;
        let inside = Inside::new(hub);
        self.board.starting("Linking this computer…");
        match self.link_inside(&inside, &name, model).await {
            Ok((device, local)) => {
                self.run_inside(inside, local).await;
                let opened = self.open_device(device.link).await;
                linking::sweep(&self.record, &self.secrets).await;
                opened
            }
            Err(refusal) => {
                inside.stop().await;
                Err(refusal)
            }
        }
    }

    /// Links the runner and the device, and records both in one rename.
    async fn link_inside(
        &self,
        inside: &Inside,
        name: &str,
        model: ModelSettings,
    ) -> Result<(NewLink, LocalSettings), Refusal> {
        let runner = new_link(inside, Role::Runner, &format!("{name} runner")).await?;
        let device = new_link(inside, Role::Device, name).await?;
        linking::keep_tokens(&self.record, &self.secrets, &[&runner, &device]).await?;
        let local = LocalSettings {
            port: inside.hub.local_addr().port(),
            model,
            runner_token: runner.link.token,
            network: None,
        };
        let (link, kept) = (device.link.clone(), local.clone());
        self.remember(|settings| settings.use_link(link, Some(kept)))?;
        Ok((device, local))
    }

    /// Keeps the key of a model that is about to be used, in a slot of its own.
    pub(super) async fn keep_model_key(&self, chosen: Chosen) -> Result<ModelSettings, Refusal> {
        let Some(key) = chosen.new_key else {
            return Ok(chosen.model);
        };
        let slot = SecretSlot::new_model_key();
        let noted = self.record.retire(std::slice::from_ref(&slot));
        noted.map_err(|error| unrecorded(&error))?;
        let kept = self.secrets.set(&slot, &key).await;
        kept.map_err(|error| refused(&error))?;
        Ok(ModelSettings {
            api_key: Some(slot),
            ..chosen.model
        })
    }
}

async fn new_link(inside: &Inside, role: Role, name: &str) -> Result<NewLink, Refusal> {
    let hub = &inside.hub;
    let code = hub.link_code(role, hub.account()).await.map_err(|error| {
        let message = format!("The hub on this computer could not make a link: {error}.");
        Refusal::new(message, "")
    })?;
    linking::exchange(&code, name, role).await
}
