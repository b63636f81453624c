//! "On this computer": a hub and a runner inside the application.
//!
//! Both are composed from their crates as `baton-hub` and `baton-runner` are, and know nothing of the application. The hub's state is in
//! the profile's folder; the runner's token and the model server's key are among the profile's secrets.

mod agent;
mod hub;

pub use agent::LocalAgent;
pub use hub::{StartLocalHubError, start};

use baton_hub::{NetworkDoor, RunningHub};
use baton_protocol::HubAddress;

use crate::linking::sentence;
use crate::network::NetworkState;
use crate::shell_types::Refusal;

/// The hub inside the app and its runner.
pub struct Inside {
    pub hub: RunningHub,
    /// The runner, once it was started.
    pub agent: Option<LocalAgent>,
    /// The way to the hub from the network.
    pub door: NetworkDoorState,
}

/// Whether the hub can be reached from the network.
pub enum NetworkDoorState {
    /// It was not asked to.
    Closed,
    /// Other devices can connect.
    Open(NetworkDoor),
    /// It was asked to, and cannot, for this reason.
    Failed(String),
}

impl Inside {
    /// A hub without its runner yet, closed to the network.
    pub fn new(hub: RunningHub) -> Self {
        Self {
            hub,
            agent: None,
            door: NetworkDoorState::Closed,
        }
    }

    /// Where the hub serves this computer.
    pub fn address(&self) -> HubAddress {
        self.hub.address().clone()
    }

    /// Opens the hub to the network at a port, 0 for a free one, and gives the port. A port that is taken stays the kept one: other
    /// devices look for the hub there.
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

    /// In words for the screen.
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

    /// Ends all of it in order, so that everything that is decided is recorded.
    pub async fn stop(mut self) {
        self.close_network().await;
        if let Some(agent) = self.agent {
            agent.stop().await;
        }
        self.hub.stop().await;
    }
}
