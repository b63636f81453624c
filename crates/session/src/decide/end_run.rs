//! The end of a run, whatever caused it: one append, after which nothing more can be written for the run.

use baton_protocol::{
    EventBody, FinishReason, PartClosedEvent, PartEnd, PauseReason, PromptRequeuedEvent,
    PromptWithdrawnEvent, QueuePausedEvent, RequeueReason, RunEndedEvent, RunOutcome,
    SessionRenamedEvent, TitleSource, Usage,
};

use super::approval;
use super::prompt::fits_event;
use crate::new_event::NewEvent;
use crate::state::{ActiveRun, SessionState, WaitingPrompt};

/// Length of an automatic title.
const AUTOMATIC_TITLE_CHARS_MAX: usize = 60;

/// What happens to the queue after a run ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterEnd {
    GoOn,
    /// The queue pauses if a prompt waits in it.
    Pause(PauseReason),
}

/// How a group of runs ends together.
pub(super) struct Ending<'a> {
    /// The session, including earlier writes of the same frame. For a runner's write it holds that run only.
    pub(super) state: &'a SessionState,
    /// Whether the session's root run is active and not among the runs that end.
    pub(super) root_goes_on: bool,
    pub(super) outcome: RunOutcome,
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) after: AfterEnd,
}

impl<'a> Ending<'a> {
    /// The ending of `runs`, all of which are in `state`; its other runs go on.
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

    /// Cuts the open parts, ends the runs, moves steers that the runs missed to the head of the queue, pauses the queue, and sets the first
    /// title.
    ///
    /// The queue is decided on once, after all of the runs have ended: a steer that one run missed also waits if another run ends.
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
        // Each steer is inserted at the head, so the last one goes first.
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
        // If the root run ended earlier, the missed steer of a stopped sub-agent must not start a run of its own.
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

/// Requeues a missed steer. A steer that an older version accepted may be too large for the requeue event; it is withdrawn, and its text
/// stays in the log, because the end of a run must always be recordable.
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
