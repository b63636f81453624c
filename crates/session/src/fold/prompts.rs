//! Prompts: sent, edited, moved, requeued, taken.

use baton_protocol::{
    Delivery, Event, PromptEditedEvent, PromptId, PromptMovedEvent, PromptRequeuedEvent,
    PromptSentEvent, RequeueReason, SessionRenamedEvent, limits,
};

use super::FoldError;
use crate::state::{SessionState, Title, WaitingPrompt};

impl SessionState {
    pub(super) fn renamed(&mut self, body: &SessionRenamedEvent) {
        self.title = Some(Title {
            text: body.title.clone(),
            source: body.source,
        });
    }

    pub(super) fn prompt_sent(&mut self, event: &Event, body: &PromptSentEvent) {
        let waiting = WaitingPrompt {
            prompt: body.prompt,
            text: body.text.clone(),
            by: event.by.clone(),
            at: event.recorded_at,
            delivery: body.delivery,
            run: body.run,
            retry_of: None,
            bypasses_pause: body.delivery == Delivery::Interrupt,
            branch_of: body.branch_of,
            edited_by: None,
        };
        if self.preview.is_empty() {
            self.preview = body.text.chars().take(limits::PREVIEW_CHARS_MAX).collect();
        }
        self.updated_at = event.recorded_at;
        match body.delivery {
            Delivery::Steer => self.steers.push(waiting),
            Delivery::Queue => self.queue.push(waiting),
            Delivery::Interrupt => self.queue.insert(0, waiting),
        }
    }

    pub(super) fn prompt_edited(
        &mut self,
        event: &Event,
        body: &PromptEditedEvent,
    ) -> Result<(), FoldError> {
        let waiting = self.waiting_mut(event, body.prompt)?;
        waiting.text.clone_from(&body.text);
        waiting.edited_by = None;
        Ok(())
    }

    pub(super) fn prompt_requeued(&mut self, event: &Event, body: &PromptRequeuedEvent) {
        let waiting = self.take_waiting(body.prompt);
        let again = self
            .last_prompt
            .as_ref()
            .filter(|last| last.prompt == body.prompt);
        let (by, at) = waiting
            .as_ref()
            .or(again)
            .map_or((event.by.clone(), event.recorded_at), |known| {
                (known.by.clone(), known.at)
            });
        let retry_of = match body.reason {
            RequeueReason::Retry => self.last_root,
            RequeueReason::SteerMissed | RequeueReason::SentNow => {
                waiting.as_ref().and_then(|waiting| waiting.retry_of)
            }
        };
        let branch_of = waiting.as_ref().and_then(|waiting| waiting.branch_of);
        // The run ended while a device edits this steer, so the edit continues. Other reasons mean that a person wants the text as it is.
        let edited_by = match body.reason {
            RequeueReason::SteerMissed => waiting.and_then(|waiting| waiting.edited_by),
            RequeueReason::Retry | RequeueReason::SentNow => None,
        };
        self.fates.remove(&body.prompt);
        self.queue.insert(
            0,
            WaitingPrompt {
                prompt: body.prompt,
                text: body.text.clone(),
                by,
                at,
                delivery: Delivery::Queue,
                run: None,
                retry_of,
                bypasses_pause: body.reason != RequeueReason::SteerMissed,
                branch_of,
                edited_by,
            },
        );
    }

    pub(super) fn prompt_moved(
        &mut self,
        event: &Event,
        body: &PromptMovedEvent,
    ) -> Result<(), FoldError> {
        let not_waiting = |prompt| FoldError::PromptNotWaiting {
            seq: event.seq,
            prompt,
        };
        let from = self
            .queue
            .iter()
            .position(|waiting| waiting.prompt == body.prompt)
            .ok_or(not_waiting(body.prompt))?;
        let moved = self.queue.remove(from);
        let to = match body.before {
            None => self.queue.len(),
            Some(before) => self
                .queue
                .iter()
                .position(|waiting| waiting.prompt == before)
                .ok_or(not_waiting(before))?,
        };
        self.queue.insert(to, moved);
        Ok(())
    }

    pub(super) fn take(
        &mut self,
        event: &Event,
        prompt: PromptId,
    ) -> Result<WaitingPrompt, FoldError> {
        self.take_waiting(prompt)
            .ok_or(FoldError::PromptNotWaiting {
                seq: event.seq,
                prompt,
            })
    }

    pub(super) fn waiting_mut(
        &mut self,
        event: &Event,
        prompt: PromptId,
    ) -> Result<&mut WaitingPrompt, FoldError> {
        let mut waiting = self.steers.iter_mut().chain(&mut self.queue);
        waiting
            .find(|waiting| waiting.prompt == prompt)
            .ok_or(FoldError::PromptNotWaiting {
                seq: event.seq,
                prompt,
            })
    }
}
