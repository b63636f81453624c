//! Runs and their parts.

use std::sync::Arc;

use baton_protocol::view::RowId;
use baton_protocol::{
    AgentId, Epoch, PartEnd, PartIndex, PartKind, Principal, ProducerSeq, PromptId, RetryReason,
    RunId, RunOutcome, RunnerId, RunnerInstanceId, TimestampMs,
};
use serde::{Deserialize, Serialize};

use super::part_text::PartText;
use crate::digest::RunDigest;

/// An active run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    pub run: RunId,
    pub prompt: PromptId,
    pub agent: AgentId,
    pub runner: RunnerId,
    /// The start of the runner's process that hosts it.
    pub instance: RunnerInstanceId,
    /// The epoch of the lease that may write.
    pub epoch: Epoch,
    /// The run that started it, if it is a sub-agent's.
    pub parent: Option<RunId>,
    /// The prompt of its turn; for a sub-agent, that of its root ancestor.
    pub turn: PromptId,
    pub started_at: TimestampMs,
    /// Who sent the prompt.
    pub started_by: Principal,
    /// The runner's last write that the log has.
    pub last_producer: ProducerSeq,
    /// Its parts so far. Closed parts are shared with the copies used for judging.
    pub parts: Vec<Arc<PartProgress>>,
    /// How many times the model was called again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// The latest retry, until the run makes progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RunRetry>,
}

/// A pending retry: the model gave nothing and will be called again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRetry {
    /// Time of the next call, by the hub's clock.
    pub until: TimestampMs,
    /// Why the model gave nothing.
    pub reason: RetryReason,
    /// What the model's server said.
    pub message: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl ActiveRun {
    /// The open parts, in order.
    pub fn open_parts(&self) -> impl Iterator<Item = &PartProgress> {
        let parts = self.parts.iter().map(Arc::as_ref);
        parts.filter(|part| part.end.is_none())
    }

    /// A copy without texts, for judging the run's next writes.
    pub(crate) fn without_texts(&self) -> Self {
        Self {
            parts: self.parts.iter().map(PartProgress::judged).collect(),
            agent: self.agent.clone(),
            started_by: self.started_by.clone(),
            retry: None,
            ..*self
        }
    }

    /// The digest that the run would have if every open part were cut now.
    pub(crate) fn digest(&self) -> String {
        let mut digest = RunDigest::default();
        for part in &self.parts {
            match (&part.end, &part.digest) {
                (Some(end), Some(text)) => digest.part(part.index, &part.kind, *end, text),
                _ => {
                    let text = part.text.digest();
                    digest.part(part.index, &part.kind, PartEnd::Interrupted, &text);
                }
            }
        }
        digest.finish()
    }
}

/// The progress of one part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartProgress {
    /// Its position in the run.
    pub index: PartIndex,
    pub kind: PartKind,
    pub row: RowId,
    pub opened_at: TimestampMs,
    /// The text so far; empty once the part is closed.
    pub text: PartText,
    /// Absent while the part is open.
    pub end: Option<PartEnd>,
    /// SHA-256 of the text in hex; present once the part is closed.
    pub digest: Option<String>,
}

impl PartProgress {
    pub(crate) fn close(&mut self, end: PartEnd) {
        self.digest = Some(self.text.digest());
        self.end = Some(end);
        self.text = PartText::default();
    }

    /// The part for a judging copy: a closed part has no text and is shared.
    fn judged(part: &Arc<Self>) -> Arc<Self> {
        if part.end.is_some() {
            return Arc::clone(part);
        }
        Arc::new(Self {
            text: part.text.without_text(),
            kind: part.kind.clone(),
            row: part.row.clone(),
            digest: part.digest.clone(),
            ..**part
        })
    }
}

/// What the session keeps of every run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    pub prompt: PromptId,
    pub runner: RunnerId,
    /// The run that started it, if it is a sub-agent's.
    pub parent: Option<RunId>,
    /// The prompt of its turn.
    pub turn: PromptId,
    /// Absent while the run is active.
    pub outcome: Option<RunOutcome>,
    /// The row of its end, once it has ended.
    pub end_row: Option<RowId>,
    /// The process whose teardown report is still expected. None once it has come, or if the run ended on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<RunnerInstanceId>,
}
