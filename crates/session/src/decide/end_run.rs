//! The end of a run, whoever brings it about: one append, after which nothing of the run can be written.

use baton_protocol::{
    EventBody, FinishReason, PartClosedEvent, PartEnd, PauseReason, PromptRequeuedEvent,
    PromptWithdrawnEvent, QueuePausedEvent, RequeueReason, RunEndedEvent, RunOutcome,
    SessionRenamedEvent, TitleSource, Usage,
};

use super::approval;
use super::prompt::fits_event;
use crate::new_event::NewEvent;
use crate::state::{ActiveRun, SessionState, WaitingPrompt};

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

/// How runs end that end together.
pub(super) struct Ending<'a> {
    /// The session, with what came before in the same frame; for a runner's write it has that run alone.
    pub(super) state: &'a SessionState,
    /// Whether the session's root run is active and not among the runs that end.
    pub(super) root_goes_on: bool,
    pub(super) outcome: RunOutcome,
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) after: AfterEnd,
}

impl<'a> Ending<'a> {
    /// Of runs that `state` has, all of its others going on.
    pub(super) fn of(
        state: &'a SessionState,
        runs: &[&ActiveRun],
        outcome: RunOutcome,
        after: AfterEnd,
    ) -> Self {
        let ends = |root: &ActiveRun| runs.iter().any(|run| run.run == root.run);
        Self {
            state,
            root_goes_on: state.root_run().is_some_and(|root| !ends(root)),
            outcome,
            usage: None,
            finish_reason: None,
            after,
        }
    }

    /// Cuts the open parts, ends the runs, puts steers that they missed at the head of the queue, pauses, and gives a first title.
    ///
    /// The queue is decided about once, behind the ends of all of them: what one run leaves behind waits as well when another one ends.
    pub(super) fn events(
        &self,
        runs: &[&ActiveRun],
        event: &dyn Fn(EventBody) -> NewEvent,
    ) -> Vec<NewEvent> {
        let state = self.state;
        let mut events: Vec<NewEvent> = Vec::new();
        for run in runs {
            self.end(run, event, &mut events);
        }
        // Each goes to the head, so the last one goes first.
        let missed = state.steers.iter().rev().filter(|steer| {
            let wanted = steer.run;
            runs.iter().any(|run| wanted == Some(run.run))
        });
        let mut has_missed = false;
        for steer in missed {
            has_missed |= fits_event(&steer.text);
            events.push(event(requeued(steer)));
        }
        let ends_root = runs.iter().any(|run| run.parent.is_none());
        // What was a steer begins no run of its own because its run, a sub-agent's, was stopped behind the root's.
        let may_pause = match ends_root {
            true => has_missed || !state.queue.is_empty(),
            false => has_missed && !self.root_goes_on,
        };
        if let AfterEnd::Pause(reason) = self.after
            && may_pause
            && state.pause.is_none()
        {
            events.push(event(EventBody::QueuePaused(QueuePausedEvent { reason })));
        }
        if state.title.is_none() && ends_root {
            let title = automatic_title(&state.preview);
            events.push(event(EventBody::SessionRenamed(SessionRenamedEvent {
                title,
                source: TitleSource::Automatic,
            })));
        }
        events
    }

    fn end(
        &self,
        run: &ActiveRun,
        event: &dyn Fn(EventBody) -> NewEvent,
        events: &mut Vec<NewEvent>,
    ) {
        let cut = |part: &crate::PartProgress| {
            event(EventBody::PartClosed(PartClosedEvent {
                run: run.run,
                part: part.index,
                end: PartEnd::Interrupted,
            }))
        };
        events.extend(run.open_parts().map(cut));
        events.extend(approval::cancel(self.state, run.run, event));
        events.push(event(EventBody::RunEnded(RunEndedEvent {
            run: run.run,
            outcome: self.outcome.clone(),
            digest: run.digest(),
            usage: self.usage.clone(),
            finish_reason: self.finish_reason.clone(),
        })));
    }
}

/// A missed steer goes back to the queue. One that an older version took although its event would be too large now cannot: it is taken
/// back, and stays in the log. The end of a run must always be recorded.
fn requeued(steer: &WaitingPrompt) -> EventBody {
    let prompt = steer.prompt;
    if !fits_event(&steer.text) {
        return EventBody::PromptWithdrawn(PromptWithdrawnEvent { prompt });
    }
    EventBody::PromptRequeued(PromptRequeuedEvent {
        prompt,
        text: steer.text.clone(),
        reason: RequeueReason::SteerMissed,
    })
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
