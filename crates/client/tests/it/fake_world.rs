//! What the fake hub serves: one account, sessions that the real session machine writes, and receipts that stay forever.

use std::collections::HashMap;

use baton_protocol::{
    AccountId, AccountOpenedEvent, Batch, ClientFrame, Command, CommandBody, CommandEffect,
    CommandId, DeviceId, ErrorBody, Event, EventBody, Incarnation, LogId, Principal,
    ReadMarkedEvent, Receipt, ReceiptOutcome, Seq, SessionId, SessionSummarizedEvent, TimestampMs,
};

use baton_session::{AccountState, decide_account};

use crate::script::Script;

/// What goes wrong, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    #[default]
    None,
    /// Cuts the connection in the middle of the next batch frame of a session that has events.
    CutInBatch,
    /// Carries out the next command, and cuts the connection before the receipt.
    CutBeforeReceipt,
    /// Closes the connection with this code after the greeting.
    Close(u16),
}

pub struct World {
    pub account: AccountId,
    pub device: DeviceId,
    pub account_events: Vec<Event>,
    pub sessions: HashMap<SessionId, Script>,
    pub receipts: HashMap<CommandId, Receipt>,
    /// Refuses every creation of a session with this error.
    pub refuse_creation: Option<ErrorBody>,
    pub fault: Fault,
    pub connections: u32,
    /// Connections up to this number no longer read or answer.
    pub muted_through: u32,
    pub received: Vec<ClientFrame>,
    account_incarnation: Incarnation,
}

impl World {
    pub fn new(account: AccountId) -> Self {
        let mut world = Self {
            account,
            device: DeviceId::mint(),
            account_events: Vec::new(),
            sessions: HashMap::new(),
            receipts: HashMap::new(),
            refuse_creation: None,
            fault: Fault::None,
            connections: 0,
            muted_through: 0,
            received: Vec::new(),
            account_incarnation: Incarnation::mint(),
        };
        let name = "me".into();
        world.record_account(EventBody::AccountOpened(AccountOpenedEvent {
            account,
            name,
        }));
        world
    }

    pub fn record_account(&mut self, body: EventBody) {
        self.record_account_by(Principal::Hub, body);
    }

    pub fn record_account_by(&mut self, by: Principal, body: EventBody) {
        let seq = Seq(self.account_events.len() as u64 + 1);
        self.account_events.push(Event {
            seq,
            recorded_at: TimestampMs(i64::try_from(seq.0).unwrap()),
            by,
            command: None,
            producer: None,
            body,
        });
    }

    /// The device that is linked to this hub, as long as it keeps its directory.
    pub fn principal(&self) -> Principal {
        Principal::Device {
            account: self.account,
            device: self.device,
        }
    }

    /// Lets the real account machine answer a command of the device.
    fn on_account(&mut self, command: &Command) -> ReceiptOutcome {
        let mut state = AccountState::default();
        for event in &self.account_events {
            state.apply(event).unwrap();
        }
        let by = self.principal();
        let decision = decide_account(&state, command, &by);
        for event in decision.events {
            self.record_account_by(by.clone(), event.body);
        }
        decision.outcome
    }

    pub fn summarize(&mut self, session: SessionId) {
        let summary = self.sessions[&session].state.summary().unwrap();
        self.record_account(EventBody::SessionSummarized(SessionSummarizedEvent {
            session,
            summary,
        }));
    }

    pub fn add(&mut self, script: Script) -> SessionId {
        let session = script.session;
        self.sessions.insert(session, script);
        self.summarize(session);
        session
    }

    pub fn script(&mut self, session: SessionId) -> &mut Script {
        self.sessions.get_mut(&session).unwrap()
    }

    pub fn commands(&self) -> Vec<Command> {
        let commands = self.received.iter().filter_map(|frame| match frame {
            ClientFrame::Command { command } => Some(command.clone()),
            _ => None,
        });
        commands.collect()
    }

    pub fn incarnation(&self, log: LogId) -> Option<Incarnation> {
        match log {
            LogId::Account(_) => Some(self.account_incarnation),
            LogId::Session(session) => Some(self.sessions.get(&session)?.incarnation),
        }
    }

    pub fn batch(&self, log: LogId, after: u64) -> Option<Batch> {
        match log {
            LogId::Session(session) => {
                let script = self.sessions.get(&session)?;
                Some(script.batch(after, script.head()))
            }
            LogId::Account(_) => {
                let head = self.account_events.len() as u64;
                let events = self.account_events.iter();
                Some(Batch {
                    log,
                    incarnation: self.account_incarnation,
                    after: Seq(after),
                    upto: Seq(head),
                    head: Seq(head),
                    events: events
                        .filter(|event| event.seq.0 > after)
                        .cloned()
                        .collect(),
                })
            }
        }
    }

    pub fn answer(&mut self, command: &Command) -> Receipt {
        if let Some(receipt) = self.receipts.get(&command.id) {
            return receipt.clone();
        }
        let (outcome, seq) = match (command.log, &command.body, &self.refuse_creation) {
            (_, CommandBody::CreateSession(_), Some(error)) => {
                let error = error.clone();
                (ReceiptOutcome::Refused { error }, Seq::ZERO)
            }
            (LogId::Account(_), CommandBody::MarkRead(mark), _) => {
                let (session, seq) = (mark.session, mark.seq);
                self.record_account(EventBody::ReadMarked(ReadMarkedEvent { session, seq }));
                let effect = CommandEffect::Applied;
                (ReceiptOutcome::Accepted { effect }, seq)
            }
            (LogId::Account(_), CommandBody::SaveDraft(_), _) => {
                let outcome = self.on_account(command);
                (outcome, Seq(self.account_events.len() as u64))
            }
            (LogId::Session(session), body, _) => {
                if matches!(body, CommandBody::CreateSession(_)) {
                    let mut script = Script::new(self.account);
                    script.session = session;
                    script.events.clear();
                    script.state = Default::default();
                    self.sessions.insert(session, script);
                }
                let script = self.script(session);
                let outcome = script.command(command);
                let seq = Seq(script.head());
                self.summarize(session);
                (outcome, seq)
            }
            other => panic!("not a command for this hub: {other:?}"),
        };
        let receipt = Receipt {
            command: command.id,
            log: command.log,
            seq,
            recorded_at: TimestampMs(1),
            outcome,
        };
        self.receipts.insert(command.id, receipt.clone());
        receipt
    }
}
