//! Commands that concern this device alone: `list`, `search`, `status`, `discard`.

use std::time::Duration;

use baton_client::{CancelError, OutboxState};
use baton_protocol::view::{ConnectionPhase, SearchNote, SessionRow, SessionRowState};
use serde_json::json;

use super::Context;
use crate::args::Offline;
use crate::failure::Failure;
use crate::waiting::{self, Patience};

/// How long `status` waits for a connection before it reports none.
const STATUS_WAIT: Duration = Duration::from_secs(3);

pub async fn list(context: &Context<'_>, offline: Offline) -> Result<(), Failure> {
    if !offline.offline {
        waiting::account_caught_up(&context.device, context.patience).await?;
    }
    let rows = context.device.sessions();
    for row in &rows {
        context
            .output
            .json(&json!({ "type": "session", "session": row.session, "row": row }));
        context.output.line(&words(row));
    }
    if rows.is_empty() && context.output.is_for_people() {
        context.output.note("no sessions yet: begin one with `new`");
    }
    Ok(())
}

fn words(row: &SessionRow) -> String {
    let state = match &row.state {
        SessionRowState::NeedsYou => "needs you",
        SessionRowState::Failed => "failed",
        SessionRowState::Unread => "unread",
        SessionRowState::Running { .. } => "running",
        SessionRowState::Waiting => "waiting",
        SessionRowState::NotSent => "not sent",
        SessionRowState::Idle => "",
    };
    let queued = match row.queued {
        0 => String::new(),
        queued => format!("  ({queued} queued)"),
    };
    let title: String = row
        .title
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(80)
        .collect();
    format!("{}  {state:<9}  {title}{queued}", row.session)
}

pub async fn search(context: &Context<'_>, query: &str, limit: u32) -> Result<(), Failure> {
    let found = context.device.search(query, limit).await?;
    match found.note {
        Some(SearchNote::NothingToLookFor) => {
            return Err(Failure::Usage(
                "the query has nothing that can be looked for: give a word".to_owned(),
            ));
        }
        Some(SearchNote::TooShort) => {
            return Err(Failure::Usage(
                "the query is too short: give a word of at least two letters".to_owned(),
            ));
        }
        Some(SearchNote::StillIndexing) => {
            context
                .output
                .note("older messages are still being indexed: some of them are not found yet");
        }
        None => {}
    }
    if found.hits.is_empty() && context.output.is_for_people() {
        context.output.note("nothing found");
    }
    for hit in found.hits {
        context.output.json(&json!({ "type": "hit", "hit": hit }));
        let excerpt = hit.excerpt.replace(['\u{2}', '\u{3}'], "");
        let excerpt = excerpt.split_whitespace().collect::<Vec<_>>().join(" ");
        context.output.line(&format!(
            "{}  [{}]  {}\n    {excerpt}",
            hit.session, hit.seq, hit.title
        ));
    }
    Ok(())
}

pub async fn status(context: &Context<'_>) -> Result<(), Failure> {
    let patience = Patience(context.patience.0.min(STATUS_WAIT));
    let connected = waiting::account_caught_up(&context.device, patience).await;
    let live = connected.is_ok();
    let (device, output) = (&context.device, context.output);
    let connection = device.connection();
    let outbox = device.outbox();
    let opaque = device.opaque_intents();
    let account = device.account();
    output.json(&json!({
        "type": "status",
        "hub": device.linked(),
        "connection": connection,
        "account": account,
        "outbox": outbox.iter().map(|entry| json!({
            "command": entry.command,
            "state": state_word(&entry.state),
            "queuedAt": entry.queued_at,
        })).collect::<Vec<_>>(),
        "unreadable": opaque.iter().map(|intent| json!({
            "number": intent.ordinal,
            "session": intent.session,
            "text": intent.text,
            "queuedAt": intent.queued_at,
        })).collect::<Vec<_>>(),
    }));
    output.line(&format!(
        "hub         {} at {}",
        connection.hub_name,
        device.linked().hub.authority
    ));
    let phase = match live {
        // The connection's own status may arrive a moment after the last batch.
        true => ConnectionPhase::Live,
        false => connection.phase,
    };
    output.line(&format!("connection  {}", phase_words(phase)));
    let names = |id: &String| account.names.get(id).cloned().unwrap_or_else(|| id.clone());
    let online: Vec<String> = account.online.iter().map(names).collect();
    output.line(&format!("online      {}", online.join(", ")));
    output.line(&format!(
        "agents      {}",
        super::prompt::offered_words(&account)
    ));
    output.line(&format!("outbox      {}", outbox.len()));
    for entry in &outbox {
        output.line(&format!(
            "  {}  {}",
            entry.command.id,
            state_word(&entry.state)
        ));
    }
    for intent in &opaque {
        let text = intent.text.as_deref().unwrap_or("(unreadable)");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        output.line(&format!(
            "  cannot be sent by this version: {text}  (update Baton, or `discard {}`)",
            intent.ordinal
        ));
    }
    connected
}

/// Discards an intent that this version cannot read.
pub async fn discard(context: &Context<'_>, number: i64) -> Result<(), Failure> {
    match context.device.discard_opaque(number).await {
        Ok(()) => Ok(()),
        Err(CancelError::NotWaiting) => Err(Failure::Usage(format!(
            "`status` shows no unreadable message with the number {number}"
        ))),
        Err(error) => Err(Failure::Other(error.into())),
    }
}

fn state_word(state: &OutboxState) -> &'static str {
    match state {
        OutboxState::Waiting => "waiting",
        OutboxState::Sent => "unknown",
        OutboxState::Refused(_) => "refused",
    }
}

fn phase_words(phase: ConnectionPhase) -> &'static str {
    match phase {
        ConnectionPhase::Connecting => "connecting",
        ConnectionPhase::CatchingUp => "catching up",
        ConnectionPhase::Live => "live",
        ConnectionPhase::Stale => "stale",
        ConnectionPhase::Reconnecting => "no connection",
        ConnectionPhase::Refused => "refused",
    }
}
