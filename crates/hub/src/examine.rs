//! Whether logs are what they should be: every one folds from its first event to its head, the digest of each ended run agrees, every
//! session has its account, and the storage's own check finds nothing.

use std::collections::BTreeSet;
use std::error::Error;

use baton_log::{EventLog, ReadError, ReadLimit};
use baton_protocol::{AccountId, Event, LogId, Seq, SessionId};
use baton_session::{AccountState, FoldError, NoTranscript, SessionState};

/// What is in a hub's logs, and what is wrong with them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExaminedLogs {
    /// Logs of sessions.
    pub sessions: usize,
    /// Logs of accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Seqs that were given out, over all logs.
    pub events: u64,
    /// Runs that are on.
    pub runs_on: usize,
    /// In words for a person who operates the hub; empty is well.
    pub findings: Vec<String>,
}

/// Reads everything.
///
/// # Errors
/// Where the logs cannot even be listed.
pub async fn examine_logs(log: &dyn EventLog) -> Result<ExaminedLogs, ReadError> {
    let mut examined = ExaminedLogs::default();
    match log.examine().await {
        Ok(findings) => examined.findings.extend(findings),
        Err(error) => examined.findings.push(format!(
            "the storage cannot be checked: {}",
            with_causes(&error)
        )),
    }
    let mut owners = BTreeSet::new();
    for id in log.logs().await? {
        let folded = match id {
            LogId::Session(session) => {
                examined.sessions += 1;
                fold_session(log, session, &mut examined, &mut owners).await
            }
            LogId::Account(account) => {
                examined.accounts.insert(account);
                fold_account(log, account, &mut examined).await
            }
        };
        if let Err(what) = folded {
            examined.findings.push(format!("{id}: {what}"));
        }
    }
    for owner in owners.difference(&examined.accounts) {
        examined.findings.push(format!(
            "sessions belong to account {owner}, which has no log"
        ));
    }
    Ok(examined)
}

async fn fold_session(
    log: &dyn EventLog,
    session: SessionId,
    examined: &mut ExaminedLogs,
    owners: &mut BTreeSet<AccountId>,
) -> Result<(), String> {
    let mut state = SessionState::default();
    let folded = fold(log, LogId::Session(session), &mut state, |state, event| {
        state.apply(event, &mut NoTranscript)
    });
    examined.events += folded.await?.0;
    examined.runs_on += state.active_runs().count();
    match state.created() {
        None => Err("it does not begin with its creation".to_owned()),
        Some(created) if created.session != session => {
            Err(format!("it is the log of session {}", created.session))
        }
        Some(created) => {
            owners.insert(created.account);
            Ok(())
        }
    }
}

async fn fold_account(
    log: &dyn EventLog,
    account: AccountId,
    examined: &mut ExaminedLogs,
) -> Result<(), String> {
    let mut state = AccountState::default();
    let folded = fold(
        log,
        LogId::Account(account),
        &mut state,
        AccountState::apply,
    );
    examined.events += folded.await?.0;
    Ok(())
}

async fn fold<S>(
    log: &dyn EventLog,
    id: LogId,
    state: &mut S,
    apply: impl Fn(&mut S, &Event) -> Result<(), FoldError>,
) -> Result<Seq, String> {
    let mut after = Seq::ZERO;
    loop {
        let batch = log
            .read(id, after, ReadLimit::default())
            .await
            .map_err(|error| {
                format!("it cannot be read behind {after}: {}", with_causes(&error))
            })?;
        for event in &batch.events {
            apply(state, event).map_err(|error| format!("it does not fold: {error}"))?;
        }
        after = batch.upto;
        if after >= batch.head {
            return Ok(batch.head);
        }
    }
}

/// An error with everything that led to it, in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        line.push_str(": ");
        line.push_str(&next.to_string());
        cause = next.source();
    }
    line
}
