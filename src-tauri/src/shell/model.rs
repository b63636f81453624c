//! The model that answers on this computer: shows, tests and changes it.

use std::sync::Arc;

use baton_runner::provider::is_same_server;

use super::Shell;
use crate::inside::LocalAgent;
use crate::linking::{self, refused};
use crate::model_choice::{self, Chosen};
use crate::record::LocalSettings;
use crate::shell_types::{ApiKeyChoice, ModelOptions, ModelView, Refusal};
use crate::status::InsideBoard;

impl Shell {
    /// Returns the model that answers here; `None` if the hub is elsewhere.
    pub fn model(&self) -> Result<Option<ModelView>, Refusal> {
        let local = self.settings()?.local;
        Ok(local.map(|local| ModelView {
            base_url: local.model.base_url,
            model: local.model.model,
            has_key: local.model.api_key.is_some(),
        }))
    }

    /// Asks the server whether it would answer, and returns its models, chat models first. Changes nothing.
    pub async fn test_model(&self, options: ModelOptions) -> Result<Vec<String>, Refusal> {
        let key = self.key_for(&options).await?;
        model_choice::test(&options, key.as_deref()).await
    }

    /// Switches to another model. Refused while an answer is being written: the change would cut it off.
    pub async fn change_model(&self, options: ModelOptions) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        let local = self.kept_local()?;
        if self.sessions_at_work().await > 0 {
            return Err(Refusal::new(
                "An answer is being written.",
                "Stop it or wait until it ends, then save again.",
            ));
        }
        let keeps_key = options.api_key == ApiKeyChoice::Kept;
        self.key_for(&options).await?;
        let mut chosen: Chosen = model_choice::choose(options).await?;
        if keeps_key {
            chosen.model.api_key = local.model.api_key.clone();
        }
        self.secrets
            .probe()
            .await
            .map_err(|error| refused(&error))?;
        let model = self.keep_model_key(chosen).await?;
        let changed = model.clone();
        self.remember(|settings| settings.use_model(changed))?;
        self.restart_agent(LocalSettings { model, ..local }).await;
        linking::sweep(&self.record, &self.secrets).await;
        Ok(())
    }

    pub(super) async fn sessions_at_work(&self) -> usize {
        let inside = self.inside.lock().await;
        inside
            .as_ref()
            .map_or(0, |inside| *inside.hub.sessions_at_work().borrow())
    }

    async fn restart_agent(&self, local: LocalSettings) {
        let mut inside = self.inside.lock().await;
        let Some(inside) = inside.as_mut() else {
            return;
        };
        if let Some(agent) = inside.agent.take() {
            agent.stop().await;
        }
        let agent = LocalAgent::start(inside.address(), Arc::clone(&self.secrets), local);
        self.board.set_inside(InsideBoard::Running(agent.status()));
        inside.agent = Some(agent);
    }

    /// Returns the key that the server would get. A kept key goes to the server that it was kept for, and to no other.
    async fn key_for(&self, options: &ModelOptions) -> Result<Option<String>, Refusal> {
        match &options.api_key {
            ApiKeyChoice::None => Ok(None),
            ApiKeyChoice::New { key } => Ok(Some(key.trim().to_owned())),
            ApiKeyChoice::Kept => {
                let model = self.kept_local()?.model;
                if !is_same_server(&model.base_url, &options.base_url) {
                    return Err(Refusal::new(
                        "The kept key belongs to another server.",
                        "Enter the key of this server.",
                    ));
                }
                let Some(slot) = &model.api_key else {
                    return Ok(None);
                };
                self.secrets
                    .get(slot)
                    .await
                    .map_err(|error| refused(&error))
            }
        }
    }

    fn kept_local(&self) -> Result<LocalSettings, Refusal> {
        self.settings()?.local.ok_or_else(|| {
            let message = "The agent of this device is not on this computer.";
            Refusal::new(message, "Change its model where it runs.")
        })
    }
}
