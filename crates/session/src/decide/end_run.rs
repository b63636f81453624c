//! The end of a run, whoever brings it about: one append, after which nothing of the run can be written.

use baton_protocol::{
    EventBody, PartClosedEvent, PartEnd, PauseReason, PromptRequeuedEvent, QueuePausedEvent,
    RequeueReason, RunEndedEvent, RunOutcome, SessionRenamedEvent, TitleSource, Usage,
};

use super::approval;
use crate::new_event::NewEvent;
use crate::state::{ActiveRun, SessionState};

/// Characters of an automatic title.
const AUTOMATIC_TITLE_CHARS_MAX: usize = 60;

/// What becomes of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterEnd {
    /// It moves on.
    GoOn,
    /// It pauses where something waits.
    Pause(PauseReason),
}

/// Cuts the open parts, ends the run, puts steers that it missed at the head of the queue, pauses, and gives a first title.
pub(super) fn end_run(
    state: &SessionState,
    run: &ActiveRun,
    outcome: RunOutcome,
    usage: Option<Usage>,
    after: AfterEnd,
    event: &dyn Fn(EventBody) -> NewEvent,
) -> Vec<NewEvent> {
    let cut = |part: &crate::PartProgress| {
        event(EventBody::PartClosed(PartClosedEvent {
            run: run.run,
            part: part.index,
            end: PartEnd::Interrupted,
        }))
    };
    let mut events: Vec<NewEvent> = run.open_parts().map(cut).collect();
    events.extend(approval::cancel(state, run.run, event));
    events.push(event(EventBody::RunEnded(RunEndedEvent {
        run: run.run,
        outcome,
        digest: run.digest(),
        usage,
    })));

    // Each goes to the head, so the last one goes first.
    let missed = state
        .steers
        .iter()
        .filter(|steer| steer.run == Some(run.run));
    for steer in missed.clone().rev() {
        let (prompt, text) = (steer.prompt, steer.text.clone());
        events.push(event(EventBody::PromptRequeued(PromptRequeuedEvent {
            prompt,
            text,
            reason: RequeueReason::SteerMissed,
        })));
    }
    let something_waits = !state.queue.is_empty() || missed.count() > 0;
    let may_pause = something_waits && state.pause.is_none() && run.parent.is_none();
    if let AfterEnd::Pause(reason) = after
        && may_pause
    {
        events.push(event(EventBody::QueuePaused(QueuePausedEvent { reason })));
    }
    if state.title.is_none() && run.parent.is_none() {
        let title = automatic_title(&state.preview);
        events.push(event(EventBody::SessionRenamed(SessionRenamedEvent {
            title,
            source: TitleSource::Automatic,
        })));
    }
    events
}

/// The beginning of the first prompt, cut at a word.
fn automatic_title(preview: &str) -> String {
    let line = preview.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= AUTOMATIC_TITLE_CHARS_MAX {
        return line;
    }
    let cut: String = line.chars().take(AUTOMATIC_TITLE_CHARS_MAX).collect();
    let at_word = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{at_word}…")
}
