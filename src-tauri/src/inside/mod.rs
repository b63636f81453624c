//! "On this computer": a hub and a runner inside the application.
//!
//! Both are composed from their crates as `baton-hub` and `baton-runner` are, and know nothing about the application. The hub's state is
//! in the profile's folder; the runner's token and the model server's key are among the profile's secrets.

mod agent;
mod hub;

pub use agent::LocalAgent;
pub use hub::{StartLocalHubError, start};

use baton_hub::{NetworkDoor, RunningHub};
use baton_protocol::HubAddress;

use crate::linking::sentence;
use crate::network::NetworkState;
use crate::shell_types::Refusal;

/// The hub inside the application, its runner and its network listener.
pub struct Inside {
    pub hub: RunningHub,
    /// Absent until the runner is started.
    pub agent: Option<LocalAgent>,
    pub door: NetworkDoorState,
}

/// Whether the hub can be reached from the network.
pub enum NetworkDoorState {
    /// The person has not opened it.
    Closed,
    Open(NetworkDoor),
    /// The person opened it, but it cannot listen; carries the reason.
    Failed(String),
}

impl Inside {
    /// Wraps a hub that has no runner yet and is closed to the network.
    pub fn new(hub: RunningHub) -> Self {
        Self {
            hub,
            agent: None,
            door: NetworkDoorState::Closed,
        }
    }

    /// Returns the hub's address for this computer.
    pub fn address(&self) -> HubAddress {
        self.hub.address().clone()
    }

    /// Opens the hub to the network at a port, 0 for a free one, and returns the port. If the port is taken, the hub does not fall back to
    /// another one: linked devices look for it at this port.
    pub async fn open_network(&mut self, port: u16) -> Result<u16, Refusal> {
        self.close_network().await;
        match self.hub.open_network(port).await {
            Ok(door) => {
                let port = door.listening().port();
                self.door = NetworkDoorState::Open(door);
                Ok(port)
            }
            Err(error) => {
                tracing::warn!(%error, "the hub is not open to the network");
                let message = format!("{}.", sentence(&error.to_string()));
                self.door = NetworkDoorState::Failed(message.clone());
                let hint = "Close the program that uses the port, then try again.";
                Err(Refusal::new(message, hint))
            }
        }
    }

    /// Closes the hub to the network. When this returns, no socket from there is open.
    pub async fn close_network(&mut self) {
        let door = std::mem::replace(&mut self.door, NetworkDoorState::Closed);
        if let NetworkDoorState::Open(door) = door {
            door.close().await;
        }
    }

    /// Returns the network state for the screen.
    pub fn network_state(&self) -> NetworkState {
        match &self.door {
            NetworkDoorState::Closed => NetworkState::Off,
            NetworkDoorState::Open(door) => NetworkState::On {
                port: door.listening().port(),
            },
            NetworkDoorState::Failed(message) => NetworkState::Failed {
                message: message.clone(),
            },
        }
    }

    /// Stops everything in order, so that the log records everything that was decided.
    pub async fn stop(mut self) {
        self.close_network().await;
        if let Some(agent) = self.agent {
            agent.stop().await;
        }
        self.hub.stop().await;
    }
}
