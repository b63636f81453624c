//! Rows as events make them.

use baton_protocol::view::{PartState, PromptState, RowBody, RowId, TranscriptRow};
use baton_protocol::{Event, PartKind, RunId, TimestampMs};

use crate::state::WaitingPrompt;

/// How long something took by the hub's clock, for display. That clock may be set back in between: never less than nothing.
pub(super) fn elapsed_ms(from: TimestampMs, to: TimestampMs) -> i64 {
    to.0.saturating_sub(from.0).max(0)
}

#[derive(Clone, Copy)]
pub(super) enum Steered {
    Yes,
    No,
}

pub(super) fn prompt_row(
    event: &Event,
    n: usize,
    run: RunId,
    waiting: &WaitingPrompt,
    steered: Steered,
) -> TranscriptRow {
    let body = RowBody::Prompt {
        prompt: waiting.prompt,
        text: waiting.text.clone(),
        by: waiting.by.clone(),
        steered: matches!(steered, Steered::Yes),
        state: PromptState::PickedUp,
    };
    row(event, n, Some(run), body)
}

pub(super) fn part_body(kind: &PartKind) -> RowBody {
    match kind {
        PartKind::Text => RowBody::Text {
            text: String::new(),
            state: PartState::Open,
        },
        PartKind::Reasoning => RowBody::Reasoning {
            text: String::new(),
            state: PartState::Open,
            duration_ms: None,
        },
        PartKind::Unknown(raw) => {
            let tag = raw
                .get("type")
                .and_then(|tag| tag.as_str())
                .unwrap_or("unknown")
                .to_owned();
            RowBody::Unknown { tag }
        }
    }
}

pub(super) fn row(event: &Event, n: usize, run: Option<RunId>, body: RowBody) -> TranscriptRow {
    let id = if n == 0 {
        event.seq.to_string()
    } else {
        format!("{}.{n}", event.seq)
    };
    TranscriptRow {
        id: RowId(id),
        seq: event.seq,
        at: event.recorded_at,
        run,
        body,
    }
}
