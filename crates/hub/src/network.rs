//! A second way in: a hub that was started on loopback opens to the network, and closes again, while everything else goes on.
//!
//! A desktop that embeds the hub opens it at its person's wish. The way is TLS with the hub's own key; closing it ends every connection
//! that came through it, and no other.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use baton_protocol::{AccountId, HubAddress, LinkCode, Role, TimestampMs};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::config::STOP_TIMEOUT;
use crate::edge::{self, Door, HostPolicy, Listener, Protection};
use crate::hub::{LinkCodeError, RunningHub, link_code};
use crate::tasks::TaskGroup;

/// A hub was not opened to the network.
#[derive(Debug, thiserror::Error)]
pub enum OpenNetworkError {
    /// It has no key by which others could recognise it.
    #[error("the hub has no key of its own")]
    NoKey,
    /// The port cannot be listened on.
    #[error("port {port} cannot be listened on: {source}")]
    Listen {
        /// Which; 0 for any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The way in from the network. Dropped, it is closed.
#[derive(Debug)]
pub struct NetworkDoor {
    listening: SocketAddr,
    fingerprint: String,
    door: Door,
}

impl NetworkDoor {
    /// On every address of this computer; the port is the real one.
    pub fn listening(&self) -> SocketAddr {
        self.listening
    }

    /// Closes it. When this returns, no connection that came through it is open.
    pub async fn close(self) {
        if tokio::time::timeout(STOP_TIMEOUT, self.door.close())
            .await
            .is_err()
        {
            tracing::error!("connections from the network have not ended in time");
        }
    }
}

impl Drop for NetworkDoor {
    fn drop(&mut self) {
        self.door.closing.cancel();
    }
}

/// When a device or a runner had its last connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastSeen {
    /// It is connected now.
    Connected,
    /// Its last connection ended at this time.
    Left(TimestampMs),
}

impl RunningHub {
    /// Opens the hub to the network, at a port of every address; 0 takes a free one.
    pub async fn open_network(&self, port: u16) -> Result<NetworkDoor, OpenNetworkError> {
        let identity = self.identity.as_ref().ok_or(OpenNetworkError::NoKey)?;
        let socket = bind(port)
            .await
            .map_err(|source| OpenNetworkError::Listen { port, source })?;
        let listening = socket
            .local_addr()
            .map_err(|source| OpenNetworkError::Listen { port, source })?;
        let origins = self.core.options.allowed_origins.clone();
        let hosts = HostPolicy::new(
            listening.ip(),
            self.core.options.allowed_hosts.clone(),
            origins,
        );
        let router = edge::router(Arc::clone(&self.core), hosts);
        let door = Door::within(&self.core.stopping);
        let listener = Listener {
            socket,
            protection: Protection::Tls(TlsAcceptor::from(Arc::clone(&identity.server))),
            door: door.clone(),
        };
        let accept = edge::accept(Arc::clone(&self.core), listener, router);
        self.core
            .tasks
            .spawn(TaskGroup::Edge, "network listener", door.hold(accept));
        tracing::info!(port = listening.port(), "the hub is open to the network");
        Ok(NetworkDoor {
            listening,
            fingerprint: identity.fingerprint.clone(),
            door,
        })
    }

    /// Makes a one-time link code that leads through the door, at this host: an address or a name of this computer, IPv6 in brackets.
    pub async fn network_link_code(
        &self,
        door: &NetworkDoor,
        host: &str,
        role: Role,
        account: AccountId,
    ) -> Result<LinkCode, LinkCodeError> {
        let public = HubAddress {
            authority: format!("{host}:{}", door.listening.port()),
            fingerprint: Some(door.fingerprint.clone()),
            public_path: None,
        };
        link_code(&self.core, &public, role, account).await
    }

    /// When devices and runners of the hub's account were connected last, by id. Those that were not since the hub started are absent.
    pub fn last_seen(&self) -> HashMap<String, LastSeen> {
        self.core
            .presence
            .last_seen(self.account, self.core.clock.now())
    }
}

/// Both families where the system has IPv6, else IPv4 alone.
async fn bind(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(socket) => Ok(socket),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(error),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}
