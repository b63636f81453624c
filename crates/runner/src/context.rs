//! The conversation as the model sees it.
//!
//! Owns the choice of what a model sees of a session: prompts, steers at the point where they took effect, and answers as recorded, even
//! if they were cut. Leaves out reasoning, earlier attempts at a retried prompt and sub-agents' runs. Fits a budget of characters.
//!
//! Invariant: after the system prompt, user and assistant alternate, beginning and ending with the user, because the templates
//! of many models refuse anything else. Invariant: the cost depends on the budget, not on the conversation: rows are read from the
//! newest back, until no more fits.

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use baton_protocol::view::{RowBody, TranscriptRow};
use baton_protocol::{PromptId, RunId};
use baton_session::{SessionState, Transcript};

use crate::core::AgentSpec;
use crate::provider::{ModelMessage, ModelRole};

/// User message sent to the model when a steer interrupted the answer and was withdrawn before the model got it.
const GO_ON: &str = "Go on exactly where you stopped, without repeating anything.";

/// Separates two texts of the same speaker.
const BETWEEN: &str = "\n\n";

/// The context that the available rows give.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Context {
    /// The messages for the next call, oldest first.
    Messages(Vec<ModelMessage>),
    /// The budget has room for more than these rows: the log must be read from further back.
    TooShort,
}

/// Builds the messages for the next call of this run, in at most `chars_max` characters.
pub(crate) fn build(
    transcript: &Transcript,
    state: &SessionState,
    run: RunId,
    system_prompt: &str,
    chars_max: usize,
) -> Context {
    let budget = chars_max.saturating_sub(system_prompt.chars().count());
    let view = View::of(state, run);
    let mut newest = Newest::new(budget);
    let mut latest = LatestAttempts::new(state, run);
    for row in transcript.shown_newest_first() {
        if !view.has(row) {
            continue;
        }
        let is_latest = latest.note(row);
        if let Some((role, text)) = spoken(row, is_latest)
            && newest.add(role, text, row.run) == Room::None
        {
            break;
        }
    }
    if newest.room == Room::Left && view.may_lack_rows() {
        return Context::TooShort;
    }
    let system = (!system_prompt.is_empty()).then(|| ModelMessage {
        role: ModelRole::System,
        text: system_prompt.to_owned(),
    });
    Context::Messages(system.into_iter().chain(newest.into_messages()).collect())
}

/// The messages for a run's next call, from a session that is known from its beginning. For tests that check what a runner asks.
pub fn whole_context(
    transcript: &Transcript,
    state: &SessionState,
    run: RunId,
    agent: &AgentSpec,
) -> Vec<ModelMessage> {
    let (prompt, chars_max) = (&agent.system_prompt, agent.context_chars_max);
    match build(transcript, state, run, prompt, chars_max) {
        Context::Messages(messages) => messages,
        Context::TooShort => Vec::new(),
    }
}

/// What a run sees: the conversation with people on the shown branch. A sub-agent sees its own task only.
struct View<'a> {
    state: &'a SessionState,
    run: RunId,
    is_child: bool,
}

impl<'a> View<'a> {
    fn of(state: &'a SessionState, run: RunId) -> Self {
        let is_child = parent(state, run).is_some();
        Self {
            state,
            run,
            is_child,
        }
    }

    fn has(&self, row: &TranscriptRow) -> bool {
        match row.run {
            Some(of) if self.is_child => of == self.run,
            Some(of) => parent(self.state, of).is_none(),
            None => !self.is_child,
        }
    }

    /// Whether the run may see rows below the state's horizon. A sub-agent's rows begin with its run, and nothing ran at the horizon.
    fn may_lack_rows(&self) -> bool {
        self.state.horizon().is_some() && !self.is_child
    }
}

fn parent(state: &SessionState, run: RunId) -> Option<RunId> {
    state.run_record(run).and_then(|record| record.parent)
}

/// The run that counts for each prompt: the latest one, because a retry replaces earlier attempts.
struct LatestAttempts<'a> {
    state: &'a SessionState,
    by_prompt: BTreeMap<PromptId, RunId>,
}

impl<'a> LatestAttempts<'a> {
    fn new(state: &'a SessionState, run: RunId) -> Self {
        let prompt = state.run_record(run).map(|record| record.prompt);
        Self {
            state,
            by_prompt: prompt.map(|prompt| (prompt, run)).into_iter().collect(),
        }
    }

    /// Records the next older row. Returns whether it belongs to an attempt that counts.
    fn note(&mut self, row: &TranscriptRow) -> bool {
        let Some((run, record)) = row
            .run
            .and_then(|run| Some((run, self.state.run_record(run)?)))
        else {
            return false;
        };
        *self.by_prompt.entry(record.prompt).or_insert(run) == run
    }
}

/// The speaker and text of a row; `None` if the model does not see the row.
fn spoken(row: &TranscriptRow, is_latest: bool) -> Option<(ModelRole, &str)> {
    let (role, text) = match &row.body {
        RowBody::Prompt { text, .. } => (ModelRole::User, text),
        RowBody::Text { text, .. } if is_latest => (ModelRole::Assistant, text),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some((role, text.as_str()))
}

/// Whether older messages may be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Left,
    None,
}

/// Messages from the newest back, as long as they fit. The newest one always fits.
struct Newest<'a> {
    budget: usize,
    /// Characters of all messages except the oldest.
    chars: usize,
    /// Newest first.
    messages: Vec<Pieces<'a>>,
    room: Room,
}

/// One message, built from its end towards its beginning.
struct Pieces<'a> {
    role: ModelRole,
    /// Last one first.
    texts: Vec<&'a str>,
    chars: usize,
    /// The run of the earliest piece so far.
    run: Option<RunId>,
}

impl<'a> Newest<'a> {
    fn new(budget: usize) -> Self {
        Self {
            budget,
            chars: 0,
            messages: Vec::new(),
            room: Room::Left,
        }
    }

    /// Puts a text before all others.
    fn add(&mut self, role: ModelRole, text: &'a str, run: Option<RunId>) -> Room {
        if self.messages.is_empty() && role == ModelRole::Assistant {
            self.messages
                .push(Pieces::new(ModelRole::User, GO_ON, None));
        }
        match self
            .messages
            .last_mut()
            .filter(|oldest| oldest.role == role)
        {
            Some(oldest) => oldest.add(text, run),
            None => {
                self.chars += self.messages.last().map_or(0, |oldest| oldest.chars);
                self.messages.push(Pieces::new(role, text, run));
            }
        }
        let oldest = self.messages.last().map_or(0, |oldest| oldest.chars);
        if self.messages.len() > 1 && self.chars + oldest > self.budget {
            self.messages.pop();
            self.room = Room::None;
        }
        self.room
    }

    /// The messages, oldest first. The first one is a user's.
    fn into_messages(mut self) -> impl Iterator<Item = ModelMessage> {
        match self.messages.last().map(|oldest| oldest.role) {
            None => self
                .messages
                .push(Pieces::new(ModelRole::User, GO_ON, None)),
            Some(ModelRole::Assistant) => drop(self.messages.pop()),
            Some(_) => {}
        }
        self.messages.into_iter().rev().map(Pieces::into_message)
    }
}

impl<'a> Pieces<'a> {
    fn new(role: ModelRole, text: &'a str, run: Option<RunId>) -> Self {
        Self {
            role,
            texts: vec![text],
            chars: text.chars().count(),
            run,
        }
    }

    /// The parts of one long answer join without a separator; other neighbours are separate messages.
    fn add(&mut self, text: &'a str, run: Option<RunId>) {
        if self.role == ModelRole::User || self.run != run {
            self.texts.push(BETWEEN);
            self.chars += BETWEEN.chars().count();
        }
        self.texts.push(text);
        self.chars += text.chars().count();
        self.run = run;
    }

    fn into_message(self) -> ModelMessage {
        ModelMessage {
            role: self.role,
            text: self.texts.into_iter().rev().collect(),
        }
    }
}
