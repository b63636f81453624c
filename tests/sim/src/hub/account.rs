//! The account's actor: as `actor::account` in the hub.

use baton_log::{Appended, NewReceipt};
use baton_protocol::{
    AccountId, AccountOpenedEvent, AgentDescription, AgentsOfferedEvent, Command,
    DeviceLinkedEvent, ErrorBody, ErrorCode, EventBody, HubFrame, LogId, Principal, RunnerId,
    SessionSummarizedEvent,
};
use baton_session::{AccountState, NewEvent, decide_account};

use super::actor::{digest, known_answer, refusal};
use super::commit::{CommitError, Writer};
use super::connection::Caller;
use super::deletion::Deletion;
use super::process::{Shared, StartFailed};
use crate::sim::Sim;

const STORAGE_RETRY_MS: u64 = 1_000;

/// The account in the hub's memory.
pub struct AccountActor {
    account: AccountId,
    writer: Writer,
    state: AccountState,
    broken: Option<ErrorBody>,
    mend_ms: u64,
    summaries_ms: u64,
}

impl AccountActor {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            account,
            writer: Writer::new(LogId::Account(account)),
            state: AccountState::default(),
            broken: None,
            mend_ms: 0,
            summaries_ms: 0,
        }
    }

    /// Reads the log; opens it where there is none, and records who is linked.
    pub(super) fn start(&mut self, sim: &mut Sim, shared: &mut Shared) -> Result<(), StartFailed> {
        self.fold(sim).map_err(|_| StartFailed)?;
        shared.deleted = self.state.deleted().clone();
        let account = self.account;
        let mut events = Vec::new();
        if !self.writer.exists() {
            let name = "somebody".to_owned();
            events.push(EventBody::AccountOpened(AccountOpenedEvent {
                account,
                name,
            }));
        }
        let devices = sim.cast.devices.iter().map(|device| Principal::Device {
            account,
            device: *device,
        });
        let runners = sim.cast.runners.iter().map(|runner| Principal::Runner {
            runner: *runner,
            agent: None,
        });
        let is_new = |principal: &Principal| {
            let id = principal.id();
            id.is_some_and(|id| !self.state.devices().contains_key(&id))
        };
        let linked = devices.chain(runners).filter(is_new).map(|principal| {
            let name = "a device".to_owned();
            EventBody::DeviceLinked(DeviceLinkedEvent { principal, name })
        });
        events.extend(linked);
        for event in events {
            self.commit(sim, shared, vec![by_hub(event)], None)
                .map_err(|_| StartFailed)?;
        }
        Ok(())
    }

    /// What the log says now.
    pub fn state(&self) -> &AccountState {
        &self.state
    }

    fn fold(&mut self, sim: &mut Sim) -> Result<(), ErrorBody> {
        let mut state = AccountState::default();
        self.writer.load(sim, |events, upto| {
            for event in &events {
                let applied = state.apply(event);
                applied.map_err(|error| ErrorCode::Internal.with(error.to_string(), ""))?;
            }
            state.set_head(upto);
            Ok(())
        })?;
        self.state = state;
        Ok(())
    }

    fn mend(&mut self, sim: &mut Sim, shared: &mut Shared) {
        if self.broken.is_some() && self.mend_ms <= sim.now_ms {
            self.mend_ms = sim.now_ms + STORAGE_RETRY_MS;
            self.broken = self.fold(sim).err();
            for session in self.state.deleted() {
                shared.hide(*session);
            }
        }
    }

    /// A device's command on the account.
    pub(super) fn command(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        caller: &Caller,
        command: &Command,
    ) -> Vec<HubFrame> {
        self.mend(sim, shared);
        let digest = digest(command);
        match self.writer.receipt(sim, command.id) {
            Ok(Some(stored)) => return known_answer(command, digest, stored),
            Ok(None) => {}
            Err(error) => return refusal(command.log, Some(command.id), error),
        }
        let decision = decide_account(&self.state, command, &caller.principal);
        let receipt = NewReceipt {
            command: command.id,
            digest,
            outcome: decision.outcome,
        };
        match self.commit(sim, shared, decision.events, Some(receipt)) {
            Ok(appended) => {
                let receipt = appended.receipt.expect("an append gives its receipt back");
                vec![HubFrame::Receipt { receipt }]
            }
            Err(CommitError::Known(stored)) => known_answer(command, digest, *stored),
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                refusal(command.log, Some(command.id), error)
            }
            Err(CommitError::Crashed) => Vec::new(),
        }
    }

    /// A runner said what it offers.
    pub(super) fn offered(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        runner: RunnerId,
        agents: Vec<AgentDescription>,
    ) {
        self.mend(sim, shared);
        if self.state.agents().get(&runner) == Some(&agents) {
            return;
        }
        let by = Principal::Runner {
            runner,
            agent: None,
        };
        let body = EventBody::AgentsOffered(AgentsOfferedEvent { runner, agents });
        let event = NewEvent { by, ..by_hub(body) };
        // Where the storage refuses, the next arrival records it.
        let _ = self.commit(sim, shared, vec![event], None);
    }

    pub(super) fn wake_ms(&self, shared: &Shared) -> Option<u64> {
        (!shared.summaries.is_empty()).then_some(self.summaries_ms)
    }

    /// Records the newest summaries.
    pub(super) fn tick(&mut self, sim: &mut Sim, shared: &mut Shared) {
        if shared.summaries.is_empty() || self.summaries_ms > sim.now_ms {
            return;
        }
        self.mend(sim, shared);
        let taken = std::mem::take(&mut shared.summaries);
        let known = self.state.sessions();
        let news = taken
            .iter()
            .filter(|(session, summary)| known.get(session) != Some(summary))
            .filter(|(session, _)| !self.state.deleted().contains(session));
        let events: Vec<NewEvent> = news
            .map(|(session, summary)| {
                by_hub(EventBody::SessionSummarized(SessionSummarizedEvent {
                    session: *session,
                    summary: summary.clone(),
                }))
            })
            .collect();
        let is_recorded = events.is_empty() || self.commit(sim, shared, events, None).is_ok();
        let rest_ms = if is_recorded {
            sim.hub_rng.below(40)
        } else {
            shared.summaries = taken;
            STORAGE_RETRY_MS
        };
        self.summaries_ms = sim.now_ms + rest_ms;
    }

    fn commit(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
    ) -> Result<Appended, CommitError> {
        if let Some(error) = &self.broken {
            return Err(CommitError::Refused(error.clone()));
        }
        let appended = match self.writer.append(sim, self.state.head(), events, receipt) {
            Ok(appended) => appended,
            Err(CommitError::Broken(error)) => {
                self.broken = Some(error.clone());
                return Err(CommitError::Broken(error));
            }
            Err(error) => return Err(error),
        };
        for event in &appended.events {
            if let Err(error) = self.state.apply(event) {
                sim.checker
                    .violated(format!("the account cannot fold what it decided: {error}"));
            }
        }
        let (log, incarnation) = (self.writer.log, appended.incarnation);
        shared.publish(sim, log, incarnation, appended.after, &appended.events);
        for event in &appended.events {
            if let EventBody::SessionDeleted(body) = &event.body {
                shared.hide(body.session);
                shared.deletions.push(Deletion {
                    at_ms: sim.now_ms + sim.hub_rng.skewed(40),
                    session: body.session,
                    by: Some(event.by.clone()),
                });
            }
        }
        Ok(appended)
    }
}

fn by_hub(body: EventBody) -> NewEvent {
    NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body,
    }
}
