//! Runs and their parts.

use baton_protocol::view::RowId;
use baton_protocol::{
    AgentId, Epoch, PartEnd, PartIndex, PartKind, Principal, ProducerSeq, PromptId, RunId,
    RunOutcome, RunnerId, RunnerInstanceId, TimestampMs,
};
use serde::{Deserialize, Serialize};

use crate::digest::{RunDigest, text_digest};

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
    /// Its parts so far.
    pub parts: Vec<PartProgress>,
}

impl ActiveRun {
    /// Parts that may grow, in order.
    pub fn open_parts(&self) -> impl Iterator<Item = &PartProgress> {
        self.parts.iter().filter(|part| part.end.is_none())
    }

    /// The digest that the run has if every open part is cut now.
    pub(crate) fn digest(&self) -> String {
        let mut digest = RunDigest::default();
        for part in &self.parts {
            match (&part.end, &part.digest) {
                (Some(end), Some(text)) => digest.part(part.index, &part.kind, *end, text),
                _ => digest.part(
                    part.index,
                    &part.kind,
                    PartEnd::Interrupted,
                    &text_digest(&part.text),
                ),
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
    pub text: String,
    /// Absent while it is open.
    pub end: Option<PartEnd>,
    /// SHA-256 of its text in hex, once it is closed.
    pub digest: Option<String>,
}

impl PartProgress {
    pub(crate) fn close(&mut self, end: PartEnd) {
        self.digest = Some(text_digest(&self.text));
        self.end = Some(end);
        self.text = String::new();
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
}
