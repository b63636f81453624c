//! "On this computer": a hub and a runner inside the application.
//!
//! Both are composed from their crates as `baton-hub` and `baton-runner` are, and know nothing of the application. The hub's state is in
//! the profile's folder; the runner's token and the model server's key are among the profile's secrets.

mod agent;
mod hub;

pub use agent::LocalAgent;
pub use hub::{StartLocalHubError, start};

use baton_hub::RunningHub;
use baton_protocol::HubAddress;

/// The running pair.
pub struct Inside {
    /// The hub.
    pub hub: RunningHub,
    /// The runner, once it was started.
    pub agent: Option<LocalAgent>,
}

impl Inside {
    /// Where the hub serves this computer.
    pub fn address(&self) -> HubAddress {
        self.hub.address().clone()
    }

    /// Ends both in order, so that everything that is decided is recorded.
    pub async fn stop(self) {
        if let Some(agent) = self.agent {
            agent.stop().await;
        }
        self.hub.stop().await;
    }
}
