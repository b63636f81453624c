//! Where a device keeps its logs and its outbox: a model of the client's mirror, or the client's own.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use baton_client::sync::{Gap, Snapshot};
use baton_client::{
    AppliedBatch, DirectMirror, HistoryOutcome, OutboxEntry, OutboxState, SnapshotOutcome,
};
use baton_protocol::view::{BranchView, RowBody, TranscriptRow};
use baton_protocol::{
    AccountId, Batch, Command, CommandId, Cursor, ErrorBody, LogId, Receipt, ReceiptOutcome, Seq,
    SessionId, TimestampMs,
};
use baton_session::{AccountState, FoldError, SessionState, Transcript};

use crate::plan::MirrorKind;

/// Rows that are looked at in the end.
const ROWS_MAX: u32 = 100_000;

/// A device's disk.
pub enum Mirror {
    /// In maps.
    Model(Model),
    /// In the client's tables.
    Tables(Box<Tables>),
}

/// The client's own mirror, and where it is.
pub struct Tables {
    direct: DirectMirror,
    account: AccountId,
    folder: Option<tempfile::TempDir>,
}

/// The simplest thing that is a mirror.
#[derive(Default)]
pub struct Model {
    logs: BTreeMap<LogId, MirroredLog>,
    outbox: Vec<OutboxEntry>,
    receipts: BTreeMap<CommandId, Receipt>,
    next_ordinal: i64,
}

struct MirroredLog {
    cursor: Cursor,
    session: SessionState,
    transcript: Transcript,
    account: AccountState,
}

impl Mirror {
    /// An empty one.
    pub fn new(kind: MirrorKind, account: AccountId) -> Result<Self> {
        let tables = |direct, folder| {
            Self::Tables(Box::new(Tables {
                direct,
                account,
                folder,
            }))
        };
        Ok(match kind {
            MirrorKind::Model => Self::Model(Model::default()),
            MirrorKind::Tables => tables(DirectMirror::in_memory(account)?, None),
            MirrorKind::File => {
                let folder = tempfile::tempdir().context("no temporary folder")?;
                let path = folder.path().join("mirror.db");
                tables(DirectMirror::open(&path, account)?, Some(folder))
            }
        })
    }

    /// The process is gone. What was written is there.
    pub fn process_died(&mut self) -> Result<()> {
        let Self::Tables(tables) = self else {
            return Ok(());
        };
        match &tables.folder {
            Some(folder) => {
                let path = folder.path().join("mirror.db");
                tables.direct = DirectMirror::open(&path, tables.account)?;
            }
            None => tables.direct.crash(),
        }
        Ok(())
    }

    /// Where it stands in each log.
    pub fn cursors(&self) -> Result<Vec<(LogId, Cursor)>> {
        Ok(match self {
            Self::Model(model) => {
                let logs = model.logs.iter();
                logs.map(|(log, known)| (*log, known.cursor)).collect()
            }
            Self::Tables(tables) => {
                let mut cursors = tables.direct.cursors()?;
                cursors.sort_by_key(|(log, _)| *log);
                cursors
            }
        })
    }

    /// The account.
    pub fn account(&mut self, log: LogId) -> Result<Option<AccountState>> {
        Ok(match self {
            Self::Model(model) => model.logs.get(&log).map(|known| known.account.clone()),
            Self::Tables(tables) => tables.direct.account(log)?,
        })
    }

    /// A session's state.
    pub fn session(&mut self, session: SessionId) -> Result<Option<SessionState>> {
        Ok(match self {
            Self::Model(model) => {
                let known = model.logs.get(&LogId::Session(session));
                known.map(|known| known.session.clone())
            }
            Self::Tables(tables) => tables.direct.session(session, 1)?.map(|(_, state)| state),
        })
    }

    /// Whether a session's rows are those that its log gives.
    pub fn has_rows(
        &mut self,
        session: SessionId,
        known: (&SessionState, &Transcript),
    ) -> Result<bool> {
        let (state, transcript) = known;
        Ok(match self {
            Self::Model(model) => {
                let mirrored = model.logs.get(&LogId::Session(session));
                mirrored.is_some_and(|mirrored| mirrored.transcript == *transcript)
            }
            Self::Tables(tables) => {
                let found = tables.direct.session(session, ROWS_MAX)?;
                let shown = transcript.shown().map(|row| as_shown(state, row));
                found.is_some_and(|(rows, _)| rows.into_iter().eq(shown))
            }
        })
    }

    /// Applies a batch.
    pub fn apply(&mut self, batch: &Batch) -> Result<AppliedBatch> {
        match self {
            Self::Model(model) => Ok(model.apply(batch)),
            Self::Tables(tables) => Ok(tables.direct.apply(batch)?),
        }
    }

    /// What it lacks in front of its cursors.
    pub fn gaps(&self) -> Result<Vec<(LogId, Gap)>> {
        Ok(match self {
            Self::Model(_) => Vec::new(),
            Self::Tables(tables) => tables.direct.gaps()?,
        })
    }

    /// What it lacks of a log.
    pub fn gap(&mut self, log: LogId) -> Result<Option<Gap>> {
        Ok(match self {
            Self::Model(_) => None,
            Self::Tables(tables) => tables.direct.gap(log)?,
        })
    }

    /// Goes on from a saved state, which the model cannot.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<SnapshotOutcome> {
        Ok(match self {
            Self::Model(model) => SnapshotOutcome::Unfit {
                stands_at: model.logs.get(&snapshot.log).map(|known| known.cursor),
            },
            Self::Tables(tables) => tables.direct.apply_snapshot(snapshot)?,
        })
    }

    /// Applies a batch of history.
    pub fn apply_history(&mut self, batch: &Batch) -> Result<HistoryOutcome> {
        Ok(match self {
            Self::Model(_) => HistoryOutcome::Elsewhere(None),
            Self::Tables(tables) => tables.direct.apply_history(batch)?,
        })
    }

    /// Applies a batch wherever it begins: for a planted fault. The client's own tables refuse that.
    pub fn apply_anyhow(&mut self, batch: &Batch) {
        if let Self::Model(model) = self {
            model.apply_anyhow(batch);
        }
    }

    /// Forgets a log.
    pub fn drop_log(&mut self, log: LogId) -> Result<()> {
        match self {
            Self::Model(model) => drop(model.logs.remove(&log)),
            Self::Tables(tables) => tables.direct.drop_log(log)?,
        }
        Ok(())
    }

    /// The intents that wait.
    pub fn outbox(&self) -> Result<Vec<OutboxEntry>> {
        Ok(match self {
            Self::Model(model) => model.outbox.clone(),
            Self::Tables(tables) => tables.direct.outbox()?,
        })
    }

    /// Makes intents durable.
    pub fn queue(
        &mut self,
        intents: &[(Command, OutboxState)],
        queued_at: TimestampMs,
    ) -> Result<(Vec<OutboxEntry>, Vec<Receipt>)> {
        match self {
            Self::Model(model) => Ok(model.queue(intents, queued_at)),
            Self::Tables(tables) => Ok(tables.direct.queue_intents(intents, queued_at)?),
        }
    }

    /// Notes that intents may be at the hub.
    pub fn mark_sent(&mut self, commands: &[CommandId]) -> Result<()> {
        match self {
            Self::Model(model) => {
                for entry in &mut model.outbox {
                    if commands.contains(&entry.command.id) {
                        entry.state = OutboxState::Sent;
                    }
                }
                Ok(())
            }
            Self::Tables(tables) => Ok(tables.direct.mark_sent(commands)?),
        }
    }

    /// Keeps a receipt.
    pub fn store_receipt(&mut self, receipt: &Receipt, keeps: bool) -> Result<()> {
        match self {
            Self::Model(model) => {
                model.receipts.insert(receipt.command, receipt.clone());
                match &receipt.outcome {
                    ReceiptOutcome::Refused { error } => {
                        model.refuse(receipt.command, error, keeps);
                    }
                    ReceiptOutcome::Accepted { .. } => model.remove(receipt.command),
                }
                Ok(())
            }
            Self::Tables(tables) => Ok(tables.direct.store_receipt(receipt, keeps)?),
        }
    }

    /// Notes that an intent will never be done.
    pub fn refuse(&mut self, command: CommandId, error: &ErrorBody, keeps: bool) -> Result<()> {
        match self {
            Self::Model(model) => {
                model.refuse(command, error, keeps);
                Ok(())
            }
            Self::Tables(tables) => Ok(tables.direct.refuse_intent(command, error, keeps)?),
        }
    }

    /// Takes an intent out.
    pub fn remove(&mut self, command: CommandId) -> Result<()> {
        match self {
            Self::Model(model) => {
                model.remove(command);
                Ok(())
            }
            Self::Tables(tables) => Ok(tables.direct.remove_intent(command)?),
        }
    }
}

/// A row as a screen gets it: with the branches that begin there.
fn as_shown(state: &SessionState, row: &TranscriptRow) -> TranscriptRow {
    let mut row = row.clone();
    if let RowBody::Prompt { prompt, branch, .. } = &mut row.body {
        let prompts = state.turns().beside(*prompt);
        *branch = (prompts.len() > 1).then_some(BranchView { prompts });
    }
    row
}

impl Model {
    fn apply(&mut self, batch: &Batch) -> AppliedBatch {
        let stands_at = self.logs.get(&batch.log).map(|known| known.cursor);
        match stands_at {
            None if batch.after == Seq::ZERO => {}
            Some(cursor)
                if cursor.incarnation == batch.incarnation && cursor.seq == batch.after => {}
            stands_at => return AppliedBatch::Moved(stands_at),
        }
        if let Err(error) = self.fold(batch) {
            self.logs.remove(&batch.log);
            return AppliedBatch::Dropped(error.to_string());
        }
        AppliedBatch::Applied
    }

    fn fold(&mut self, batch: &Batch) -> Result<(), FoldError> {
        let known = self.logs.entry(batch.log).or_insert_with(|| MirroredLog {
            cursor: Cursor {
                incarnation: batch.incarnation,
                seq: batch.after,
            },
            session: SessionState::default(),
            transcript: Transcript::default(),
            account: AccountState::default(),
        });
        for event in &batch.events {
            match batch.log {
                LogId::Session(_) => known.session.apply(event, &mut known.transcript)?,
                LogId::Account(_) => known.account.apply(event)?,
            }
        }
        match batch.log {
            LogId::Session(_) => known.session.set_head(batch.upto),
            LogId::Account(_) => known.account.set_head(batch.upto),
        }
        known.cursor.seq = batch.upto;
        Ok(())
    }

    fn apply_anyhow(&mut self, batch: &Batch) {
        // What does not fold is left out, as a careless device would.
        let upto = self
            .logs
            .get(&batch.log)
            .map_or(Seq::ZERO, |known| known.cursor.seq);
        if batch.upto > upto {
            let _ = self.fold(batch);
        }
    }

    fn queue(
        &mut self,
        intents: &[(Command, OutboxState)],
        queued_at: TimestampMs,
    ) -> (Vec<OutboxEntry>, Vec<Receipt>) {
        let (mut entries, mut answered) = (Vec::new(), Vec::new());
        for (command, state) in intents {
            if let Some(receipt) = self.receipts.get(&command.id) {
                answered.push(receipt.clone());
                continue;
            }
            self.next_ordinal += 1;
            entries.push(OutboxEntry {
                ordinal: self.next_ordinal,
                command: command.clone(),
                state: state.clone(),
                queued_at,
            });
        }
        self.outbox.extend(entries.iter().cloned());
        (entries, answered)
    }

    fn refuse(&mut self, command: CommandId, error: &ErrorBody, keeps: bool) {
        if !keeps {
            return self.remove(command);
        }
        let mut entries = self.outbox.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.command.id == command) {
            entry.state = OutboxState::Refused(error.clone());
        }
    }

    fn remove(&mut self, command: CommandId) {
        self.outbox.retain(|entry| entry.command.id != command);
    }
}
