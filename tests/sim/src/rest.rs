//! The end of a simulation: nothing breaks any more, everything comes to rest, and then everything must agree.

use anyhow::Result;
use baton_protocol::{
    CommandBody, Cursor, LogId, ResumeQueueCommand, Seq, SessionId, SessionSummary,
};
use baton_session::{AccountState, NoTranscript, SessionState};

use crate::device::Device;
use crate::world::World;

/// How often it is looked whether everything is at rest.
const LOOK_EVERY_MS: u64 = 2_000;

/// How long it may take: many answers of a slow model, one after the other.
const REST_MS_MAX: u64 = 3_600_000;

/// How often a person lets a paused queue go on.
const RESUMES_MAX: usize = 2;

impl World {
    pub(crate) fn come_to_rest(&mut self) -> Result<()> {
        self.heal()?;
        let until_ms = self.sim.now_ms + REST_MS_MAX;
        let mut resumes = 0;
        let mut was_quiet_at = None;
        while self.sim.checker.violation().is_none() {
            self.look_everywhere()?;
            let next_ms = self.sim.now_ms + LOOK_EVERY_MS;
            self.run_until(next_ms)?;
            let recorded = self.recorded();
            match self.noise() {
                // Twice in a row, with nothing in between: nothing is on its way either.
                None if was_quiet_at == Some(recorded) => {
                    if resumes < RESUMES_MAX && self.resume_queues()? {
                        resumes += 1;
                        was_quiet_at = None;
                    } else {
                        return self.agree();
                    }
                }
                None => was_quiet_at = Some(recorded),
                Some(noise) if self.sim.now_ms > until_ms => {
                    self.sim
                        .checker
                        .violated(format!("it never comes to rest: {noise}"));
                }
                Some(_) => was_quiet_at = None,
            }
        }
        Ok(())
    }

    fn heal(&mut self) -> Result<()> {
        self.sim.note(format_args!("from now on nothing breaks"));
        let now_ms = self.sim.now_ms;
        self.sim.net.heal();
        self.sim.store.heal();
        self.hub.paused_until_ms = self.hub.paused_until_ms.min(now_ms);
        if self.sim.store.has_failed() {
            self.kill_hub(0)?;
        }
        if self.hub.process.is_none() {
            self.hub.start_ms = Some(now_ms);
        }
        self.devices
            .iter_mut()
            .for_each(|device| device.heal(now_ms));
        self.runners
            .iter_mut()
            .for_each(|runner| runner.heal(now_ms));
        Ok(())
    }

    /// Every device looks at every session, whether there is one or not: a session that a restored hub does not have any more is
    /// dropped when somebody looks at it. One that was deleted is in no list: nobody can look at it, and it must be dropped all the same.
    fn look_everywhere(&mut self) -> Result<()> {
        for device in &mut self.devices {
            for (number, session) in self.sim.cast.sessions.clone().into_iter().enumerate() {
                let is_listed = !self.sim.checker.is_deleted(LogId::Session(session));
                if is_listed && device.is_on() {
                    device.look_at(&mut self.sim, number)?;
                }
            }
        }
        Ok(())
    }

    fn recorded(&self) -> u64 {
        let logs = self.sim.checker.truth().logs();
        logs.map(|(_, log)| log.head().0).sum()
    }

    /// What is still going on.
    fn noise(&self) -> Option<String> {
        let Some(process) = &self.hub.process else {
            return Some("the hub is away".to_owned());
        };
        if !process.is_quiet() {
            return Some("the hub has something to record".to_owned());
        }
        let some_runner = self.runners.iter().any(|runner| runner.is_alive());
        for (log, known) in self.sim.checker.truth().logs() {
            if let Some(run) = known.session().active_runs().next() {
                return Some(format!("run `{}` is on in {log}", run.run));
            }
            if some_runner && let Some(prompt) = known.session().next_prompt() {
                return Some(format!("prompt `{}` waits in {log}", prompt.prompt));
            }
            // A device on a dead line believes that it is level.
            let is_behind = |(number, device): (usize, &Device)| {
                !device.is_caught_up(log) || !self.sim.checker.is_level(number, log)
            };
            let behind = self.devices.iter().enumerate().position(is_behind);
            if let Some(device) = behind {
                return Some(format!("device {device} is behind in {log}"));
            }
        }
        let strays = self
            .devices
            .iter()
            .enumerate()
            .find_map(|(number, _)| Some((number, self.sim.checker.stray(number)?)));
        if let Some((device, log)) = strays {
            // It has not heard yet that the hub was restored without it.
            return Some(format!("device {device} still has {log}"));
        }
        if let Some(device) = self.devices.iter().position(|device| !device.is_quiet()) {
            return Some(format!("device {device} has something to say"));
        }
        if let Some(device) = self.devices.iter().position(|device| !device.is_whole()) {
            return Some(format!("device {device} lacks some history"));
        }
        let busy = self.runners.iter().position(|runner| !runner.is_quiet());
        busy.map(|runner| format!("runner {runner} is busy"))
    }

    /// A person lets queues go on that are paused and hold something. Whether there was one.
    fn resume_queues(&mut self) -> Result<bool> {
        if !self.runners.iter().any(|runner| runner.is_alive()) {
            return Ok(false);
        }
        let truth = self.sim.checker.truth();
        let paused: Vec<LogId> = truth
            .logs()
            .filter(|(_, known)| {
                let state = known.session();
                state.pause().is_some() && !state.queue().is_empty()
            })
            .map(|(log, _)| log)
            .collect();
        for log in &paused {
            let body = CommandBody::ResumeQueue(ResumeQueueCommand {});
            self.devices[0].want(&mut self.sim, *log, vec![body])?;
        }
        Ok(!paused.is_empty())
    }

    /// The hub's log, its memory and every mirror say the same as the checker.
    fn agree(&mut self) -> Result<()> {
        if let Some((command, device)) = self.sim.checker.unanswered() {
            let what = "is answered by nobody and waits nowhere";
            self.sim
                .checker
                .violated(format!("`{command}` of device {device} {what}"));
        }
        let logs: Vec<LogId> = self
            .sim
            .checker
            .truth()
            .logs()
            .map(|(log, _)| log)
            .collect();
        for log in &logs {
            self.hub_agrees(*log)?;
            for device in 0..self.devices.len() {
                self.device_agrees(device, *log)?;
            }
        }
        for device in 0..self.devices.len() {
            let strays = self.devices[device].mirror_mut().cursors()?;
            let is_stray = |log: &LogId| !logs.contains(log);
            if let Some((log, _)) = strays.iter().find(|(log, _)| is_stray(log)) {
                self.sim
                    .checker
                    .violated(format!("device {device} keeps {log}, which is not there"));
            }
        }
        self.deleted_are_gone();
        self.summaries_agree();
        Ok(())
    }

    fn hub_agrees(&mut self, log: LogId) -> Result<()> {
        let (mut session, mut account) = (SessionState::default(), AccountState::default());
        let mut after = Seq::ZERO;
        loop {
            let limit = self.sim.read_limit();
            let batch = match self.sim.store.read(log, after, limit) {
                Ok(batch) => batch,
                Err(error) => {
                    self.sim
                        .checker
                        .violated(format!("{log} cannot be read: {error}"));
                    return Ok(());
                }
            };
            for event in &batch.events {
                let folded = match log {
                    LogId::Session(_) => session.apply(event, &mut NoTranscript),
                    LogId::Account(_) => account.apply(event),
                };
                if let Err(error) = folded {
                    self.sim
                        .checker
                        .violated(format!("{log} does not fold: {error}"));
                    return Ok(());
                }
            }
            match log {
                LogId::Session(_) => session.set_head(batch.upto),
                LogId::Account(_) => account.set_head(batch.upto),
            }
            after = batch.upto;
            if batch.upto >= batch.head {
                break;
            }
        }
        let truth = self.sim.checker.truth();
        let Some(known) = truth.log(log) else {
            return Ok(());
        };
        let mut wrong = None;
        let same = match log {
            LogId::Session(id) => {
                let process = self.hub.process.as_ref();
                let memory = process.and_then(|process| process.actor(id));
                if memory.is_some_and(|actor| actor.state() != known.session()) {
                    wrong = Some(format!("the hub's memory of {log} is not its log"));
                }
                session == *known.session()
            }
            LogId::Account(_) => account == *known.account(),
        };
        if !same {
            wrong = Some(format!("the log of {log} is not what was recorded"));
        }
        for (command, receipt) in known.receipts() {
            let kept = self.sim.store.receipt(log, *command).ok().flatten();
            if kept.map(|kept| kept.receipt) != Some(receipt.clone()) {
                wrong = Some(format!("the receipt of `{command}` is gone from {log}"));
            }
        }
        if let Some(wrong) = wrong {
            self.sim.checker.violated(wrong);
        }
        Ok(())
    }

    fn device_agrees(&mut self, device: usize, log: LogId) -> Result<()> {
        let truth = self.sim.checker.truth();
        let Some(known) = truth.log(log) else {
            return Ok(());
        };
        let mirror = self.devices[device].mirror_mut();
        let stands = Cursor {
            incarnation: known.incarnation(),
            seq: known.head(),
        };
        let cursors = mirror.cursors()?;
        let is_level = cursors.contains(&(log, stands));
        let is_same = match log {
            LogId::Session(session) => {
                mirror.session(session)?.as_ref() == Some(known.session())
                    && mirror.has_rows(session, (known.session(), known.transcript()))?
            }
            LogId::Account(_) => mirror.account(log)?.as_ref() == Some(known.account()),
        };
        if !is_level || !is_same {
            self.sim.checker.violated(format!(
                "device {device} does not agree with the hub on {log}: level {is_level}, same {is_same}"
            ));
        }
        Ok(())
    }

    /// Of a session that was deleted, nothing is left on the hub's disk.
    fn deleted_are_gone(&mut self) {
        let logs = self.sim.cast.sessions.iter().copied().map(LogId::Session);
        let mut deleted = logs.filter(|log| self.sim.checker.is_deleted(*log));
        let kept = deleted.find(|log| !matches!(self.sim.store.head(*log), Ok(None)));
        if let Some(log) = kept {
            let what = "was deleted, and is still there";
            self.sim.checker.violated(format!("{log} {what}"));
        }
    }

    /// The sessions list says what the sessions say.
    fn summaries_agree(&mut self) {
        let truth = self.sim.checker.truth();
        let account = truth.log(LogId::Account(self.sim.cast.account));
        let listed = account.map(|account| account.account().sessions());
        let plain = |summary: SessionSummary| SessionSummary {
            seq: Seq::ZERO,
            ..summary
        };
        let wrong = truth.logs().find_map(|(log, known)| {
            let LogId::Session(session) = log else {
                return None;
            };
            let said = listed.and_then(|listed| listed.get(&session).cloned());
            let is = known.session().summary();
            let differs = said.map(plain) != is.map(plain);
            differs.then_some(session)
        });
        if let Some(session) = wrong {
            let session: SessionId = session;
            self.sim
                .checker
                .violated(format!("the list says something else of session {session}"));
        }
    }
}
