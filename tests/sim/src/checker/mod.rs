//! What must hold, looked at after every step.
//!
//! The checker sees what stands in the log (whoever was told of it or not), what the hub says, what devices apply, what people wanted
//! and what the model was asked. It keeps a fold of its own, and the state at every seq.

mod contexts;
mod intents;
mod runs;
mod says;
mod tally;
mod truth;

use std::collections::{BTreeMap, BTreeSet};

use baton_log::Appended;
use baton_protocol::{
    AccountId, Cursor, DeviceId, Epoch, Event, EventBody, Incarnation, LogId, Principal, RunId,
    RunOutcome, RunnerInstanceId, Seq,
};
use baton_session::{AccountState, SessionState};

use intents::Intents;
use runs::Runs;
pub use runs::Said;
pub use tally::Tally;
pub use truth::Truth;

/// Watches one simulation.
pub struct Checker {
    account: AccountId,
    devices: Vec<DeviceId>,
    truth: Truth,
    backup: Option<Truth>,
    intents: Intents,
    runs: Runs,
    /// Where each device's mirror must stand.
    readers: BTreeMap<(usize, LogId), Cursor>,
    was_restored: bool,
    violation: Option<String>,
    /// How often something was looked at.
    looks: u64,
}

impl Checker {
    /// Nothing has happened.
    pub fn new(account: AccountId, devices: Vec<DeviceId>) -> Self {
        Self {
            account,
            devices,
            truth: Truth::default(),
            backup: None,
            intents: Intents::default(),
            runs: Runs::default(),
            readers: BTreeMap::new(),
            was_restored: false,
            violation: None,
            looks: 0,
        }
    }

    /// What was found first.
    pub fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    /// How often something was looked at.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// What stands in the logs.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Notes what must not be. The first finding stands.
    pub fn violated(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert_with(|| what.into());
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.looks += 1;
        if !holds {
            self.violated(what());
        }
    }

    /// This stands in the log now.
    pub fn recorded(&mut self, log: LogId, appended: &Appended) {
        let before = self.truth.log(log).map(|known| known.session().clone());
        if let Err(what) = self.truth.record(log, appended) {
            return self.violated(what);
        }
        // A fork's copies of what runs wrote elsewhere are nothing new of them.
        let is_fork = |event: &Event| matches!(event.body, EventBody::SessionForked(_));
        let is_copy = appended.events.iter().any(is_fork);
        for event in &appended.events {
            if let Some(command) = event.command {
                let device = self.device_of(&event.by);
                let known = self.intents.is_of(command, device, log);
                self.check(known, || {
                    format!("command `{command}` is in {log}, and nobody on that device wanted it")
                });
            }
            if !is_copy && let Err(what) = self.runs.recorded(event) {
                self.violated(what);
            }
        }
        if let Some(receipt) = &appended.receipt {
            let log_truth = self.truth.log_mut(log);
            if let Err(what) = self.intents.recorded(receipt.command, log_truth) {
                self.violated(what);
            }
        }
        if let LogId::Session(_) = log {
            self.session_holds(log, before.unwrap_or_default(), &appended.events);
        }
    }

    fn device_of(&self, by: &Principal) -> Option<usize> {
        let Principal::Device { device, account } = by else {
            return None;
        };
        let mut devices = self.devices.iter();
        let number = devices.position(|known| known == device);
        number.filter(|_| *account == self.account)
    }

    /// The laws of a session's state, after each append.
    fn session_holds(&mut self, log: LogId, before: SessionState, events: &[Event]) {
        let Some(known) = self.truth.log(log) else {
            return;
        };
        let after = known.session().clone();
        let roots = after.active_runs().filter(|run| run.parent.is_none());
        let roots = roots.count();
        self.check(roots <= 1, || format!("{roots} root runs are on in {log}"));
        let root = after.root_run().map(|run| run.run);
        let strays = after.steers().iter().filter(|steer| steer.run != root);
        let strays = strays.count();
        self.check(strays == 0, || {
            format!("{strays} steers in {log} wait for a run that is not on")
        });
        let ids: Vec<_> = after
            .queue()
            .iter()
            .chain(after.steers())
            .map(|waiting| waiting.prompt)
            .collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        self.check(unique.len() == ids.len(), || {
            format!("a prompt waits twice in {log}: {ids:?}")
        });
        for event in events {
            if let EventBody::RunEnded(ended) = &event.body {
                self.steers_go_to_the_head(ended.run, &before, &after, events);
            }
        }
    }

    /// What the ended run did not take in heads the queue, in its order; only a prompt that this very command is about goes before it.
    fn steers_go_to_the_head(
        &mut self,
        run: RunId,
        before: &SessionState,
        after: &SessionState,
        events: &[Event],
    ) {
        let was_consumed = |prompt| {
            events.iter().any(|event| match &event.body {
                EventBody::SteerConsumed(body) => body.prompts.contains(&prompt),
                _ => false,
            })
        };
        let is_meant = |prompt| {
            events.iter().any(|event| match &event.body {
                EventBody::PromptSent(body) => body.prompt == prompt,
                EventBody::PromptRequeued(body) => {
                    body.prompt == prompt
                        && body.reason != baton_protocol::RequeueReason::SteerMissed
                }
                _ => false,
            })
        };
        let missed: Vec<_> = before
            .steers()
            .iter()
            .filter(|steer| steer.run == Some(run) && !was_consumed(steer.prompt))
            .map(|steer| steer.prompt)
            .filter(|prompt| !is_meant(*prompt))
            .collect();
        let queue: Vec<_> = after
            .queue()
            .iter()
            .map(|waiting| waiting.prompt)
            .filter(|prompt| !is_meant(*prompt))
            .take(missed.len())
            .collect();
        self.check(queue == missed, || {
            format!("run `{run}` ended without its steers {missed:?}, and the queue begins with {queue:?}")
        });
    }

    /// The hub is about to record writes of this instance under this epoch.
    pub fn writes(&mut self, run: RunId, instance: Option<RunnerInstanceId>, epoch: Epoch) {
        let holder = self.truth.active_run(run);
        let holds =
            holder.is_some_and(|active| Some(active.instance) == instance && active.epoch == epoch);
        self.check(holds, || format!("a fenced writer writes for run `{run}`"));
    }

    /// A device applied a batch, and its mirror of a session stands as given.
    pub fn applied_session(
        &mut self,
        device: usize,
        log: LogId,
        (after, upto): (Seq, Cursor),
        state: &SessionState,
    ) {
        self.moved(device, log, after, upto);
        if let Some(truth) = self.truth.at(log, upto) {
            let same = truth.session_at(upto.seq) == Some(state);
            self.check(same, || {
                format!(
                    "device {device} has another state of {log} at {} than the hub",
                    upto.seq
                )
            });
        }
    }

    /// The same for the account.
    pub fn applied_account(
        &mut self,
        device: usize,
        log: LogId,
        (after, upto): (Seq, Cursor),
        state: &AccountState,
    ) {
        self.moved(device, log, after, upto);
        if let Some(truth) = self.truth.at(log, upto)
            && truth.head() == upto.seq
        {
            let same = truth.account() == state;
            self.check(same, || {
                format!("device {device} has another account than the hub")
            });
        }
    }

    fn moved(&mut self, device: usize, log: LogId, after: Seq, upto: Cursor) {
        let stood = self.readers.insert((device, log), upto);
        let fits = match stood {
            None => after == Seq::ZERO,
            Some(cursor) => cursor.seq == after && cursor.incarnation == upto.incarnation,
        };
        self.check(fits, || {
            let stood = stood.map(|cursor| cursor.seq);
            format!(
                "device {device} stood at {stood:?} in {log} and applied what comes after {after}"
            )
        });
    }

    /// A device forgot what it mirrored of a log.
    pub fn dropped(&mut self, device: usize, log: LogId) {
        self.readers.remove(&(device, log));
    }

    /// A device started and finds its mirror here.
    pub fn reopened(&mut self, device: usize, cursors: &[(LogId, Cursor)]) {
        let found: BTreeMap<LogId, Cursor> = cursors.iter().copied().collect();
        let known = self.readers.iter().filter(|((of, _), _)| *of == device);
        let known: BTreeMap<LogId, Cursor> =
            known.map(|((_, log), cursor)| (*log, *cursor)).collect();
        self.check(found == known, || {
            format!("device {device} has lost its place, or found another one")
        });
    }

    /// Whether a device's mirror stands where the log ends.
    pub fn is_level(&self, device: usize, log: LogId) -> bool {
        let reader = self.readers.get(&(device, log));
        let known = self.truth.log(log);
        reader.zip(known).is_some_and(|(reader, known)| {
            reader.incarnation == known.incarnation() && reader.seq == known.head()
        })
    }

    /// A log that a device mirrors and that is not there.
    pub fn stray(&self, device: usize) -> Option<LogId> {
        let mut mirrored = self.readers.keys().filter(|(of, _)| *of == device);
        let stray = mirrored.find(|(_, log)| self.truth.log(*log).is_none());
        stray.map(|(_, log)| *log)
    }

    /// A copy of the logs was made.
    pub fn backed_up(&mut self) {
        self.backup = Some(self.truth.clone());
    }

    /// The logs are the copy now, with these incarnations.
    pub fn restored(&mut self, incarnation: impl Fn(LogId) -> Option<Incarnation>) {
        let Some(mut truth) = self.backup.clone() else {
            return self.violated("restored without a backup");
        };
        if let Err(what) = truth.renew(incarnation) {
            return self.violated(what);
        }
        self.runs.restored(&truth);
        self.truth = truth;
        self.was_restored = true;
    }

    /// The hub's disk has deleted a log.
    pub fn deleted(&mut self, log: LogId) {
        let is_meant = self.is_deleted(log);
        self.check(is_meant, || {
            format!("{log} is gone, and nobody deleted its session")
        });
        self.truth.delete(log);
    }

    /// Whether the log's session was deleted, as the account's log says.
    pub fn is_deleted(&self, log: LogId) -> bool {
        let account = self.truth.log(LogId::Account(self.account));
        let deleted = account.map(|account| account.account().deleted());
        match log {
            LogId::Session(session) => deleted.is_some_and(|deleted| deleted.contains(&session)),
            LogId::Account(_) => false,
        }
    }

    /// How a run ended, where it did.
    pub fn outcome(&self, run: RunId) -> Option<&RunOutcome> {
        self.truth.run_outcome(run)
    }
}
