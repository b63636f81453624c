//! Linking this device to a hub elsewhere.

use baton_protocol::Role;

use super::Shell;
use crate::linking;
use crate::shell_types::Refusal;

impl Shell {
    /// Links this device to a hub, in the place of the one that it was linked to.
    pub async fn link(&self, link: &str, device_name: &str) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        self.link_and_open(link, device_name).await
    }

    pub(super) async fn link_and_open(&self, link: &str, device_name: &str) -> Result<(), Refusal> {
        let code = linking::parse(link)?;
        let name = linking::checked_name(device_name)?;
        linking::prepare(&self.profile, &self.record, &self.secrets).await?;
        let new = linking::exchange(&code, name, Role::Device).await?;
        linking::keep_tokens(&self.record, &self.secrets, &[&new]).await?;
        let link = new.link.clone();
        self.remember(|settings| settings.use_link(link, None))?;
        self.close_device();
        self.end_inside().await;
        let opened = self.open_device(new.link).await;
        linking::sweep(&self.record, &self.secrets).await;
        opened
    }
}
