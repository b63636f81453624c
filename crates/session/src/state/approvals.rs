//! Approvals: asked for, answered once, standing.

use baton_protocol::view::RowId;
use baton_protocol::{
    ApprovalAnswer, ApprovalId, ApprovalPattern, ApprovalScope, Principal, RunId, TimestampMs,
};
use serde::{Deserialize, Serialize};

/// An approval that waits for a person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenApproval {
    /// Which.
    pub approval: ApprovalId,
    /// The run that waits.
    pub run: RunId,
    /// Which calls an answer for longer covers.
    pub covers: ApprovalPattern,
    /// SHA-256 over the exact call, hex.
    pub digest: String,
    /// Its row in the transcript.
    pub row: RowId,
    /// When it was asked for.
    pub at: TimestampMs,
}

/// A person's answer to one approval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredApproval {
    /// Yes or no.
    pub answer: ApprovalAnswer,
    /// How far it reaches.
    pub scope: ApprovalScope,
    /// Who.
    pub by: Principal,
    /// When.
    pub at: TimestampMs,
}

/// An answer that covers later calls. A call is covered where its whole pattern is equal; patterns are never searched in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingApproval {
    /// What it covers.
    pub covers: ApprovalPattern,
    /// What was said.
    pub answer: ApprovalAnswer,
    /// How far the person's answer reaches: never `once`.
    pub scope: ApprovalScope,
    /// Who.
    pub by: Principal,
}

impl StandingApproval {
    /// Whether an answer of this kind covers later calls of its session alone. `always` with `allow` is the account's, which sessions
    /// ask at each request: a copy in a session would outlive the person's revocation.
    pub(crate) fn is_of_session(answer: ApprovalAnswer, scope: ApprovalScope) -> bool {
        match (answer, scope) {
            (_, ApprovalScope::Once) | (ApprovalAnswer::Allow, ApprovalScope::Always) => false,
            (_, ApprovalScope::Session) | (ApprovalAnswer::Deny, ApprovalScope::Always) => true,
        }
    }
}
