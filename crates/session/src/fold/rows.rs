//! Builds rows from events.

use baton_protocol::view::{PartState, PromptState, RowBody, RowId, TranscriptRow};
use baton_protocol::{Event, PartKind, PromptId, RunId, TimestampMs};

use crate::state::{ActiveRun, WaitingPrompt};

/// Elapsed time by the hub's clock, for display. Never negative, although that clock may be set back.
pub(super) fn elapsed_ms(from: TimestampMs, to: TimestampMs) -> i64 {
    to.0.saturating_sub(from.0).max(0)
}

/// The run and the turn to which a row belongs.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) run: RunId,
    pub(super) turn: PromptId,
}

impl Place {
    pub(super) fn of(run: &ActiveRun) -> Self {
        Self {
            run: run.run,
            turn: run.turn,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Steered {
    Yes,
    No,
}

pub(super) fn prompt_row(
    event: &Event,
    n: usize,
    place: Place,
    waiting: &WaitingPrompt,
    steered: Steered,
) -> TranscriptRow {
    let body = RowBody::Prompt {
        prompt: waiting.prompt,
        text: waiting.text.clone(),
        by: waiting.by.clone(),
        steered: matches!(steered, Steered::Yes),
        state: PromptState::PickedUp,
        branch: None,
    };
    row(event, n, place, body)
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
        PartKind::ToolCall(part) => RowBody::ToolCall {
            call: part.call.clone(),
            tool: part.tool.clone(),
            text: String::new(),
            state: PartState::Open,
        },
        PartKind::ToolResult(part) => RowBody::ToolResult {
            call: part.call.clone(),
            is_error: part.is_error,
            text: String::new(),
            state: PartState::Open,
        },
        PartKind::Unknown(_) => RowBody::Unknown {
            tag: kind.tag().to_owned(),
        },
    }
}

pub(super) fn row(event: &Event, n: usize, place: Place, body: RowBody) -> TranscriptRow {
    let id = if n == 0 {
        event.seq.to_string()
    } else {
        format!("{}.{n}", event.seq)
    };
    TranscriptRow {
        id: RowId(id),
        seq: event.seq,
        at: event.recorded_at,
        run: Some(place.run),
        turn: Some(place.turn),
        body,
    }
}
