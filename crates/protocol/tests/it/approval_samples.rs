//! The third set of samples: taking back an answer that covers later calls of a session, and heartbeats that name runs.

use baton_protocol::*;

use crate::order_samples::approval;
use crate::samples::run;

pub fn bodies() -> Vec<EventBody> {
    vec![EventBody::ApprovalRevoked(ApprovalRevokedEvent {
        approval: approval(),
    })]
}

pub fn commands() -> Vec<CommandBody> {
    vec![CommandBody::RevokeApproval(RevokeApprovalCommand {
        approval: approval(),
    })]
}

/// A runner's heartbeat.
pub fn heartbeats() -> Vec<ClientFrame> {
    vec![ClientFrame::Heartbeat {
        runs: Some(vec![run()]),
    }]
}
