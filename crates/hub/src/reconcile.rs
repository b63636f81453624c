//! What a hub brings in order before it serves: accounts' logs, summaries that lag, runs whose hub went away, logs of deleted sessions
//! that a hub did not get to.
//!
//! Every session with a run that is on gets an actor, and the run one full lease: its runner may be on its way back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use baton_protocol::{AccountId, LogId, SessionActivity, SessionId, SessionSummary};
use futures::{StreamExt as _, stream};

use crate::actor::{AccountActors, SessionActors, delete_log_later};
use crate::core::HubCore;
use crate::hub::StartHubError;
use crate::log_directory::LOG_DIRECTORY_NAME;
use crate::log_writer::unreadable;

/// Sessions that are looked at side by side.
const SESSIONS_AT_ONCE: usize = 16;

/// Starts the accounts' actors and looks at every session. Gives the first account.
///
/// An account whose devices are linked has a log: a hub that began a new one would tell them that all their sessions are gone.
pub async fn reconcile(core: &Arc<HubCore>, data_dir: &Path) -> Result<AccountId, StartHubError> {
    let accounts = core.credentials.accounts().await?;
    let principals = core.credentials.principals().await?;
    let mut listed: HashMap<SessionId, SessionSummary> = HashMap::new();
    for account in &accounts {
        let of_account = principals
            .iter()
            .filter(|known| known.account == account.id);
        let linked = of_account.count();
        if linked > 0 && !has_log(core, account.id).await? {
            return Err(StartHubError::LogGone {
                directory: data_dir.join(LOG_DIRECTORY_NAME).display().to_string(),
                linked,
            });
        }
        let state = AccountActors::start(core, account, &principals)
            .await
            .map_err(StartHubError::Logs)?;
        for (session, summary) in state.sessions() {
            core.owners.note(*session, account.id);
            listed.insert(*session, summary.clone());
        }
        for (runner, agents) in state.agents() {
            core.runners.remember(account.id, *runner, agents.clone());
        }
    }
    let logs = core
        .log
        .logs()
        .await
        .map_err(|error| StartHubError::Logs(unreadable(&core.storage, &error)))?;
    let sessions = logs.into_iter().filter_map(|log| match log {
        LogId::Session(session) => Some(session),
        LogId::Account(_) => None,
    });
    stream::iter(sessions)
        .for_each_concurrent(SESSIONS_AT_ONCE, |session| {
            look_at(core, session, listed.get(&session))
        })
        .await;
    // The store makes an account when it is opened.
    accounts
        .first()
        .map(|account| account.id)
        .ok_or(StartHubError::Interrupted)
}

async fn has_log(core: &HubCore, account: AccountId) -> Result<bool, StartHubError> {
    let head = core.log.head(LogId::Account(account)).await;
    let head = head.map_err(|error| StartHubError::Logs(unreadable(&core.storage, &error)))?;
    Ok(head.is_some())
}

async fn look_at(core: &Arc<HubCore>, session: SessionId, summary: Option<&SessionSummary>) {
    if core.owners.is_deleted(session) {
        return delete_log_later(core, session);
    }
    let head = match core.log.head(LogId::Session(session)).await {
        Ok(Some(head)) => head,
        Ok(None) => return,
        Err(error) => {
            unreadable(&core.storage, &error);
            // Its actor tries again until it knows whether there is a run to watch.
            SessionActors::reconcile(core, session).await;
            return;
        }
    };
    let is_at_rest = summary.is_some_and(|summary| {
        let is_idle = matches!(
            summary.activity,
            SessionActivity::Idle | SessionActivity::Failed { .. }
        );
        summary.seq == head.seq && is_idle && summary.queued == 0
    });
    if !is_at_rest {
        SessionActors::reconcile(core, session).await;
    }
}
