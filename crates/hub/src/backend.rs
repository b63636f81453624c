//! What a `main` says about the log that it chose. The hub itself knows the trait alone.

use std::path::Path;
use std::sync::Arc;

use baton_log::EventLog;

/// What a backend's own library said.
pub type BackendFault = Box<dyn std::error::Error + Send + Sync>;

/// The backend of a hub's data directory, for the commands that open, restore and examine one. Each call blocks.
#[derive(Clone, Copy, Debug)]
pub struct LogBackend {
    /// Opens the log in a data directory; makes it where there is none.
    pub open: fn(&Path) -> Result<Arc<dyn EventLog>, BackendFault>,
    /// Gives every log in a data directory a new incarnation. Says how many there are.
    pub renew: fn(&Path) -> Result<usize, BackendFault>,
}
