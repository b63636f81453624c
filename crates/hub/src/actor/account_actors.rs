//! The accounts' actors, started with the hub and kept until it stops, and the summaries that wait for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use baton_protocol::{AccountId, Command, ErrorBody, LogId, Principal, SessionId, SessionSummary};
use baton_session::AccountState;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::account::{AccountActor, STORAGE_RETRY};
use super::answer::{self, Answer};
use super::attention::Need;
use super::message::{AccountFact, AccountMessage};
use super::session_actors::SessionActors;
use crate::authorize::Caller;
use crate::config::ACTOR_MAILBOX_MAX;
use crate::core::HubCore;
use crate::credentials::{Account, PrincipalRecord};
use crate::tasks::TaskGroup;

/// Where the actors are found.
#[derive(Default)]
pub struct AccountActors {
    live: RwLock<HashMap<AccountId, LiveAccount>>,
}

#[derive(Clone)]
struct LiveAccount {
    mailbox: mpsc::Sender<AccountMessage>,
    pending: Arc<PendingSummaries>,
}

impl AccountActors {
    /// Starts an account's actor: opens its log where there is none, and records who was linked or revoked while no hub could.
    /// Gives the account's state.
    pub async fn start(
        core: &Arc<HubCore>,
        account: &Account,
        linked: &[PrincipalRecord],
    ) -> Result<AccountState, ErrorBody> {
        let pending = Arc::new(PendingSummaries::default());
        let mut actor = AccountActor::load(
            Arc::clone(core),
            account.id,
            &account.name,
            Arc::clone(&pending),
        )
        .await?;
        for record in linked.iter().filter(|record| record.account == account.id) {
            let principal = record.principal.clone();
            actor
                .record_fact(AccountFact::Linked {
                    principal: principal.clone(),
                    name: record.name.clone(),
                })
                .await?;
            if record.revoked_at.is_some() {
                actor
                    .record_fact(AccountFact::Revoked { principal })
                    .await?;
            }
        }
        let state = actor.state().clone();
        let (mailbox, messages) = mpsc::channel(ACTOR_MAILBOX_MAX);
        let live = LiveAccount { mailbox, pending };
        core.accounts
            .live
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account.id, live);
        core.tasks
            .spawn(TaskGroup::Accounts, "account actor", actor.run(messages));
        Ok(state)
    }

    fn live(&self, account: AccountId) -> Option<LiveAccount> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&account)
            .cloned()
    }

    /// Notes what the list shows of a session now. Never waits: the newest summary stands for all before it.
    pub fn summarize(&self, account: AccountId, session: SessionId, summary: SessionSummary) {
        if let Some(live) = self.live(account) {
            live.pending.note(session, summary);
        }
    }

    /// Puts a command into the account's mailbox. Waits while the mailbox is full.
    pub async fn request(
        &self,
        caller: Caller,
        account: AccountId,
        command: Command,
    ) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let message = AccountMessage::Command {
            caller,
            command,
            arrived: Instant::now(),
            answer,
        };
        if let Some(live) = self.live(account) {
            // An actor that is gone drops the message: whoever waits sees that there will be no answer.
            let _ = live.mailbox.send(message).await;
        }
        answered
    }

    /// Records a fact; returns when it is durable.
    pub async fn record(&self, account: AccountId, fact: AccountFact) -> Result<(), ErrorBody> {
        let Some(live) = self.live(account) else {
            return Err(answer::stopping());
        };
        let (done, recorded) = oneshot::channel();
        if live
            .mailbox
            .send(AccountMessage::Record { fact, done })
            .await
            .is_err()
        {
            return Err(answer::stopping());
        }
        recorded
            .await
            .unwrap_or_else(|_| Err(answer::interrupted()))
    }
}

/// Records somebody's access as soon as the storage takes it. What the hub does not get to, its next start does.
pub fn record_access_later(core: &Arc<HubCore>, record: PrincipalRecord) {
    let core_again = Arc::clone(core);
    core.tasks
        .spawn(TaskGroup::Edge, "access to be recorded", async move {
            let core = core_again;
            while rested(&core.stopping).await && !record_access(&core, &record).await {}
        });
}

/// Records a fact of a session's actor, which must not wait for it, as soon as the storage takes it. A hub that dies before has
/// forgotten it: then the person is asked once more.
pub fn record_later(core: &Arc<HubCore>, account: AccountId, fact: AccountFact) {
    let hub = Arc::clone(core);
    let work = async move {
        while hub.accounts.record(account, fact.clone()).await.is_err()
            && rested(&hub.sessions_stopping).await
        {}
    };
    core.tasks
        .spawn(TaskGroup::Sessions, "a fact for the account", work);
}

/// Ends what still goes on in a session that is deleted, and then deletes its log, without waiting for it.
pub fn delete_later(core: &Arc<HubCore>, account: AccountId, session: SessionId, by: Principal) {
    let hub = Arc::clone(core);
    let work = async move {
        SessionActors::delete(&hub, session, by).await;
        // Also where its actor could not read the log, and did not know whose it was.
        hub.attention.note(session, account, Need::Nothing);
        delete_log(&hub, session).await;
    };
    core.tasks
        .spawn(TaskGroup::Sessions, "a session's deletion", work);
}

/// Deletes the log of a session that was deleted while another hub ran, without waiting for it.
pub fn delete_log_later(core: &Arc<HubCore>, session: SessionId) {
    let hub = Arc::clone(core);
    let work = async move { delete_log(&hub, session).await };
    core.tasks
        .spawn(TaskGroup::Sessions, "a deleted session's log", work);
}

/// Deletes a log as soon as the storage does it. What the hub does not get to, its next start does: the tombstone stands.
async fn delete_log(core: &HubCore, session: SessionId) {
    let log = LogId::Session(session);
    let mut goes_on = !core.sessions_stopping.is_cancelled();
    while goes_on {
        let turn = core.deleting.acquire().await;
        let deleted = core.log.delete(log).await;
        drop(turn);
        match deleted {
            Ok(()) => {
                return tracing::info!(session.id = %session, "a deleted session's log is gone");
            }
            Err(error) => core.storage.delete_failed(log, &error),
        }
        goes_on = rested(&core.sessions_stopping).await;
    }
}

/// Waits before a storage is asked again that has just refused. False where the hub stops meanwhile.
async fn rested(stopping: &CancellationToken) -> bool {
    let stopped = tokio::time::timeout(STORAGE_RETRY, stopping.cancelled());
    stopped.await.is_err()
}

async fn record_access(core: &HubCore, record: &PrincipalRecord) -> bool {
    let linked = AccountFact::Linked {
        principal: record.principal.clone(),
        name: record.name.clone(),
    };
    if core.accounts.record(record.account, linked).await.is_err() {
        return false;
    }
    // Looked at after: a revoke from now on finds the link in the log and records itself.
    let Ok(principals) = core.credentials.principals().await else {
        return false;
    };
    let is_revoked = principals
        .iter()
        .any(|now| now.principal == record.principal && now.revoked_at.is_some());
    let revoked = AccountFact::Revoked {
        principal: record.principal.clone(),
    };
    !is_revoked || core.accounts.record(record.account, revoked).await.is_ok()
}

/// The newest summary of each session that the account's log has not yet.
#[derive(Default)]
pub struct PendingSummaries {
    newest: Mutex<HashMap<SessionId, SessionSummary>>,
    noted: Notify,
}

impl PendingSummaries {
    fn note(&self, session: SessionId, summary: SessionSummary) {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session, summary);
        self.noted.notify_one();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Returns when there are some.
    pub async fn some(&self) {
        while self.is_empty() {
            self.noted.notified().await;
        }
    }

    /// Takes some out.
    pub fn take(&self, limit: usize) -> Vec<(SessionId, SessionSummary)> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions: Vec<SessionId> = newest.keys().copied().take(limit).collect();
        sessions
            .into_iter()
            .filter_map(|session| newest.remove_entry(&session))
            .collect()
    }

    /// Puts back what could not be recorded, where nothing newer has come.
    pub fn put_back(&self, taken: Vec<(SessionId, SessionSummary)>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        for (session, summary) in taken {
            newest.entry(session).or_insert(summary);
        }
    }
}
