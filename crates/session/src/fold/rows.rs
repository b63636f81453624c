//! Rows as events make them.

use baton_protocol::view::{PartState, PromptState, RowBody, RowId, TranscriptRow};
use baton_protocol::{Event, PartKind, RunId};

use crate::state::WaitingPrompt;

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
