//! Runs and their parts.

use baton_protocol::view::RowId;
use baton_protocol::{
    AgentId, Epoch, PartEnd, PartIndex, PartKind, Principal, ProducerSeq, PromptId, RunId,
    RunOutcome, RunnerId, RunnerInstanceId, TimestampMs,
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
    /// Its parts so far.
    pub parts: Vec<PartProgress>,
}

impl ActiveRun {
    /// Parts that may grow, in order.
    pub fn open_parts(&self) -> impl Iterator<Item = &PartProgress> {
        self.parts.iter().filter(|part| part.end.is_none())
    }

    /// The run for whoever judges what it writes next: everything but the texts.
    pub(crate) fn without_texts(&self) -> Self {
        Self {
            parts: self.parts.iter().map(PartProgress::without_text).collect(),
            agent: self.agent.clone(),
            started_by: self.started_by.clone(),
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

    fn without_text(&self) -> Self {
        Self {
            text: self.text.without_text(),
            kind: self.kind.clone(),
            row: self.row.clone(),
            digest: self.digest.clone(),
            ..*self
        }
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
