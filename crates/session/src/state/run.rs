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

/// A run that is on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    /// Which.
    pub run: RunId,
    /// The prompt that it answers.
    pub prompt: PromptId,
    /// The agent.
    pub agent: AgentId,
    /// Its host.
    pub runner: RunnerId,
    /// Which start of the host's process.
    pub instance: RunnerInstanceId,
    /// The lease that may write.
    pub epoch: Epoch,
    /// The run that started it, for a sub-agent.
    pub parent: Option<RunId>,
    /// The prompt of the turn that it belongs to: a sub-agent's is its first ancestor's.
    pub turn: PromptId,
    /// When it began.
    pub started_at: TimestampMs,
    /// Who sent the prompt.
    pub started_by: Principal,
    /// The last of its runner's writes that the log has.
    pub last_producer: ProducerSeq,
    /// Its parts so far. Those that are closed are shared with copies that judge the next write.
    pub parts: Vec<Arc<PartProgress>>,
    /// How often its model was asked again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// The last of these, until the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RunRetry>,
}

/// A model that gave nothing and is asked again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRetry {
    /// When it is asked again, by the hub's clock.
    pub until: TimestampMs,
    /// Why it gave nothing.
    pub reason: RetryReason,
    /// What its server said.
    pub message: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl ActiveRun {
    /// Parts that may grow, in order.
    pub fn open_parts(&self) -> impl Iterator<Item = &PartProgress> {
        let parts = self.parts.iter().map(Arc::as_ref);
        parts.filter(|part| part.end.is_none())
    }

    /// The run for whoever judges what it writes next: everything but the texts.
    pub(crate) fn without_texts(&self) -> Self {
        Self {
            parts: self.parts.iter().map(PartProgress::judged).collect(),
            agent: self.agent.clone(),
            started_by: self.started_by.clone(),
            retry: None,
            ..*self
        }
    }

    /// The digest that the run has if every open part is cut now.
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

/// How far a part is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartProgress {
    /// Its place in the run.
    pub index: PartIndex,
    /// What it is.
    pub kind: PartKind,
    /// Its row in the transcript.
    pub row: RowId,
    /// When it was opened.
    pub opened_at: TimestampMs,
    /// The text so far; empty once the part is closed.
    pub text: PartText,
    /// Absent while it is open.
    pub end: Option<PartEnd>,
    /// SHA-256 of its text in hex, once it is closed.
    pub digest: Option<String>,
}

impl PartProgress {
    pub(crate) fn close(&mut self, end: PartEnd) {
        self.digest = Some(self.text.digest());
        self.end = Some(end);
        self.text = PartText::default();
    }

    /// The part for a copy that only judges: a closed one has no text, and is shared.
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

/// What stays of every run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The prompt that it answered.
    pub prompt: PromptId,
    /// Its host.
    pub runner: RunnerId,
    /// The run that started it.
    pub parent: Option<RunId>,
    /// The prompt of the turn that it belongs to.
    pub turn: PromptId,
    /// Absent while it is on.
    pub outcome: Option<RunOutcome>,
    /// The row of its end, once there is one.
    pub end_row: Option<RowId>,
    /// The process whose word about the end of its work is still to come: none is awaited of a run that ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<RunnerInstanceId>,
}
