//! Reads answers out of a session's events as they grow.

use std::collections::HashMap;

use baton_protocol::{
    Event, EventBody, FinishReason, ModelRetryEvent, PartIndex, PartKind, PromptId, RunId,
    RunOutcome, Usage,
};

/// Returns each byte of each part once, whether it arrives as appends or sealed.
#[derive(Debug, Default)]
pub struct PartTexts {
    parts: HashMap<(RunId, PartIndex), (PartKind, usize)>,
}

impl PartTexts {
    /// The event's part and the text that it adds; empty when a part opens.
    pub fn read<'e>(&mut self, event: &'e Event) -> Option<(RunId, &PartKind, &'e str)> {
        let (run, part, from, text) = match &event.body {
            EventBody::PartOpened(body) => {
                let known = (body.kind.clone(), 0);
                self.parts.insert((body.run, body.part), known);
                (body.run, body.part, 0, "")
            }
            EventBody::PartAppended(body) => {
                let from = usize::try_from(body.offset).unwrap_or(usize::MAX);
                (body.run, body.part, from, body.text.as_str())
            }
            EventBody::PartSealed(body) => (body.run, body.part, 0, body.text.as_str()),
            EventBody::RunEnded(body) => {
                self.parts.retain(|(run, _), _| *run != body.run);
                return None;
            }
            _ => return None,
        };
        // A part that opened before this reader started begins with the current event.
        let new_part = (PartKind::Text, from);
        let (kind, given) = self.parts.entry((run, part)).or_insert(new_part);
        let known = given.checked_sub(from);
        let new = known
            .and_then(|known| text.get(known..))
            .unwrap_or_default();
        *given += new.len();
        Some((run, kind, new))
    }
}

/// What happens to a prompt.
#[derive(Clone, PartialEq, Debug)]
pub enum AnswerItem {
    /// A run took the prompt.
    PickedUp(RunId),
    TextOpened,
    Text(String),
    /// The run ended.
    Ended {
        outcome: RunOutcome,
        usage: Option<Usage>,
        /// Why the model stopped before it had said everything, if it did.
        finish_reason: Option<FinishReason>,
    },
    /// The model gave nothing; it is called again after a pause.
    Retry(ModelRetryEvent),
    /// The prompt was taken back before a run took it.
    Withdrawn,
}

/// Follows one prompt to the end of its run.
#[derive(Debug)]
pub struct AnswerReader {
    prompt: PromptId,
    run: Option<RunId>,
    parts: PartTexts,
}

impl AnswerReader {
    /// Follows a prompt whose events are still to come.
    pub fn new(prompt: PromptId) -> Self {
        Self {
            prompt,
            run: None,
            parts: PartTexts::default(),
        }
    }

    /// Reads the session's next event.
    pub fn read(&mut self, event: &Event) -> Option<AnswerItem> {
        let grown = self.parts.read(event);
        if let Some((run, kind, text)) = grown {
            let mine = self.run == Some(run) && *kind == PartKind::Text;
            return match &event.body {
                _ if !mine => None,
                EventBody::PartOpened(_) => Some(AnswerItem::TextOpened),
                _ if text.is_empty() => None,
                _ => Some(AnswerItem::Text(text.to_owned())),
            };
        }
        match &event.body {
            EventBody::RunStarted(body) if body.prompt == self.prompt => self.pick_up(body.run),
            EventBody::SteerConsumed(body) if body.prompts.contains(&self.prompt) => {
                self.pick_up(body.run)
            }
            EventBody::PromptWithdrawn(body) if body.prompt == self.prompt => {
                Some(AnswerItem::Withdrawn)
            }
            EventBody::RunEnded(body) if self.run == Some(body.run) => Some(AnswerItem::Ended {
                outcome: body.outcome.clone(),
                usage: body.usage.clone(),
                finish_reason: body.finish_reason.clone(),
            }),
            EventBody::ModelRetry(body) if self.run == Some(body.run) => {
                Some(AnswerItem::Retry(body.clone()))
            }
            _ => None,
        }
    }

    fn pick_up(&mut self, run: RunId) -> Option<AnswerItem> {
        self.run = Some(run);
        Some(AnswerItem::PickedUp(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_protocol::{
        PartAppendedEvent, PartEnd, PartOpenedEvent, PartSealedEvent, Principal, Seq, TimestampMs,
    };

    fn event(seq: u64, body: EventBody) -> Event {
        Event {
            seq: Seq(seq),
            recorded_at: TimestampMs(0),
            by: Principal::Hub,
            command: None,
            producer: None,
            body,
        }
    }

    #[test]
    fn a_part_that_is_sealed_in_mid_read_gives_each_byte_once() {
        let (run, part) = (RunId::mint(), PartIndex(0));
        let kind = PartKind::Text;
        let opened = EventBody::PartOpened(PartOpenedEvent { run, part, kind });
        let appended = EventBody::PartAppended(PartAppendedEvent {
            run,
            part,
            offset: 0,
            text: "ab".into(),
        });
        let sealed = EventBody::PartSealed(PartSealedEvent {
            run,
            part,
            end: PartEnd::Complete,
            since: Seq(2),
            text: "abcd".into(),
        });
        let mut texts = PartTexts::default();
        let events = [event(1, opened), event(2, appended), event(4, sealed)];
        let given: Vec<&str> = events
            .iter()
            .filter_map(|event| texts.read(event).map(|(_, _, text)| text))
            .collect();
        assert_eq!(given, ["", "ab", "cd"]);
    }
}
