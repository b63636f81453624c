//! What a person does with the outbox: queue, take back, retry.

use baton_protocol::{
    Command, CommandBody, CommandId, LogId, MarkReadCommand, SaveDraftCommand, Seq, SessionId,
};

use super::driver::{Driver, pending};
use super::intents::{ActError, CancelError, Intent, IntentOutcome};
use crate::mirror::{OutboxEntry, OutboxState, StoreError};
use crate::sync::{CancelOutcome, Input, PendingIntent};
use crate::view::unsent_draft;

impl Driver {
    /// Makes intents durable, then shows them, then sends them. A stop that names its run is sent first: it does not wait for the disk.
    pub(super) async fn queue(&mut self, commands: Vec<Command>) -> Result<Vec<Intent>, ActError> {
        let intents: Vec<Intent> = commands
            .iter()
            .map(|command| Intent::new(command.id, &self.waiters))
            .collect();
        let mut fresh = Vec::new();
        let mut replaced = Vec::new();
        for command in commands {
            let known = |entry: &OutboxEntry| entry.command.id == command.id;
            if self.outbox.iter().any(known) {
                continue;
            }
            match self.those_before(&command) {
                Before::Enough => {
                    // It has already happened or is on its way, so the caller has nothing to wait for.
                    self.waiters.tell(command.id, &IntentOutcome::Cancelled);
                    continue;
                }
                Before::Replace(older) => replaced.extend(older),
            }
            fresh.push(command);
        }
        if !fresh.is_empty() {
            self.write_intents(fresh, replaced).await?;
        }
        Ok(intents)
    }

    async fn write_intents(
        &mut self,
        commands: Vec<Command>,
        replaced: Vec<CommandId>,
    ) -> Result<(), StoreError> {
        let queued_at = self.clock.now().wall;
        // An intent that is sent at once is written as sent: one flush instead of two.
        let ahead = self.goes_ahead(&commands);
        let mut busy: Vec<LogId> = Vec::new();
        let mut intents = Vec::new();
        for command in commands {
            let log = command.log;
            let goes = self.engine.sends_at_once(log) && !busy.contains(&log);
            busy.push(log);
            let state = match goes || ahead.is_some() {
                true => OutboxState::Sent,
                false => OutboxState::Waiting,
            };
            intents.push((command, state));
        }
        let gone = replaced.clone();
        let write = move |store: &mut crate::mirror::Store| {
            store.queue_intents(&intents, &replaced, queued_at)
        };
        let mirror = self.mirror.clone();
        let writing = mirror.write(write);
        let id = ahead.as_ref().map(|command| command.id);
        if let Some(command) = ahead {
            let maybe_sent = true;
            self.feed(Input::IntentQueued(PendingIntent {
                command,
                maybe_sent,
            }));
            self.obey().await;
        }
        let queued = writing.await.inspect_err(|_| {
            if let Some(id) = id {
                self.engine.retract(id);
            }
        })?;
        for command in gone {
            // Only after the write: if it fails, the replaced intent must still be there.
            self.engine.cancel(command);
            self.take_entry(command);
            self.waiters.tell(command, &IntentOutcome::Cancelled);
        }
        let now_ms = self.clock.now().mono_ms;
        for entry in &queued.entries {
            self.trail.made(&entry.command, now_ms);
        }
        self.outbox.extend(queued.entries.iter().cloned());
        self.show_outbox();
        for intent in queued.entries.iter().filter_map(pending) {
            self.feed(Input::IntentQueued(intent));
        }
        for receipt in queued.answered {
            let command = receipt.command;
            self.waiters
                .tell(command, &IntentOutcome::Answered(receipt));
        }
        Ok(())
    }

    /// The command that may go onto the connection while it is being written.
    fn goes_ahead(&self, commands: &[Command]) -> Option<Command> {
        match commands {
            [command] if self.engine.goes_ahead(command) => Some(command.clone()),
            _ => None,
        }
    }

    /// What a new intent does to earlier ones of the same kind. Only read marks and drafts coalesce.
    fn those_before(&self, command: &Command) -> Before {
        match &command.body {
            CommandBody::MarkRead(mark) => self.marks_before(mark),
            CommandBody::SaveDraft(draft) => self.drafts_before(draft),
            _ => Before::Replace(Vec::new()),
        }
    }

    /// Keeps only the largest mark of a session.
    fn marks_before(&self, mark: &MarkReadCommand) -> Before {
        if mark.seq <= self.views.read_mark(mark.session) {
            return Before::Enough;
        }
        let mut older = Vec::new();
        for entry in &self.outbox {
            match mark_of(entry) {
                Some((session, seq)) if session == mark.session && seq >= mark.seq => {
                    return Before::Enough;
                }
                Some((session, _)) if session == mark.session => older.extend(gives_way(entry)),
                _ => {}
            }
        }
        Before::Replace(older)
    }

    /// Keeps only the newest text of a session. An empty text needs no intent if there is no draft, or only another device's draft that the
    /// person did not see.
    fn drafts_before(&self, draft: &SaveDraftCommand) -> Before {
        let mut older = Vec::new();
        let mut is_enough = self.views.is_recorded(draft);
        for entry in &self.outbox {
            if let Some(known) = unsent_draft(entry)
                && known.session == draft.session
            {
                older.extend(gives_way(entry));
                let is_refused = matches!(entry.state, OutboxState::Refused(_));
                is_enough = known == draft && !is_refused;
            }
        }
        match is_enough {
            true => Before::Enough,
            false => Before::Replace(older),
        }
    }

    pub(super) async fn cancel(&mut self, command: CommandId) -> Result<(), CancelError> {
        let entry = self.outbox.iter().find(|entry| entry.command.id == command);
        let entry = entry.ok_or(CancelError::NotWaiting)?;
        let (log, body, state) = (
            entry.command.log,
            entry.command.body.clone(),
            entry.state.clone(),
        );
        if !matches!(state, OutboxState::Refused(_)) {
            match self.engine.cancel(command) {
                CancelOutcome::Cancelled => {}
                CancelOutcome::MaybeSent => return Err(CancelError::MaybeSent),
                CancelOutcome::NotWaiting => return Err(CancelError::NotWaiting),
            }
        }
        self.forget(command).await?;
        for other in self.bound_to(log, &body) {
            let refused = |entry: &OutboxEntry| {
                entry.command.id == other && matches!(entry.state, OutboxState::Refused(_))
            };
            let goes = self.outbox.iter().any(refused)
                || self.engine.cancel(other) == CancelOutcome::Cancelled;
            if goes {
                self.forget(other).await?;
            }
        }
        Ok(())
    }

    /// The intents that have no use without this one: everything for a session that will not be created, or the creation of a session for
    /// which no other intent is left.
    fn bound_to(&self, log: LogId, body: &CommandBody) -> Vec<CommandId> {
        let of_log = self.outbox.iter().filter(|entry| entry.command.log == log);
        let left: Vec<&OutboxEntry> = of_log.collect();
        let creates =
            |entry: &&OutboxEntry| matches!(entry.command.body, CommandBody::CreateSession(_));
        let alone = left.len() == 1 && left.iter().all(creates);
        if matches!(body, CommandBody::CreateSession(_)) || alone {
            left.iter().map(|entry| entry.command.id).collect()
        } else {
            Vec::new()
        }
    }

    async fn forget(&mut self, command: CommandId) -> Result<(), StoreError> {
        let remove = move |store: &mut crate::mirror::Store| store.remove_intent(command);
        self.mirror.write(remove).await?;
        self.take_entry(command);
        self.show_outbox();
        self.waiters.tell(command, &IntentOutcome::Cancelled);
        Ok(())
    }

    /// Discards an intent that this version cannot read. Another process may have done so already.
    pub(super) async fn discard_opaque(&mut self, ordinal: i64) -> Result<(), CancelError> {
        let discard = move |store: &mut crate::mirror::Store| {
            let was_there = store.discard_opaque(ordinal)?;
            Ok((was_there, store.outbox()?.opaque))
        };
        let (was_there, left) = self.mirror.write(discard).await?;
        self.views.set_opaque(left);
        match was_there {
            true => Ok(()),
            false => Err(CancelError::NotWaiting),
        }
    }

    /// Retries at once. A refused id stays refused forever, so a refused intent is queued under a new id, together with the refused
    /// creation of its session.
    pub(super) async fn retry(&mut self, command: CommandId) -> Result<CommandId, CancelError> {
        let entry = self.outbox.iter().find(|entry| entry.command.id == command);
        let entry = entry.ok_or(CancelError::NotWaiting)?;
        if !matches!(entry.state, OutboxState::Refused(_)) {
            self.engine.retry(self.clock.now(), command);
            return Ok(command);
        }
        let log = entry.command.log;
        let again = self.outbox.iter().filter(|entry| {
            let creates = matches!(entry.command.body, CommandBody::CreateSession(_));
            let refused = matches!(entry.state, OutboxState::Refused(_));
            refused && (entry.command.id == command || (creates && entry.command.log == log))
        });
        let old: Vec<Command> = again.map(|entry| entry.command.clone()).collect();
        let new: Vec<Command> = old
            .iter()
            .map(|command| Command {
                id: CommandId::mint(),
                ..command.clone()
            })
            .collect();
        let position = old.iter().position(|old| old.id == command);
        let id = position.and_then(|index| new.get(index)).map(|new| new.id);
        let replaced = old.iter().map(|command| command.id).collect();
        self.write_intents(new, replaced).await?;
        id.ok_or(CancelError::NotWaiting)
    }
}

/// The id of an intent that a newer one may replace: it was certainly never sent, or was refused.
fn gives_way(entry: &OutboxEntry) -> Option<CommandId> {
    (entry.state != OutboxState::Sent).then_some(entry.command.id)
}

/// What the outbox already has for the target of a new intent.
enum Before {
    /// The new intent adds nothing.
    Enough,
    /// These were never sent, or were refused; the new intent replaces them.
    Replace(Vec<CommandId>),
}

fn mark_of(entry: &OutboxEntry) -> Option<(SessionId, Seq)> {
    match &entry.command.body {
        CommandBody::MarkRead(mark) => Some((mark.session, mark.seq)),
        _ => None,
    }
}
