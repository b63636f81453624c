//! The hub inside the application, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use baton_hub::config::{HubConfig, HubOptions, Tls};
use baton_hub::{
    BackendFault, DataDirClaim, Hub, RunningHub, SettleLogError, StartHubError, SystemClock,
};
use baton_log::EventLog;
use baton_log_sqlite::SqliteEventLog;

use crate::profile::Profile;

/// Why the hub inside the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartLocalHubError {
    /// The hub's folder is in use or unusable.
    #[error(transparent)]
    Folder(#[from] baton_hub::ClaimDataDirError),
    /// It is not clear which log belongs to the hub.
    #[error(transparent)]
    WhichLog(#[from] SettleLogError),
    /// The log cannot be opened.
    #[error("the conversations cannot be opened: {0}")]
    Log(#[from] baton_log_sqlite::OpenError),
    #[error(transparent)]
    Hub(#[from] StartHubError),
    /// The hub's folder now holds a different account from the one that this device is linked to.
    #[error("its folder holds another account than this device's")]
    OtherAccount,
    /// The task that opens the log did not finish.
    #[error("the start was interrupted")]
    Interrupted,
}

/// Starts the hub on the port, or on a free one if the port is taken.
pub async fn start(
    profile: &Profile,
    name: &str,
    port: u16,
) -> Result<RunningHub, StartLocalHubError> {
    let hub = match start_at(profile, name, port).await {
        Err(StartLocalHubError::Hub(StartHubError::Listen { source, .. })) if port != 0 => {
            tracing::warn!(%source, port, "the hub's port is taken: another one is used");
            start_at(profile, name, 0).await?
        }
        other => other?,
    };
    tracing::info!(address = %hub.local_addr(), "the hub inside the application serves");
    Ok(hub)
}

async fn start_at(
    profile: &Profile,
    name: &str,
    port: u16,
) -> Result<RunningHub, StartLocalHubError> {
    let folder = profile.hub_folder();
    let claim = DataDirClaim::take(&folder)?;
    let look_into = |path: &Path| -> Result<Arc<dyn EventLog>, BackendFault> {
        Ok(Arc::new(SqliteEventLog::open(path)?))
    };
    let log = claim.settle_log(look_into).await?;
    let opening = tokio::task::spawn_blocking(move || SqliteEventLog::open(&log));
    let log = opening
        .await
        .map_err(|_| StartLocalHubError::Interrupted)??;
    let log: Arc<dyn EventLog> = Arc::new(log);
    let config = HubConfig {
        name: name.to_owned(),
        data_dir: profile.hub_folder(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        // This device and the runner inside pin its key, as other devices do.
        tls: Tls::OwnCertificate,
    };
    let options = HubOptions::default();
    Ok(Hub::start_claimed(config, options, log, Arc::new(SystemClock), claim).await?)
}
