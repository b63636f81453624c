//! One open session of one screen: its window, its header and its queue.

use baton_protocol::view::{
    PromptState, QueueItem, QueueView, RetryView, RowPatch, RunningView, SessionHeader,
    StoppingState, ViewId, ViewMessage,
};
use baton_protocol::{
    AgentId, CommandBody, LogId, PromptId, RunnerId, SessionId, StopScope, StopTarget,
};
use baton_session::WaitingPrompt;

use super::facts::{RunFacts, SessionFacts};
use super::window::Window;
use super::world::{World, title_of};
use crate::mirror::OutboxEntry;

pub(super) struct SessionView {
    pub(super) session: SessionId,
    pub(super) rows_at_first: u32,
    pub(super) window: Window,
    pub(super) facts: Option<SessionFacts>,
    /// The mirror's copy was dropped or replaced: the window must be opened again.
    pub(super) stale: bool,
    /// Nothing was mirrored when the view opened: until the session is caught up, the window keeps only as many rows as the view asked for,
    /// however long the session is.
    pub(super) filling: bool,
    /// How many older rows the screen asked for that lie in a gap of the mirror.
    pub(super) older_wanted: Option<u32>,
    /// Those rows have arrived.
    pub(super) older_is_here: bool,
    header: Option<SessionHeader>,
    queue: Option<QueueView>,
}

impl SessionView {
    pub(super) fn new(session: SessionId, rows_at_first: u32) -> Self {
        Self {
            session,
            rows_at_first,
            window: Window::new(Vec::new(), false),
            facts: None,
            stale: false,
            filling: false,
            older_wanted: None,
            older_is_here: false,
            header: None,
            queue: None,
        }
    }

    /// Appends the messages for what changed since the last frame.
    pub(super) fn messages(&mut self, view: ViewId, world: &World, into: &mut Vec<ViewMessage>) {
        let header = self.make_header(world);
        if self.header.as_ref() != Some(&header) {
            self.header = Some(header.clone());
            into.push(ViewMessage::Header { view, header });
        }
        let queue = self.make_queue(world);
        if self.queue.as_ref() != Some(&queue) {
            self.queue = Some(queue.clone());
            into.push(ViewMessage::Queue { view, queue });
        }
        if self.window.is_dirty() {
            let patches: Vec<RowPatch> = self.window.take_patches();
            if !patches.is_empty() {
                into.push(ViewMessage::Rows { view, patches });
            }
        }
    }

    fn log(&self) -> LogId {
        LogId::Session(self.session)
    }

    fn make_header(&self, world: &World) -> SessionHeader {
        let log = self.log();
        let known = self.facts.as_ref();
        let is_deleted = world.is_deleted(self.session);
        let title = match (known.filter(|facts| facts.agent.is_some()), &self.header) {
            (Some(facts), _) => title_of(facts.title.as_deref(), &facts.preview),
            // A deleted session keeps its title for a person who has it open.
            (None, Some(last)) if is_deleted => last.title.clone(),
            (None, _) => world.session_title(self.session),
        };
        let run = known.and_then(|facts| facts.run.as_ref());
        SessionHeader {
            session: self.session,
            title,
            agent: self.agent(world).unwrap_or(AgentId(String::new())),
            runner: self.runner(world),
            seq: known.map(|facts| facts.head).unwrap_or_default(),
            has_older: self.window.has_older,
            caught_up: world.caught_up.contains(&log),
            run: run.map(|run| self.running(run, world)),
            retryable: known.and_then(|facts| facts.retryable),
            is_deleted,
        }
    }

    fn agent(&self, world: &World) -> Option<AgentId> {
        let folded = self.facts.as_ref().and_then(|facts| facts.agent.clone());
        let listed = || Some(world.account.sessions().get(&self.session)?.agent.clone());
        let unsent = || {
            let mut intents = world.intents_for(self.log());
            intents.find_map(|entry| match &entry.command.body {
                CommandBody::CreateSession(create) => Some(create.agent.clone()),
                _ => None,
            })
        };
        folded.or_else(listed).or_else(unsent)
    }

    /// The runner that the session was created for.
    fn runner(&self, world: &World) -> Option<RunnerId> {
        if let Some(facts) = self.facts.as_ref().filter(|facts| facts.agent.is_some()) {
            return facts.pinned_runner;
        }
        let mut intents = world.intents_for(self.log());
        intents.find_map(|entry| match &entry.command.body {
            CommandBody::CreateSession(create) => create.runner,
            _ => None,
        })
    }

    fn running(&self, run: &RunFacts, world: &World) -> RunningView {
        let stops = world
            .intents_for(self.log())
            .any(|entry| is_stop_of(entry, run));
        RunningView {
            run: run.run,
            prompt: run.prompt,
            runner: run.runner,
            started_at: run.started_at,
            started_by: run.started_by.clone(),
            can_steer: world.can_steer(run.runner, &run.agent),
            stopping: match (stops, world.is_online()) {
                (false, _) => StoppingState::None,
                (true, true) => StoppingState::Sending,
                (true, false) => StoppingState::WaitingForHub,
            },
            retry: run.retry.as_ref().map(|retry| RetryView {
                attempt: run.retries,
                until: retry.until,
                reason: retry.reason.clone(),
                message: retry.message.clone(),
            }),
        }
    }

    fn make_queue(&self, world: &World) -> QueueView {
        let facts = self.facts.as_ref();
        let pause = facts.and_then(|facts| facts.pause.as_ref());
        let mut items: Vec<QueueItem> = Vec::new();
        if let Some(facts) = facts {
            items.extend(facts.steers.iter().chain(&facts.queue).map(recorded_item));
        }
        for entry in world.intents_for(self.log()) {
            if let Some(item) = unsent_item(entry, world)
                && !items.iter().any(|known| known.prompt == item.prompt)
            {
                items.push(item);
            }
        }
        QueueView {
            paused: pause.map(|pause| pause.reason),
            paused_by: pause.map(|pause| pause.by.clone()),
            runner_online: world.runner_online(
                facts.and_then(|facts| facts.pinned_runner),
                self.agent(world).as_ref(),
            ),
            items,
        }
    }
}

fn recorded_item(waiting: &WaitingPrompt) -> QueueItem {
    QueueItem {
        prompt: waiting.prompt,
        text: waiting.text.clone(),
        by: waiting.by.clone(),
        at: waiting.at,
        delivery: waiting.delivery,
        state: PromptState::Accepted,
    }
}

fn unsent_item(entry: &OutboxEntry, world: &World) -> Option<QueueItem> {
    let (text, delivery) = match &entry.command.body {
        CommandBody::SendPrompt(prompt) => (prompt.text.clone(), prompt.delivery),
        _ => return None,
    };
    let settling =
        |settling: &super::world::Settling| settling.entry.command.id == entry.command.id;
    let state = if world.settling.iter().any(settling) {
        PromptState::Accepted
    } else {
        world.prompt_state(entry)
    };
    Some(QueueItem {
        prompt: PromptId(entry.command.id),
        text,
        by: world.linked.principal.clone(),
        at: entry.queued_at,
        delivery,
        state,
    })
}

fn is_stop_of(entry: &OutboxEntry, run: &RunFacts) -> bool {
    let CommandBody::StopRun(stop) = &entry.command.body else {
        return false;
    };
    let aimed = match stop.target {
        StopTarget::Run { run: target } => target == run.run,
        StopTarget::Prompt { prompt } => prompt == run.prompt,
    };
    aimed || stop.scope == StopScope::Session
}
