//! Writes to one log, as `log_writer` in the hub does: records, and says what an error means for the actor.

use baton_log::{AppendError, AppendRequest, Appended, ExpectedHead, NewReceipt, StoredReceipt};
use baton_protocol::{CommandId, ErrorBody, ErrorCode, Event, Incarnation, LogId, Seq};
use baton_session::NewEvent;

use crate::sim::Sim;
use crate::store::StoreFault;

/// Why nothing is told.
#[derive(Debug)]
pub enum CommitError {
    /// The command was answered before.
    Known(Box<StoredReceipt>),
    /// Not now, or not this.
    Refused(ErrorBody),
    /// The actor must end.
    Broken(ErrorBody),
    /// The process is dead.
    Crashed,
}

/// One log in the hands of its actor.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Which log.
    pub log: LogId,
    /// Its identity, once there is one.
    pub incarnation: Option<Incarnation>,
}

impl Writer {
    /// Nothing is read yet.
    pub fn new(log: LogId) -> Self {
        Self {
            log,
            incarnation: None,
        }
    }

    /// Whether there is such a log.
    pub fn exists(&self) -> bool {
        self.incarnation.is_some()
    }

    /// Reads the whole log.
    pub fn load(
        &mut self,
        sim: &mut Sim,
        mut fold: impl FnMut(Vec<Event>, Seq) -> Result<(), ErrorBody>,
    ) -> Result<(), ErrorBody> {
        let unreadable = |_| unreadable();
        let Some(head) = sim.store.head(self.log).map_err(unreadable)? else {
            return Ok(());
        };
        let mut after = Seq::ZERO;
        while after < head.seq {
            let limit = sim.read_limit();
            let batch = sim.store.read(self.log, after, limit).map_err(unreadable)?;
            after = batch.upto;
            fold(batch.events, batch.upto)?;
        }
        self.incarnation = Some(head.incarnation);
        Ok(())
    }

    /// The answer that a command got before.
    pub fn receipt(
        &self,
        sim: &Sim,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ErrorBody> {
        if !self.exists() {
            return Ok(None);
        }
        sim.store
            .receipt(self.log, command)
            .map_err(|_| unreadable())
    }

    /// Records, and tells the checker what is in the log now.
    pub fn append(
        &mut self,
        sim: &mut Sim,
        head: Seq,
        events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
    ) -> Result<Appended, CommitError> {
        let expected = if self.exists() {
            ExpectedHead::At(head)
        } else {
            ExpectedHead::Absent
        };
        let request = AppendRequest {
            log: self.log,
            expected,
            recorded_at: sim.hub_wall(),
            events,
            receipt,
            state: None,
        };
        let stored = sim.store.append(sim.now_ms, request);
        if let Some(recorded) = &stored.recorded {
            let count = recorded.events.len();
            let (log, head) = (self.log, recorded.head());
            sim.note(format_args!(
                "log {log} has {count} events more, up to {head}"
            ));
            sim.checker.recorded(log, recorded);
        }
        match (stored.told, stored.recorded) {
            (Ok(()), Some(appended)) => {
                self.incarnation = Some(appended.incarnation);
                Ok(appended)
            }
            (Err(StoreFault::Log(error)), _) => {
                sim.note(format_args!(
                    "an append to {} was refused: {error}",
                    self.log
                ));
                Err(commit_error(error))
            }
            (Err(StoreFault::Crashed), _) | (Ok(()), None) => {
                sim.note(format_args!("the hub dies at a commit"));
                sim.hub_crashed = true;
                Err(CommitError::Crashed)
            }
        }
    }
}

fn commit_error(error: AppendError) -> CommitError {
    let unavailable = |message| ErrorCode::StorageUnavailable.with(message, "try again");
    match error {
        AppendError::CommandKnown(stored) => CommitError::Known(stored),
        AppendError::EventTooLarge { .. } => {
            CommitError::Refused(ErrorCode::TooLarge.with("an event is too large", "send less"))
        }
        AppendError::DiskFull => CommitError::Refused(unavailable("the hub's disk is full")),
        AppendError::Unavailable(_) => {
            CommitError::Refused(unavailable("the hub's storage refused the write"))
        }
        AppendError::Failed => CommitError::Broken(unavailable("the hub's storage has stopped")),
        _ => CommitError::Broken(unavailable("the hub lost its place in the log")),
    }
}

/// The answer where a log cannot be read.
pub fn unreadable() -> ErrorBody {
    ErrorCode::StorageUnavailable.with("the hub cannot read its storage", "try again")
}
