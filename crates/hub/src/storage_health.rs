//! What the hub's own log says of the storage: each change once, not once for each request that meets it.

use std::sync::atomic::{AtomicU8, Ordering};

use baton_log::{AppendError, DeleteError, ReadError};
use baton_protocol::LogId;

/// What was said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Said {
    Good,
    Full,
    Refuses,
    Stopped,
}

/// The state of the storage as it was reported last.
#[derive(Debug)]
pub struct StorageHealth(AtomicU8);

impl Default for StorageHealth {
    fn default() -> Self {
        Self(AtomicU8::new(Said::Good as u8))
    }
}

impl StorageHealth {
    /// An append was recorded.
    pub fn recorded(&self) {
        // Looked at first: this is the way of every append.
        if self.0.load(Ordering::Relaxed) != Said::Good as u8 && self.is_news(Said::Good) {
            tracing::info!("the storage takes writes again");
        }
    }

    /// Nothing was recorded because of the storage.
    pub fn append_failed(&self, log: LogId, error: &AppendError) {
        match error {
            AppendError::DiskFull if self.is_news(Said::Full) => {
                tracing::error!(log.id = %log, "the disk is full: nothing is recorded until there is room");
            }
            AppendError::Unavailable(source) if self.is_news(Said::Refuses) => {
                tracing::error!(log.id = %log, error = %source, "the storage refused an append");
            }
            AppendError::Failed if self.is_news(Said::Stopped) => stopped(),
            _ => {}
        }
    }

    /// A log was not deleted because of the storage.
    pub fn delete_failed(&self, log: LogId, error: &DeleteError) {
        match error {
            DeleteError::DiskFull if self.is_news(Said::Full) => {
                tracing::error!(log.id = %log, "the disk is full: a deleted session's rows stay until there is room");
            }
            DeleteError::Unavailable(source) if self.is_news(Said::Refuses) => {
                tracing::error!(log.id = %log, error = %source, "the storage refused a deletion");
            }
            DeleteError::Failed if self.is_news(Said::Stopped) => stopped(),
            _ => {}
        }
    }

    /// Nothing was read.
    pub fn read_failed(&self, error: &ReadError) {
        match error {
            ReadError::Failed => {
                if self.is_news(Said::Stopped) {
                    stopped();
                }
            }
            error => tracing::error!(%error, "a log cannot be read"),
        }
    }

    fn is_news(&self, now: Said) -> bool {
        self.0.swap(now as u8, Ordering::Relaxed) != now as u8
    }
}

fn stopped() {
    tracing::error!(
        "the log has stopped after a failed flush: look at the disk, then start the hub again"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_news_once() {
        let health = StorageHealth::default();
        assert!(!health.is_news(Said::Good), "as it was");
        assert!(health.is_news(Said::Full));
        assert!(!health.is_news(Said::Full), "another request met the same");
        assert!(health.is_news(Said::Good));
        assert!(health.is_news(Said::Stopped));
        assert!(!health.is_news(Said::Stopped));
    }
}
