//! `admin.sock`: how commands on the same computer reach a running hub.
//!
//! A Unix socket in the data directory, for its owner only; whoever can open it can read the credentials anyway. One JSON line in, one
//! JSON line out. On other systems there is none: `baton-hub link` says so, and a program that embeds the hub needs none.

mod client;
mod message;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod unix {
    //! Nothing to open here.

    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use baton_protocol::{AccountId, HubAddress};

    use crate::core::HubCore;

    /// There is no socket on this system.
    pub enum AdminListener {}

    /// Refuses.
    pub fn bind(_: &Path) -> io::Result<AdminListener> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the admin socket needs a Unix system",
        ))
    }

    /// Never called.
    pub async fn serve(_: Arc<HubCore>, _: HubAddress, _: AccountId, listener: AdminListener) {
        match listener {}
    }
}

pub use client::{AskHubError, ask};
pub use message::{AdminRequest, AdminResponse, DeviceLine};
pub use unix::{bind, serve};

/// The socket's file in the data directory.
const SOCKET_FILE_NAME: &str = "admin.sock";
