//! State that all screens share: the account, the connection, presence, and the outbox.

use std::collections::{BTreeMap, HashSet};

use baton_protocol::view::{
    AccountView, ConnectionPhase, ConnectionView, OfferedAgent, OpaqueIntentView, PromptState,
    SessionRow, SessionRowState,
};
use baton_protocol::{
    AgentId, Command, CommandBody, CommandId, LogId, Principal, RunnerId, Seq, SessionActivity,
    SessionId, SessionSummary, limits,
};
use baton_session::{AccountState, Draft};

use crate::linked_hub::LinkedHub;
use crate::mirror::{OpaqueIntent, OutboxEntry, OutboxState};
use crate::sync::ConnectionStatus;

/// An accepted intent whose effect is not in the mirror yet.
#[derive(Clone, Debug)]
pub(super) struct Settling {
    pub(super) entry: OutboxEntry,
    /// The seq of its effect.
    pub(super) seq: Seq,
}

pub(super) struct World {
    pub(super) linked: LinkedHub,
    /// In milliseconds; positive if the hub's wall clock is ahead of this device's. `None` until a hub has said.
    pub(super) clock_offset_ms: Option<i64>,
    pub(super) account: AccountState,
    pub(super) status: ConnectionStatus,
    pub(super) presence: Vec<Principal>,
    pub(super) outbox: Vec<OutboxEntry>,
    pub(super) opaque: Vec<OpaqueIntent>,
    pub(super) settling: Vec<Settling>,
    /// Intents of the outbox whose events arrived before their receipts.
    pub(super) landed: HashSet<CommandId>,
    pub(super) caught_up: HashSet<LogId>,
    /// Drafts of deleted sessions: their texts are shown until the next start.
    pub(super) bereft: BTreeMap<SessionId, Draft>,
}

impl World {
    pub(super) fn new(linked: LinkedHub) -> Self {
        Self {
            linked,
            clock_offset_ms: None,
            account: AccountState::default(),
            status: ConnectionStatus {
                phase: ConnectionPhase::Connecting,
                retry_at: None,
                problem: None,
            },
            presence: Vec::new(),
            outbox: Vec::new(),
            opaque: Vec::new(),
            settling: Vec::new(),
            landed: HashSet::new(),
            caught_up: HashSet::new(),
            bereft: BTreeMap::new(),
        }
    }

    pub(super) fn connection(&self) -> ConnectionView {
        // Read marks and drafts are sent without a person waiting for them.
        let unanswered = |entry: &&OutboxEntry| {
            !matches!(entry.state, OutboxState::Refused(_))
                && !matches!(
                    entry.command.body,
                    CommandBody::MarkRead(_) | CommandBody::SaveDraft(_)
                )
        };
        ConnectionView {
            phase: self.status.phase,
            retry_at: self.status.retry_at,
            problem: self.status.problem.clone(),
            hub_name: self.linked.hub_name.clone(),
            clock_offset_ms: self.clock_offset_ms,
            outbox: u32::try_from(self.outbox.iter().filter(unanswered).count())
                .unwrap_or(u32::MAX),
        }
    }

    pub(super) fn opaque_view(&self) -> Vec<OpaqueIntentView> {
        let view = |intent: &OpaqueIntent| OpaqueIntentView {
            ordinal: intent.ordinal,
            session: intent.session,
            text: intent.text.clone(),
            queued_at: intent.queued_at,
        };
        self.opaque.iter().map(view).collect()
    }

    /// Whether the hub hears this device, as far as it knows.
    pub(super) fn is_online(&self) -> bool {
        matches!(
            self.status.phase,
            ConnectionPhase::CatchingUp | ConnectionPhase::Live | ConnectionPhase::Stale
        )
    }

    pub(super) fn account_view(&self) -> AccountView {
        let devices = self.account.devices();
        let names: BTreeMap<String, String> = devices
            .iter()
            .map(|(id, linked)| (id.clone(), linked.name.clone()))
            .collect();
        let mut online: Vec<String> = self.presence.iter().filter_map(Principal::id).collect();
        online.sort();
        online.dedup();
        let offered = self.account.agents().iter().flat_map(|(runner, agents)| {
            agents.iter().map(|agent| OfferedAgent {
                runner: *runner,
                agent: agent.clone(),
            })
        });
        AccountView {
            me: self.linked.principal.clone(),
            log: LogId::Account(self.linked.account),
            names,
            online,
            agents: offered.collect(),
        }
    }

    pub(super) fn can_steer(&self, runner: RunnerId, agent: &AgentId) -> bool {
        let offered = self.account.agents().get(&runner);
        let found = offered.and_then(|agents| agents.iter().find(|known| known.id == *agent));
        found.is_some_and(|agent| agent.can_steer)
    }

    /// Whether a runner that can answer is connected. `true` while offline, because then the device cannot know.
    pub(super) fn runner_online(&self, pinned: Option<RunnerId>, agent: Option<&AgentId>) -> bool {
        if !self.is_online() {
            return true;
        }
        self.presence.iter().any(|principal| {
            let Principal::Runner { runner, .. } = principal else {
                return false;
            };
            let offers = |agent: &AgentId| {
                let offered = self.account.agents().get(runner);
                offered.is_some_and(|agents| agents.iter().any(|known| known.id == *agent))
            };
            pinned.is_none_or(|pinned| pinned == *runner) && agent.is_none_or(offers)
        })
    }

    /// How far a prompt in this device's outbox is.
    pub(super) fn prompt_state(&self, entry: &OutboxEntry) -> PromptState {
        match (&entry.state, self.status.phase) {
            (OutboxState::Refused(error), _) => PromptState::Refused {
                error: error.clone(),
            },
            (_, _) if self.is_online() => PromptState::Sending,
            (OutboxState::Waiting, _) => PromptState::WaitingForHub,
            (OutboxState::Sent, _) => PromptState::Unknown,
        }
    }

    /// Intents for a log whose effects its mirror does not show yet, in order.
    pub(super) fn intents_for(&self, log: LogId) -> impl Iterator<Item = &OutboxEntry> {
        let unseen = move |entry: &&OutboxEntry| {
            entry.command.log == log && !self.landed.contains(&entry.command.id)
        };
        let settling = self.settling.iter().map(|settling| &settling.entry);
        settling
            .filter(move |entry| entry.command.log == log)
            .chain(self.outbox.iter().filter(unseen))
    }

    /// The sessions list in display order.
    pub(super) fn session_rows(&self) -> Vec<SessionRow> {
        let known = self.account.sessions();
        let mut rows: Vec<SessionRow> = known
            .iter()
            .filter(|(session, _)| !self.account.place_of(**session).archived)
            .map(|(session, summary)| self.session_row(*session, summary))
            .collect();
        rows.extend(self.unsent_sessions());
        rows.sort_by_key(|row| {
            let newest_first = std::cmp::Reverse(row.updated_at);
            let unpinned = !self.account.place_of(row.session).pinned;
            (rank(&row.state), unpinned, newest_first, row.session)
        });
        rows
    }

    fn session_row(&self, session: SessionId, summary: &SessionSummary) -> SessionRow {
        let is_unread = summary.finished_seq > self.account.read_mark(session);
        SessionRow {
            session,
            title: title_of(summary.title.as_deref(), &summary.preview),
            state: row_state(summary, is_unread),
            updated_at: summary.updated_at,
            queued: summary.queued,
        }
    }

    /// Sessions that exist only in the outbox.
    fn unsent_sessions(&self) -> impl Iterator<Item = SessionRow> {
        let entries = self
            .outbox
            .iter()
            .chain(self.settling.iter().map(|settling| &settling.entry));
        entries.filter_map(|entry| {
            let (LogId::Session(session), CommandBody::CreateSession(create)) =
                (entry.command.log, &entry.command.body)
            else {
                return None;
            };
            if self.account.sessions().contains_key(&session) {
                return None;
            }
            let preview = self.unsent_preview(entry.command.log);
            Some(SessionRow {
                session,
                title: title_of(create.title.as_deref(), &preview),
                state: SessionRowState::NotSent,
                updated_at: entry.queued_at,
                queued: 0,
            })
        })
    }

    /// The beginning of the first prompt, for a session that the hub does not have.
    pub(super) fn unsent_preview(&self, log: LogId) -> String {
        let text = self
            .intents_for(log)
            .find_map(|entry| prompt_text(&entry.command));
        let text = text.unwrap_or_default();
        text.chars().take(limits::PREVIEW_CHARS_MAX).collect()
    }

    /// Whether the account's log says that the session is deleted.
    pub(super) fn is_deleted(&self, session: SessionId) -> bool {
        self.account.deleted().contains(&session)
    }

    pub(super) fn session_title(&self, session: SessionId) -> String {
        match self.account.sessions().get(&session) {
            Some(summary) => title_of(summary.title.as_deref(), &summary.preview),
            None => self.unsent_preview(LogId::Session(session)),
        }
    }
}

fn row_state(summary: &SessionSummary, is_unread: bool) -> SessionRowState {
    match &summary.activity {
        _ if summary.open_approvals > 0 => SessionRowState::NeedsYou,
        SessionActivity::Running { started_at, .. } => SessionRowState::Running {
            started_at: *started_at,
        },
        SessionActivity::Failed { .. } if is_unread => SessionRowState::Failed,
        _ if is_unread => SessionRowState::Unread,
        SessionActivity::Waiting => SessionRowState::Waiting,
        // The failure was read; the prompts that it paused are still waiting.
        SessionActivity::Failed { .. } if summary.queued > 0 => SessionRowState::Waiting,
        SessionActivity::Failed { .. } | SessionActivity::Idle => SessionRowState::Idle,
    }
}

pub(super) fn title_of(title: Option<&str>, preview: &str) -> String {
    title.unwrap_or(preview).to_owned()
}

fn prompt_text(command: &Command) -> Option<&str> {
    match &command.body {
        CommandBody::SendPrompt(prompt) => Some(&prompt.text),
        _ => None,
    }
}

fn rank(state: &SessionRowState) -> u8 {
    match state {
        SessionRowState::NeedsYou => 0,
        SessionRowState::Failed => 1,
        SessionRowState::Unread => 2,
        SessionRowState::Running { .. } => 3,
        SessionRowState::Waiting => 4,
        SessionRowState::NotSent => 5,
        SessionRowState::Idle => 6,
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{RunId, TimestampMs};

    use super::*;

    #[test]
    fn prompts_that_wait_behind_a_failure_show_once_it_was_read() {
        let lost = |queued| SessionSummary {
            seq: Seq(9),
            created_at: TimestampMs(0),
            title: None,
            preview: String::new(),
            agent: AgentId("assistant".to_owned()),
            activity: SessionActivity::Failed { run: RunId::mint() },
            queued,
            open_approvals: 0,
            finished_seq: Seq(9),
            updated_at: TimestampMs(0),
        };
        let states = [(1, true), (1, false), (0, false)]
            .map(|(queued, is_unread)| row_state(&lost(queued), is_unread));
        assert_eq!(
            states,
            [
                SessionRowState::Failed,
                SessionRowState::Waiting,
                SessionRowState::Idle
            ]
        );
    }
}
