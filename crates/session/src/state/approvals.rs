//! Open, answered and standing approvals.

use baton_protocol::view::RowId;
use baton_protocol::{
    ApprovalAnswer, ApprovalId, ApprovalPattern, ApprovalScope, Principal, RunId, TimestampMs,
};
use serde::{Deserialize, Serialize};

/// An approval that waits for a person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenApproval {
    pub approval: ApprovalId,
    pub run: RunId,
    /// The calls that an answer with a scope beyond `once` covers.
    pub covers: ApprovalPattern,
    /// SHA-256 over the exact call, hex.
    pub digest: String,
    pub row: RowId,
    /// When the run asked for it.
    pub at: TimestampMs,
}

/// A person's answer to one approval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredApproval {
    pub answer: ApprovalAnswer,
    pub scope: ApprovalScope,
    pub by: Principal,
    pub at: TimestampMs,
}

/// An answer that covers later calls. It covers a call whose whole pattern is equal; there is no substring matching.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingApproval {
    pub covers: ApprovalPattern,
    pub answer: ApprovalAnswer,
    /// Never `once`.
    pub scope: ApprovalScope,
    pub by: Principal,
}

impl StandingApproval {
    /// Whether such an answer covers later calls of its own session only. `allow` with `always` belongs to the account, and sessions look
    /// it up there at each request: a copy in the session would survive a revocation.
    pub(crate) fn is_of_session(answer: ApprovalAnswer, scope: ApprovalScope) -> bool {
        match (answer, scope) {
            (_, ApprovalScope::Once) | (ApprovalAnswer::Allow, ApprovalScope::Always) => false,
            (_, ApprovalScope::Session) | (ApprovalAnswer::Deny, ApprovalScope::Always) => true,
        }
    }
}
