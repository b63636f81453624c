//! Linking this device to another hub, with or without moving its conversations.

use std::sync::Arc;

use baton_protocol::Role;

use super::Shell;
use crate::linking;
use crate::shell_types::Refusal;

/// What to do with the conversations at the hub that this device leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeavingChoice {
    /// They move to the new hub.
    Move,
    /// They stay in this profile, and come back when it is linked to that account again.
    Leave,
}

impl Shell {
    /// Links this device to a hub, in place of the hub that it is linked to.
    pub async fn link(
        self: &Arc<Self>,
        link: &str,
        device_name: &str,
        leaving: LeavingChoice,
    ) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        self.link_and_open(link, device_name, leaving).await
    }

    pub(super) async fn link_and_open(
        self: &Arc<Self>,
        link: &str,
        device_name: &str,
        leaving: LeavingChoice,
    ) -> Result<(), Refusal> {
        let code = linking::parse(link)?;
        let name = linking::checked_name(device_name)?;
        linking::prepare(&self.profile, &self.record, &self.secrets).await?;
        if leaving == LeavingChoice::Move {
            self.ready_to_move().await?;
        }
        let new = linking::exchange(&code, name, Role::Device).await?;
        linking::keep_tokens(&self.record, &self.secrets, &[&new]).await?;
        let link = new.link.clone();
        self.remember(|settings| match leaving {
            LeavingChoice::Move => settings.move_to(link),
            LeavingChoice::Leave => settings.use_link(link, None),
        })?;
        self.close_device();
        self.end_inside().await;
        let opened = self.open_device(new.link).await;
        linking::sweep(&self.record, &self.secrets).await;
        opened
    }
}
