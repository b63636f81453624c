//! Reading one prompt's answer out of a session's events, as it grows.

use std::collections::HashMap;

use baton_protocol::{Event, EventBody, PartIndex, PartKind, PromptId, RunId, RunOutcome, Usage};

/// What comes of a prompt.
#[derive(Clone, PartialEq, Debug)]
pub enum AnswerItem {
    /// A run took the prompt.
    PickedUp(RunId),
    /// A text part begins.
    TextOpened,
    /// Text of the answer.
    Text(String),
    /// The run is over.
    Ended {
        /// How.
        outcome: RunOutcome,
        /// What it used.
        usage: Option<Usage>,
    },
    /// The prompt was taken back before a run took it.
    Withdrawn,
}

/// Follows one prompt to the end of its run.
#[derive(Debug)]
pub struct AnswerReader {
    prompt: PromptId,
    run: Option<RunId>,
    /// Bytes that were given of each text part; other parts are not here.
    given: HashMap<PartIndex, usize>,
}

impl AnswerReader {
    /// For a prompt whose events are still to come.
    pub fn new(prompt: PromptId) -> Self {
        Self {
            prompt,
            run: None,
            given: HashMap::new(),
        }
    }

    /// Takes the session's next event.
    pub fn read(&mut self, event: &Event) -> Vec<AnswerItem> {
        match &event.body {
            EventBody::RunStarted(body) if body.prompt == self.prompt => self.pick_up(body.run),
            EventBody::SteerConsumed(body) if body.prompts.contains(&self.prompt) => {
                self.pick_up(body.run)
            }
            EventBody::PromptWithdrawn(body) if body.prompt == self.prompt => {
                vec![AnswerItem::Withdrawn]
            }
            EventBody::PartOpened(body) if self.is_mine(body.run) => {
                if body.kind != PartKind::Text {
                    return Vec::new();
                }
                self.given.insert(body.part, 0);
                vec![AnswerItem::TextOpened]
            }
            EventBody::PartAppended(body) if self.is_mine(body.run) => {
                let from = usize::try_from(body.offset).unwrap_or(usize::MAX);
                self.grow(body.part, from, &body.text)
            }
            EventBody::PartSealed(body) if self.is_mine(body.run) => {
                self.grow(body.part, 0, &body.text)
            }
            EventBody::RunEnded(body) if self.is_mine(body.run) => vec![AnswerItem::Ended {
                outcome: body.outcome.clone(),
                usage: body.usage.clone(),
            }],
            _ => Vec::new(),
        }
    }

    fn is_mine(&self, run: RunId) -> bool {
        self.run == Some(run)
    }

    fn pick_up(&mut self, run: RunId) -> Vec<AnswerItem> {
        self.run = Some(run);
        self.given.clear();
        vec![AnswerItem::PickedUp(run)]
    }

    /// Gives what is new of a stretch that begins at byte `from` of a part.
    fn grow(&mut self, part: PartIndex, from: usize, text: &str) -> Vec<AnswerItem> {
        let Some(given) = self.given.get_mut(&part) else {
            return Vec::new();
        };
        let new = given
            .checked_sub(from)
            .and_then(|known| text.get(known..))
            .unwrap_or_default();
        *given += new.len();
        if new.is_empty() {
            Vec::new()
        } else {
            vec![AnswerItem::Text(new.to_owned())]
        }
    }
}
