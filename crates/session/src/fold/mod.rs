//! `fold`: moves the state over an event, and emits the changes to the transcript.
//!
//! [`approvals`] opens, answers and cancels approvals; [`prompts`] moves prompts between the queue, the steers and their fates; [`runs`]
//! starts, steers and ends runs; [`parts`] grows and closes parts; [`rows`] builds the rows that a screen shows.

mod approvals;
mod error;
mod parts;
mod prompts;
mod rows;
mod runs;

use baton_protocol::{
    BatchImportedEvent, Event, EventBody, PromptId, SessionCreatedEvent, TitleSource,
};

pub use error::FoldError;

use crate::state::{Import, PathChange, PromptFate, QueuePause, SessionState, Title};
use crate::transcript::{RowChange, TranscriptSink};

impl SessionState {
    /// Moves the state over one event.
    ///
    /// # Errors
    /// If the event does not continue this state. The state is then unusable: fold the log anew.
    pub fn apply(&mut self, event: &Event, sink: &mut dyn TranscriptSink) -> Result<(), FoldError> {
        if event.seq <= self.head {
            return Err(FoldError::OutOfOrder {
                seq: event.seq,
                head: self.head,
            });
        }
        match &event.body {
            EventBody::SessionCreated(body) => self.session_created(event, body),
            EventBody::SessionRenamed(body) => self.renamed(body),
            EventBody::PromptSent(body) => self.prompt_sent(event, body),
            EventBody::PromptEdited(body) => self.prompt_edited(event, body)?,
            EventBody::PromptWithdrawn(body) => {
                self.take(event, body.prompt)?;
                self.fates.insert(body.prompt, PromptFate::Withdrawn);
            }
            EventBody::PromptRequeued(body) => self.prompt_requeued(event, body),
            EventBody::PromptMoved(body) => self.prompt_moved(event, body)?,
            EventBody::QueuePaused(body) => {
                self.pause = Some(QueuePause {
                    reason: body.reason,
                    by: event.by.clone(),
                })
            }
            EventBody::QueueResumed(_) => self.pause = None,
            EventBody::RunStarted(body) => self.run_started(event, body, sink)?,
            EventBody::SteerConsumed(body) => self.steer_consumed(event, body, sink)?,
            EventBody::PartOpened(body) => self.part_opened(event, body, sink)?,
            EventBody::PartAppended(body) => self.part_appended(event, body, sink)?,
            EventBody::PartClosed(body) => self.part_closed(event, body, sink)?,
            EventBody::PartSealed(body) => self.part_sealed(event, body, sink)?,
            EventBody::ModelRetry(body) => self.model_retry(event, body)?,
            EventBody::RunEnded(body) => self.run_ended(event, body, sink)?,
            EventBody::TeardownReported(body) => self.teardown_reported(body, sink),
            EventBody::ApprovalRequested(body) => self.approval_requested(event, body, sink)?,
            EventBody::ApprovalAnswered(body) => self.approval_answered(event, body, sink)?,
            EventBody::ApprovalCancelled(body) => self.approval_cancelled(event, body, sink)?,
            EventBody::ApprovalRevoked(body) => {
                self.standing.remove(&body.approval);
            }
            EventBody::PromptEditBegan(body) => {
                self.waiting_mut(event, body.prompt)?.edited_by = Some(event.by.clone());
            }
            EventBody::PromptEditEnded(body) => {
                self.waiting_mut(event, body.prompt)?.edited_by = None;
            }
            EventBody::BranchChosen(body) => {
                self.reaches_turn(event, body.prompt)?;
                let change = self.turns.show(body.prompt);
                self.tell_path(change, sink);
            }
            EventBody::BatchImported(body) => self.batch_imported(body),
            EventBody::AccountOpened(_)
            | EventBody::DeviceLinked(_)
            | EventBody::DeviceRevoked(_)
            | EventBody::AgentsOffered(_)
            | EventBody::SessionSummarized(_)
            | EventBody::ReadMarked(_)
            | EventBody::SessionForked(_)
            | EventBody::SessionPinned(_)
            | EventBody::SessionArchived(_)
            | EventBody::SessionFiled(_)
            | EventBody::SessionDeleted(_)
            | EventBody::FolderNamed(_)
            | EventBody::FolderRemoved(_)
            | EventBody::DraftSaved(_)
            | EventBody::ApprovalGranted(_)
            | EventBody::ApprovalGrantRevoked(_)
            | EventBody::Unknown(_) => {}
        }
        self.head = event.seq;
        Ok(())
    }

    fn session_created(&mut self, event: &Event, body: &SessionCreatedEvent) {
        self.created_at = event.recorded_at;
        self.updated_at = event.recorded_at;
        self.title = body.title.clone().map(|text| Title {
            text,
            source: TitleSource::Person,
        });
        self.created = Some(body.clone());
    }

    fn batch_imported(&mut self, body: &BatchImportedEvent) {
        // What a person allowed at another hub is not allowed at this one.
        self.standing.clear();
        self.import = Some(Import {
            incarnation: body.incarnation,
            upto: body.upto,
            complete: body.complete,
            account: body.account,
        });
    }

    /// Fails if the turn may lie behind the horizon: a state without a past knows no turns that had ended there.
    fn reaches_turn(&self, event: &Event, prompt: PromptId) -> Result<(), FoldError> {
        match self.horizon {
            Some(horizon) if !self.turns.contains(prompt) => Err(FoldError::BehindHorizon {
                seq: event.seq,
                horizon,
            }),
            _ => Ok(()),
        }
    }

    fn tell_path(&self, change: PathChange, sink: &mut dyn TranscriptSink) {
        if change == PathChange::Other {
            sink.change(RowChange::Hide(self.turns.hidden()));
        }
    }
}
