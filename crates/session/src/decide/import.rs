//! Imports: copy a session's log from another hub, batch by batch, into a session at this hub.
//!
//! A batch applies under the rule that every reader follows: only if its `after` equals the cursor. Events keep their authors, times and
//! ids, so the runs' digests hold; only their seqs are new. Each batch ends with `batchImported`, which records the cursor. An interrupted
//! move therefore resumes, and a repeated batch changes nothing.
//!
//! **Invariant:** a completely imported session says the same as its source: rows, queue and runs. What cannot continue is ended: a run
//! that was active at the other hub is `lost` here.

use baton_protocol::{
    AccountId, Batch, BatchImportedEvent, Command, CommandEffect, ErrorBody, ErrorCode, Event,
    EventBody, ImportBatchCommand, LogId, PartSealedEvent, Principal, RunOutcome,
    SessionCreatedEvent, SessionId, TimestampMs, limits,
};

use super::run::lose_run;
use super::unseal::unseal;
use crate::new_event::{Decision, NewEvent};
use crate::state::{Import, SessionState};
use crate::transcript::NoTranscript;

/// Decides one batch of an import.
pub(super) fn import(
    state: &SessionState,
    command: &Command,
    body: &ImportBatchCommand,
    by: &Principal,
) -> Result<Decision, ErrorBody> {
    let (LogId::Session(session), Principal::Device { account, .. }) = (command.log, by) else {
        return Err(super::wrong_log("importBatch", "the session's log"));
    };
    check_source(&body.from, &body.batch)?;
    let have = match (&state.import, &state.created) {
        (Some(have), _) if have.incarnation == body.batch.incarnation => Some(have),
        (None, None) => None,
        _ => {
            return Err(ErrorCode::SessionExists.with(
                "another session with this id is there already",
                "import it under a new id",
            ));
        }
    };
    let cursor = have.map(|have| have.upto).unwrap_or_default();
    if let Some(have) = have {
        let is_end = body.batch.after == cursor && body.batch.head == cursor;
        if have.complete || (body.batch.upto <= cursor && !is_end) {
            return Ok(Decision::accept(have.effect(), Vec::new()));
        }
    }
    if body.batch.after != cursor {
        return Err(ErrorCode::ImportMismatch.with(
            format!("the session has the other log up to {cursor}"),
            "go on from there",
        ));
    }
    let mut copy = Copy {
        state: state.clone(),
        events: Vec::new(),
        session,
        account: *account,
        theirs: state.import.as_ref().map(|have| have.account),
    };
    for event in &body.batch.events {
        copy.take(event)?;
    }
    let effect = copy.finish(command, body, by)?;
    Ok(Decision::accept(effect, copy.events))
}

fn check_source(from: &str, batch: &Batch) -> Result<(), ErrorBody> {
    let name = from.trim().chars().count();
    if name == 0 || name > limits::DEVICE_NAME_CHARS_MAX {
        return Err(ErrorCode::TextTooLong.with(
            "the name of the hub is empty or too long",
            format!("use 1 to {} characters", limits::DEVICE_NAME_CHARS_MAX),
        ));
    }
    let is_stretch = batch.after <= batch.upto
        && batch.upto <= batch.head
        && batch
            .events
            .iter()
            .all(|event| batch.after < event.seq && event.seq <= batch.upto);
    if !is_stretch || matches!(batch.log, LogId::Account(_)) {
        return Err(mismatch("the batch is not a stretch of a session's log"));
    }
    Ok(())
}

fn mismatch(message: impl Into<String>) -> ErrorBody {
    ErrorCode::ImportMismatch.with(
        message,
        "read the session from its hub again, and begin anew under a new id",
    )
}

/// The session as it grows by the copied events. Each of them must fold.
struct Copy {
    state: SessionState,
    events: Vec<NewEvent>,
    session: SessionId,
    /// The importing account, on this hub.
    account: AccountId,
    /// The account that owns the source, once its first event is read.
    theirs: Option<AccountId>,
}

impl Copy {
    fn take(&mut self, event: &Event) -> Result<(), ErrorBody> {
        if self.state.created.is_none() != matches!(event.body, EventBody::SessionCreated(_)) {
            return Err(mismatch("a session begins with `sessionCreated`, once"));
        }
        if let EventBody::SessionCreated(created) = &event.body {
            self.theirs = Some(created.account);
        }
        for body in self.bodies(&event.body)? {
            self.push(NewEvent {
                by: self.ours(&event.by),
                command: event.command,
                producer: event.producer,
                recorded_at: Some(event.recorded_at),
                body,
            })?;
        }
        Ok(())
    }

    /// The equivalent bodies for this hub; empty for events that concern only the other hub.
    fn bodies(&self, body: &EventBody) -> Result<Vec<EventBody>, ErrorBody> {
        Ok(match body {
            EventBody::SessionCreated(created) => {
                vec![EventBody::SessionCreated(SessionCreatedEvent {
                    session: self.session,
                    account: self.account,
                    // The runner belongs to the other hub. Any runner of this hub that offers the agent may continue.
                    runner: None,
                    ..created.clone()
                })]
            }
            EventBody::PartSealed(sealed) => self.unsealed(sealed)?,
            EventBody::RunEnded(ended) => {
                let mut ended = ended.clone();
                if let RunOutcome::Stopped { by } = &mut ended.outcome {
                    *by = self.ours(by);
                }
                vec![EventBody::RunEnded(ended)]
            }
            // An edit lease is between a device and its hub. The cursor of an earlier move means nothing here either.
            EventBody::PromptEditBegan(_)
            | EventBody::PromptEditEnded(_)
            | EventBody::BatchImported(_) => Vec::new(),
            body if body.is_for_account() => {
                return Err(mismatch("the batch has events of an account"));
            }
            body => vec![body.clone()],
        })
    }

    /// The part of a sealed text that is still missing: the previous batch may have ended inside the part, before the other hub sealed it.
    /// The run's digest checks that the beginning is the same.
    fn unsealed(&self, sealed: &PartSealedEvent) -> Result<Vec<EventBody>, ErrorBody> {
        let (run, part) = (sealed.run, sealed.part);
        let active = self.state.active_run(run);
        let open = active.and_then(|run| run.open_parts().find(|open| open.index == part));
        let offset = open.map_or(0, |open| open.text.len());
        unseal(sealed, offset)
            .ok_or_else(|| mismatch("a part of the batch is shorter than it was before"))
    }

    /// Maps the devices of the source's account to the importing account.
    fn ours(&self, by: &Principal) -> Principal {
        match by {
            Principal::Device { account, device } if Some(*account) == self.theirs => {
                Principal::Device {
                    account: self.account,
                    device: *device,
                }
            }
            by => by.clone(),
        }
    }

    fn push(&mut self, new: NewEvent) -> Result<(), ErrorBody> {
        let now = TimestampMs::default();
        let event = new.clone().at(self.state.head().next(), now);
        self.state
            .apply(&event, &mut NoTranscript)
            .map_err(|error| {
                mismatch(format!("the batch does not continue the session: {error}"))
            })?;
        self.events.push(new);
        Ok(())
    }

    /// Ends what cannot continue here, and records the cursor.
    fn finish(
        &mut self,
        command: &Command,
        body: &ImportBatchCommand,
        by: &Principal,
    ) -> Result<CommandEffect, ErrorBody> {
        if self.state.created.is_none() {
            return Err(mismatch("a session begins with `sessionCreated`, once"));
        }
        let complete = body.batch.upto == body.batch.head;
        while complete && let Some(run) = self.state.active.first().map(|run| run.run) {
            for lost in lose_run(&self.state, run) {
                self.push(lost)?;
            }
        }
        let imported = BatchImportedEvent {
            from: body.from.trim().to_owned(),
            account: self.theirs.unwrap_or(self.account),
            incarnation: body.batch.incarnation,
            upto: body.batch.upto,
            complete,
        };
        self.push(NewEvent {
            by: by.clone(),
            command: Some(command.id),
            producer: None,
            recorded_at: None,
            body: EventBody::BatchImported(imported),
        })?;
        Ok(CommandEffect::Imported {
            upto: body.batch.upto,
            complete,
        })
    }
}

impl Import {
    fn effect(&self) -> CommandEffect {
        CommandEffect::Imported {
            upto: self.upto,
            complete: self.complete,
        }
    }
}
