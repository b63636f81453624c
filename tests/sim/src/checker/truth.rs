//! What stands in the logs, folded by the checker itself.

use std::collections::{BTreeMap, BTreeSet};

use baton_log::Appended;
use baton_protocol::{
    CommandId, Cursor, Event, Incarnation, LogId, Receipt, RunId, RunOutcome, Seq,
};
use baton_session::{AccountState, ActiveRun, SessionState, Transcript};

/// All logs.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    logs: BTreeMap<LogId, LogTruth>,
    deleted: BTreeSet<LogId>,
}

/// One log.
#[derive(Clone, Debug)]
pub struct LogTruth {
    incarnation: Incarnation,
    events: Vec<Event>,
    receipts: BTreeMap<CommandId, Receipt>,
    /// The state at each seq, from 0.
    states: Vec<SessionState>,
    transcript: Transcript,
    account: AccountState,
    /// The number of the last intent of each device that was answered.
    pub(super) answered: BTreeMap<usize, u64>,
}

impl LogTruth {
    fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            events: Vec::new(),
            receipts: BTreeMap::new(),
            states: vec![SessionState::default()],
            transcript: Transcript::default(),
            account: AccountState::default(),
            answered: BTreeMap::new(),
        }
    }

    /// Its last seq.
    pub fn head(&self) -> Seq {
        Seq(self.events.len() as u64)
    }

    /// Its identity.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The event at a seq, as it was recorded.
    pub fn event(&self, seq: Seq) -> Option<&Event> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.events.get(index)
    }

    /// Everything, as it was recorded.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Its receipts.
    pub fn receipts(&self) -> &BTreeMap<CommandId, Receipt> {
        &self.receipts
    }

    /// A session's state at the head.
    pub fn session(&self) -> &SessionState {
        self.states.last().expect("there is one for seq 0")
    }

    /// A session's state at a seq.
    pub fn session_at(&self, seq: Seq) -> Option<&SessionState> {
        self.states.get(usize::try_from(seq.0).ok()?)
    }

    /// A session's rows.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The account at the head.
    pub fn account(&self) -> &AccountState {
        &self.account
    }

    fn record(&mut self, log: LogId, event: &Event) -> Result<(), String> {
        match log {
            LogId::Session(_) => {
                let mut state = self.session().clone();
                let applied = state.apply(event, &mut self.transcript);
                applied.map_err(|error| format!("{log} does not fold: {error}"))?;
                self.states.push(state);
            }
            LogId::Account(_) => {
                let applied = self.account.apply(event);
                applied.map_err(|error| format!("{log} does not fold: {error}"))?;
            }
        }
        self.events.push(event.clone());
        Ok(())
    }
}

impl Truth {
    /// A log, where there is one.
    pub fn log(&self, log: LogId) -> Option<&LogTruth> {
        self.logs.get(&log)
    }

    /// All logs.
    pub fn logs(&self) -> impl Iterator<Item = (LogId, &LogTruth)> {
        self.logs.iter().map(|(log, truth)| (*log, truth))
    }

    pub(super) fn log_mut(&mut self, log: LogId) -> Option<&mut LogTruth> {
        self.logs.get_mut(&log)
    }

    /// A log, where it is the one that the cursor is of.
    pub fn at(&self, log: LogId, cursor: Cursor) -> Option<&LogTruth> {
        self.log(log)
            .filter(|truth| truth.incarnation == cursor.incarnation)
    }

    pub(super) fn record(&mut self, log: LogId, appended: &Appended) -> Result<(), String> {
        if self.deleted.contains(&log) {
            return Err(format!("{log} was deleted, and goes on"));
        }
        let known = self
            .logs
            .entry(log)
            .or_insert_with(|| LogTruth::new(appended.incarnation));
        if known.incarnation != appended.incarnation {
            return Err(format!("{log} has another identity than before"));
        }
        if known.head() != appended.after {
            let head = known.head();
            return Err(format!(
                "{log} stood at {head} and was continued at {}",
                appended.after
            ));
        }
        for event in &appended.events {
            if event.seq != known.head().next() {
                return Err(format!("{log} has {} after {}", event.seq, known.head()));
            }
            known.record(log, event)?;
        }
        if let Some(receipt) = &appended.receipt {
            if receipt.seq != known.head() {
                return Err(format!("a receipt of {log} does not stand at its head"));
            }
            let before = known.receipts.insert(receipt.command, receipt.clone());
            if before.is_some() {
                return Err(format!("`{}` was answered a second time", receipt.command));
            }
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, log: LogId) {
        self.logs.remove(&log);
        self.deleted.insert(log);
    }

    pub(super) fn active_run(&self, run: RunId) -> Option<&ActiveRun> {
        let mut sessions = self.logs.values().map(LogTruth::session);
        sessions.find_map(|state| state.active_run(run))
    }

    pub(super) fn run_outcome(&self, run: RunId) -> Option<&RunOutcome> {
        let mut sessions = self.logs.values().map(LogTruth::session);
        sessions.find_map(|state| state.run_record(run)?.outcome.as_ref())
    }

    pub(super) fn renew(
        &mut self,
        incarnation: impl Fn(LogId) -> Option<Incarnation>,
    ) -> Result<(), String> {
        for (log, truth) in &mut self.logs {
            let found = incarnation(*log);
            truth.incarnation = found.ok_or_else(|| format!("{log} was not restored"))?;
        }
        Ok(())
    }
}
