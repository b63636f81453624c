//! A log in a directory of its own, for the suite.

use async_trait::async_trait;
use baton_log::conformance::LogUnderTest;
use baton_log::{EventLog, Sealing};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use tempfile::TempDir;

pub const WHEN_ASKED: SqliteOptions = SqliteOptions {
    sealing: Sealing::WhenAsked,
    pages_max: None,
};

pub struct OnDisk {
    // Dropped before its directory.
    log: SqliteEventLog,
    directory: TempDir,
}

#[async_trait]
impl LogUnderTest for OnDisk {
    fn log(&self) -> &dyn EventLog {
        &self.log
    }

    async fn seal_closed_parts(&self) {
        self.log.seal_closed_parts().await;
    }

    async fn reopened(self) -> Option<Self> {
        let Self { log, directory } = self;
        drop(log);
        let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).expect("reopens");
        Some(Self { log, directory })
    }
}

pub async fn empty_log() -> OnDisk {
    let directory = tempfile::tempdir().expect("a directory");
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).expect("opens");
    OnDisk { log, directory }
}
