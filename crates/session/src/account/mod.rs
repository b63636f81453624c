//! The account's log: sessions list, device list, read marks, folders, drafts and standing approvals are folded from it.

mod decide;

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::{
    AgentDescription, ApprovalAnswer, ApprovalId, ApprovalScope, Event, EventBody, FolderId,
    Principal, RunnerId, Seq, SessionId, SessionSummary, limits,
};
use serde::{Deserialize, Serialize};

pub use decide::decide_account;

use crate::fold::FoldError;
use crate::state::StandingApproval;

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
    #[serde(default)]
    places: BTreeMap<SessionId, SessionPlace>,
    #[serde(default)]
    folders: BTreeMap<FolderId, String>,
    #[serde(default)]
    deleted: BTreeSet<SessionId>,
    #[serde(default)]
    drafts: BTreeMap<SessionId, Draft>,
    #[serde(default)]
    grants: BTreeMap<ApprovalId, StandingApproval>,
}

/// Where a session appears in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPlace {
    /// Whether it stays at the top.
    pub pinned: bool,
    pub archived: bool,
    pub folder: Option<FolderId>,
}

/// Text that a person has written but not sent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// The seq of the event that saved it.
    pub seq: Seq,
    pub text: String,
    /// The device that saved it.
    pub by: Principal,
}

/// A device or runner that is or was linked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedPrincipal {
    pub principal: Principal,
    /// The name that a person gave it.
    pub name: String,
    /// Whether its access was revoked.
    pub revoked: bool,
}

impl AccountState {
    /// See [`crate::SessionState::FORMAT`].
    pub const FORMAT: u32 = 2;

    /// Moves the state over one event. Events of other logs and of newer versions change nothing but the head.
    ///
    /// # Errors
    /// If the event's seq does not come after the head.
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
            // A summary may have been under way when the session was deleted.
            EventBody::SessionSummarized(body) if !self.deleted.contains(&body.session) => {
                self.sessions.insert(body.session, body.summary.clone());
            }
            EventBody::ReadMarked(body) => {
                let mark = self.read_marks.entry(body.session).or_default();
                *mark = body.seq.max(*mark);
            }
            body => self.apply_order(event, body),
        }
        self.head = event.seq;
        Ok(())
    }

    /// Applies events about pins, archive, folders, deletion, drafts and standing approvals.
    fn apply_order(&mut self, event: &Event, body: &EventBody) {
        match body {
            EventBody::SessionPinned(body) => self.place(body.session).pinned = body.pinned,
            EventBody::SessionArchived(body) => self.place(body.session).archived = body.archived,
            EventBody::SessionFiled(body) => self.place(body.session).folder = body.folder,
            EventBody::SessionDeleted(body) => {
                self.sessions.remove(&body.session);
                self.read_marks.remove(&body.session);
                self.places.remove(&body.session);
                self.drafts.remove(&body.session);
                self.deleted.insert(body.session);
            }
            EventBody::FolderNamed(body) => {
                self.folders.insert(body.folder, body.name.clone());
            }
            EventBody::FolderRemoved(body) => {
                self.folders.remove(&body.folder);
                for place in self.places.values_mut() {
                    place.folder.take_if(|folder| *folder == body.folder);
                }
            }
            EventBody::DraftSaved(body) => {
                let draft = Draft {
                    seq: event.seq,
                    text: body.text.clone(),
                    by: event.by.clone(),
                };
                self.drafts.insert(body.session, draft);
                if body.text.is_empty() {
                    self.forget_empty_drafts();
                }
            }
            EventBody::ApprovalGranted(body) => {
                let grant = StandingApproval {
                    covers: body.covers.clone(),
                    answer: ApprovalAnswer::Allow,
                    scope: ApprovalScope::Always,
                    by: body.by.clone(),
                };
                self.grants.insert(body.grant, grant);
            }
            EventBody::ApprovalGrantRevoked(body) => {
                self.grants.remove(&body.grant);
            }
            _ => {}
        }
    }

    /// Forgets the oldest emptied drafts of sessions that were never created, which would otherwise pile up.
    fn forget_empty_drafts(&mut self) {
        let sessions = &self.sessions;
        let is_left = |(session, draft): &(&SessionId, &Draft)| {
            draft.text.is_empty() && !sessions.contains_key(session)
        };
        let mut left: Vec<(Seq, SessionId)> = self
            .drafts
            .iter()
            .filter(is_left)
            .map(|(session, draft)| (draft.seq, *session))
            .collect();
        left.sort_unstable();
        let too_many = left.len().saturating_sub(limits::EMPTY_DRAFTS_KEPT);
        for (_, session) in &left[..too_many] {
            self.drafts.remove(session);
        }
    }

    fn place(&mut self, session: SessionId) -> &mut SessionPlace {
        self.places.entry(session).or_default()
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

    /// How far a session was read; 0 if it never was.
    pub fn read_mark(&self, session: SessionId) -> Seq {
        self.read_marks.get(&session).copied().unwrap_or_default()
    }

    /// Where a session appears in the list.
    pub fn place_of(&self, session: SessionId) -> SessionPlace {
        self.places.get(&session).copied().unwrap_or_default()
    }

    /// Folders by id, with their names.
    pub fn folders(&self) -> &BTreeMap<FolderId, String> {
        &self.folders
    }

    /// Sessions that were deleted.
    pub fn deleted(&self) -> &BTreeSet<SessionId> {
        &self.deleted
    }

    /// The draft of a session, which may be empty.
    pub fn draft(&self, session: SessionId) -> Option<&Draft> {
        self.drafts.get(&session)
    }

    /// Drafts by session, including emptied ones.
    pub fn drafts(&self) -> &BTreeMap<SessionId, Draft> {
        &self.drafts
    }

    /// Standing approvals of the whole account, keyed by the approval that was answered.
    pub fn grants(&self) -> &BTreeMap<ApprovalId, StandingApproval> {
        &self.grants
    }
}
