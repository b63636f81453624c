//! Runs the conformance suite against the in-memory log.

use async_trait::async_trait;
use baton_log::conformance::LogUnderTest;
use baton_log::{EventLog, MemoryEventLog, Sealing};

struct InMemory(MemoryEventLog);

#[async_trait]
impl LogUnderTest for InMemory {
    fn log(&self) -> &dyn EventLog {
        &self.0
    }

    async fn seal_closed_parts(&self) {
        self.0.seal_closed_parts();
    }

    async fn reopened(self) -> Option<Self> {
        None
    }
}

async fn empty_log() -> InMemory {
    InMemory(MemoryEventLog::with_sealing(Sealing::WhenAsked))
}

baton_log::conformance!(empty_log);
