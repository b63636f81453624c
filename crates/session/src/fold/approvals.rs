//! Approvals: requested, answered, cancelled.

use baton_protocol::view::{ApprovalState, RowBody};
use baton_protocol::{
    ApprovalAnsweredEvent, ApprovalCancelledEvent, ApprovalId, ApprovalPattern,
    ApprovalRequestedEvent, Event,
};

use super::FoldError;
use super::rows::{Place, row};
use crate::state::{AnsweredApproval, OpenApproval, SessionState, StandingApproval};
use crate::transcript::{RowChange, TranscriptSink};

impl SessionState {
    pub(super) fn approval_requested(
        &mut self,
        event: &Event,
        body: &ApprovalRequestedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        let shown = RowBody::Approval {
            approval: body.approval,
            call: body.call.clone(),
            wanted: body.wanted.clone(),
            pattern: body.pattern.clone(),
            place: body.place.clone(),
            reason: body.reason.clone(),
            digest: body.digest.clone(),
            state: ApprovalState::Open,
        };
        let row = row(event, 0, Place::of(run), shown);
        self.approvals.push(OpenApproval {
            approval: body.approval,
            run: body.run,
            covers: ApprovalPattern {
                tool: body.wanted.tool.clone(),
                tool_digest: body.wanted.tool_digest.clone(),
                pattern: body.pattern.clone(),
            },
            digest: body.digest.clone(),
            row: row.id.clone(),
            at: event.recorded_at,
        });
        sink.change(RowChange::Insert(row));
        Ok(())
    }

    pub(super) fn approval_answered(
        &mut self,
        event: &Event,
        body: &ApprovalAnsweredEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let open = self.take_approval(event, body.approval)?;
        let answered = AnsweredApproval {
            answer: body.answer,
            scope: body.scope,
            by: event.by.clone(),
            at: event.recorded_at,
        };
        // An answer without a command is a copy: of a standing approval, or of an answer from before a fork.
        let is_said = event.command.is_some();
        if is_said && StandingApproval::is_of_session(body.answer, body.scope) {
            let standing = StandingApproval {
                covers: open.covers,
                answer: body.answer,
                scope: body.scope,
                by: event.by.clone(),
            };
            self.standing.insert(body.approval, standing);
        }
        self.answered.insert(body.approval, Some(answered));
        let state = ApprovalState::Answered {
            answer: body.answer,
            scope: body.scope,
            by: event.by.clone(),
            at: event.recorded_at,
            reason: body.reason.clone(),
        };
        sink.change(RowChange::SetApproval {
            id: open.row,
            state,
        });
        Ok(())
    }

    pub(super) fn approval_cancelled(
        &mut self,
        event: &Event,
        body: &ApprovalCancelledEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let open = self.take_approval(event, body.approval)?;
        self.answered.insert(body.approval, None);
        sink.change(RowChange::SetApproval {
            id: open.row,
            state: ApprovalState::Cancelled,
        });
        Ok(())
    }

    fn take_approval(
        &mut self,
        event: &Event,
        approval: ApprovalId,
    ) -> Result<OpenApproval, FoldError> {
        let open = self
            .approvals
            .iter()
            .position(|open| open.approval == approval)
            .ok_or(FoldError::ApprovalNotOpen {
                seq: event.seq,
                approval,
            })?;
        Ok(self.approvals.remove(open))
    }
}
