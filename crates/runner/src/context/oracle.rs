//! A slow reference builder that reads the whole transcript. The product's builder must agree with it.

use std::collections::BTreeMap;

use baton_protocol::view::{RowBody, TranscriptRow};
use baton_protocol::{PromptId, RunId};
use baton_session::{SessionState, Transcript};

use super::{BETWEEN, GO_ON};
use crate::provider::{ModelMessage, ModelRole};

/// Builds the messages for the next call of this run.
pub(super) fn messages(
    transcript: &Transcript,
    state: &SessionState,
    run: RunId,
    system_prompt: &str,
    chars_max: usize,
) -> Vec<ModelMessage> {
    let mut turns = turns(&seen_by(transcript, state, run), state, run);
    if turns
        .last()
        .is_none_or(|last| last.role == ModelRole::Assistant)
    {
        turns.push(ModelMessage {
            role: ModelRole::User,
            text: GO_ON.to_owned(),
        });
    }
    let kept = fit(
        turns,
        chars_max.saturating_sub(system_prompt.chars().count()),
    );
    let system = (!system_prompt.is_empty()).then(|| ModelMessage {
        role: ModelRole::System,
        text: system_prompt.to_owned(),
    });
    system.into_iter().chain(kept).collect()
}

/// The rows that a run sees: the conversation with people on the shown branch. A sub-agent sees its own task only.
fn seen_by<'a>(
    transcript: &'a Transcript,
    state: &SessionState,
    run: RunId,
) -> Vec<&'a TranscriptRow> {
    let parent = |run: RunId| state.run_record(run).and_then(|record| record.parent);
    let is_child = parent(run).is_some();
    let seen = transcript.shown().filter(|row| match row.run {
        Some(of) if is_child => of == run,
        Some(of) => parent(of).is_none(),
        None => !is_child,
    });
    seen.collect()
}

fn turns(rows: &[&TranscriptRow], state: &SessionState, run: RunId) -> Vec<ModelMessage> {
    let last_attempts = last_attempts(rows, state, run);
    let mut turns: Vec<ModelMessage> = Vec::new();
    let mut last_run = None;
    for row in rows {
        let (role, text) = match &row.body {
            RowBody::Prompt { text, .. } => (ModelRole::User, text),
            RowBody::Text { text, .. } if counts(row, state, &last_attempts) => {
                (ModelRole::Assistant, text)
            }
            _ => continue,
        };
        if text.trim().is_empty() {
            continue;
        }
        match turns.last_mut().filter(|last| last.role == role) {
            // The parts of one long answer join without a separator; other neighbours are separate messages.
            Some(last) => {
                if role == ModelRole::User || last_run != row.run {
                    last.text.push_str(BETWEEN);
                }
                last.text.push_str(text);
            }
            None => turns.push(ModelMessage {
                role,
                text: text.clone(),
            }),
        }
        last_run = row.run;
    }
    turns
}

/// The run that counts for each prompt: a retry replaces earlier attempts.
fn last_attempts(
    rows: &[&TranscriptRow],
    state: &SessionState,
    run: RunId,
) -> BTreeMap<PromptId, RunId> {
    let runs = rows.iter().filter_map(|row| row.run).chain([run]);
    runs.filter_map(|run| Some((state.run_record(run)?.prompt, run)))
        .collect()
}

fn counts(
    row: &TranscriptRow,
    state: &SessionState,
    last_attempts: &BTreeMap<PromptId, RunId>,
) -> bool {
    let Some((run, record)) = row.run.and_then(|run| Some((run, state.run_record(run)?))) else {
        return false;
    };
    last_attempts.get(&record.prompt) == Some(&run)
}

/// Leaves out the oldest messages beyond the budget; the last one always stays, and the first one is a user's.
fn fit(mut turns: Vec<ModelMessage>, chars_max: usize) -> Vec<ModelMessage> {
    let mut chars = 0;
    let newest = turns.iter().rev().take_while(|turn| {
        chars += turn.text.chars().count();
        chars <= chars_max
    });
    let fitting = newest.count().max(1).min(turns.len());
    let mut kept = turns.split_off(turns.len() - fitting);
    if kept
        .first()
        .is_some_and(|first| first.role == ModelRole::Assistant)
    {
        kept.remove(0);
    }
    kept
}
