//! The account's log: what the sessions list, the device list and the read marks are folded from.

use std::collections::BTreeMap;

use baton_protocol::{
    AgentDescription, Command, CommandBody, CommandEffect, ErrorCode, Event, EventBody, Principal,
    ReadMarkedEvent, RunnerId, Seq, SessionId, SessionSummary,
};
use serde::{Deserialize, Serialize};

use crate::fold::FoldError;
use crate::new_event::{Decision, NewEvent};

/// The state of one account at one seq.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountState {
    head: Seq,
    name: String,
    principals: BTreeMap<String, LinkedPrincipal>,
    agents: BTreeMap<RunnerId, Vec<AgentDescription>>,
    sessions: BTreeMap<SessionId, SessionSummary>,
    read_marks: BTreeMap<SessionId, Seq>,
}

/// A device or a runner that is or was linked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedPrincipal {
    /// Who.
    pub principal: Principal,
    /// The name that a person gave it.
    pub name: String,
    /// Whether its access was taken away.
    pub revoked: bool,
}

impl AccountState {
    /// Moves the state over one event. Kinds of other logs and of newer versions change nothing.
    ///
    /// # Errors
    /// Where the event's seq does not come after the head.
    pub fn apply(&mut self, event: &Event) -> Result<(), FoldError> {
        if event.seq <= self.head {
            return Err(FoldError::OutOfOrder {
                seq: event.seq,
                head: self.head,
            });
        }
        match &event.body {
            EventBody::AccountOpened(body) => self.name.clone_from(&body.name),
            EventBody::DeviceLinked(body) => {
                if let Some(id) = body.principal.id() {
                    let linked = LinkedPrincipal {
                        principal: body.principal.clone(),
                        name: body.name.clone(),
                        revoked: false,
                    };
                    self.principals.insert(id, linked);
                }
            }
            EventBody::DeviceRevoked(body) => {
                if let Some(linked) = body
                    .principal
                    .id()
                    .and_then(|id| self.principals.get_mut(&id))
                {
                    linked.revoked = true;
                }
                if let Principal::Runner { runner, .. } = &body.principal {
                    self.agents.remove(runner);
                }
            }
            EventBody::AgentsOffered(body) => {
                self.agents.insert(body.runner, body.agents.clone());
            }
            EventBody::SessionSummarized(body) => {
                self.sessions.insert(body.session, body.summary.clone());
            }
            EventBody::ReadMarked(body) => {
                let mark = self.read_marks.entry(body.session).or_default();
                *mark = body.seq.max(*mark);
            }
            _ => {}
        }
        self.head = event.seq;
        Ok(())
    }

    /// The seq up to which this state is folded.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Moves the head to a batch's `upto`.
    pub fn set_head(&mut self, upto: Seq) {
        debug_assert!(upto >= self.head, "a log only grows");
        self.head = upto;
    }

    /// The account's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Devices and runners by id, revoked ones included.
    pub fn devices(&self) -> &BTreeMap<String, LinkedPrincipal> {
        &self.principals
    }

    /// What each runner offers, online or not.
    pub fn agents(&self) -> &BTreeMap<RunnerId, Vec<AgentDescription>> {
        &self.agents
    }

    /// Every session's summary.
    pub fn sessions(&self) -> &BTreeMap<SessionId, SessionSummary> {
        &self.sessions
    }

    /// How far a session was read; 0 where it never was.
    pub fn read_mark(&self, session: SessionId) -> Seq {
        self.read_marks.get(&session).copied().unwrap_or_default()
    }
}

/// Decides a device's command on the account.
pub fn decide_account(state: &AccountState, command: &Command, by: &Principal) -> Decision {
    let CommandBody::MarkRead(mark) = &command.body else {
        return Decision::refuse(ErrorCode::WrongLog.with(
            "this command is not for the account's log",
            "send it to a session's log",
        ));
    };
    // The seq is not checked against the summary, which trails the session's log.
    if !state.sessions.contains_key(&mark.session) {
        return Decision::refuse(ErrorCode::SessionNotFound.with(
            "there is no such session",
            "look at the sessions list again",
        ));
    }
    if mark.seq <= state.read_mark(mark.session) {
        return Decision::accept(CommandEffect::Unchanged, Vec::new());
    }
    let body = EventBody::ReadMarked(ReadMarkedEvent {
        session: mark.session,
        seq: mark.seq,
    });
    Decision::accept(
        CommandEffect::Applied,
        vec![NewEvent {
            by: by.clone(),
            command: Some(command.id),
            producer: None,
            body,
        }],
    )
}
