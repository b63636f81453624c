//! The task that drives the sync engine: it feeds the engine the socket, the clock and the person's requests, and does what the engine
//! says.
//!
//! It owns the connection and the in-memory order of the outbox. It makes no decision that belongs to the engine.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use baton_protocol::view::ConnectionPhase;
use baton_protocol::{
    Batch, Command, CommandId, Cursor, ErrorCode, EventBody, LogId, SessionActivity, SessionId,
    SessionSummary,
};
use baton_session::AccountState;
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};

use super::intents::{ActError, CancelError, Intent, Waiters};
use super::trail::Trail;
use crate::limits::{EVENTS_TOGETHER_MAX, FRAMES_TOGETHER_MAX};
use crate::linked_hub::LinkedHub;
use crate::mirror::{
    ApplyOutcome, LostLogs, Mirror, MirrorListener, Outbox, OutboxEntry, OutboxState, Store,
    StoreError,
};
use crate::net::{Line, LineEvent};
use crate::sync::{
    ConnectionStatus, Input, Output, PendingIntent, Problem, SessionPosition, SyncConfig,
    SyncEngine,
};
use crate::system::Clock;
use crate::token::TokenProvider;
use crate::view::{Views, unsent_draft};

/// Requests from a device's handles to its driver.
pub(super) enum Request {
    Queue {
        commands: Vec<Command>,
        reply: oneshot::Sender<Result<Vec<Intent>, ActError>>,
    },
    Cancel {
        command: CommandId,
        reply: oneshot::Sender<Result<(), CancelError>>,
    },
    Retry {
        command: CommandId,
        reply: oneshot::Sender<Result<CommandId, CancelError>>,
    },
    DiscardOpaque {
        ordinal: i64,
        reply: oneshot::Sender<Result<(), CancelError>>,
    },
    Want(LogId),
    Unwant(LogId),
    WantHistory(LogId),
    Nudge,
}

pub(super) struct Driver {
    pub(super) engine: SyncEngine,
    pub(super) mirror: Mirror,
    lost: LostLogs,
    pub(super) views: Arc<Views>,
    pub(super) waiters: Arc<Waiters>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) outbox: Vec<OutboxEntry>,
    linked: LinkedHub,
    tokens: Arc<dyn TokenProvider>,
    line: Option<Line>,
    pub(super) trail: Trail,
    /// Logs that failed to fold once. After a second failure they are left alone; otherwise they would be fetched forever.
    unfoldable: HashSet<LogId>,
}

impl Driver {
    /// Loads the mirror's state and builds the engine on it.
    pub(super) async fn prepare(
        linked: LinkedHub,
        tokens: Arc<dyn TokenProvider>,
        (mirror, lost): (Mirror, LostLogs),
        views: Arc<Views>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, StoreError> {
        let account = LogId::Account(linked.account);
        let read = move |store: &mut crate::mirror::Store| {
            let state = store.account(account)?;
            let mut outbox = store.outbox()?;
            if let Some(state) = &state {
                forget_drafts_of_deleted(store, state, &mut outbox.entries)?;
            }
            Ok((store.cursors()?, store.gaps()?, state, outbox))
        };
        let (cursors, gaps, account, Outbox { entries, opaque }) = mirror.write(read).await?;
        let (mut sessions, mut deleted) = (Vec::new(), Vec::new());
        if let Some(account) = &account {
            views.account_changed(account, Vec::new());
            sessions.extend(account.sessions().iter().map(position));
            deleted.extend(account.deleted());
        }
        views.set_outbox(entries.clone());
        views.set_opaque(opaque);
        let engine = SyncEngine::new(SyncConfig {
            account: linked.account,
            seed,
            cursors,
            gaps,
            sessions,
            deleted,
            intents: entries.iter().filter_map(pending).collect(),
        });
        Ok(Self {
            engine,
            mirror,
            lost,
            views,
            waiters: Arc::default(),
            clock,
            outbox: entries,
            linked,
            tokens,
            line: None,
            trail: Trail::default(),
            unfoldable: HashSet::new(),
        })
    }

    /// Runs until every handle of the device is dropped.
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Request>) {
        self.feed(Input::Start);
        loop {
            self.obey().await;
            let deadline = self.engine.deadline_ms();
            let now_ms = self.clock.now().mono_ms;
            let wait = deadline.map(|at_ms| Duration::from_millis(at_ms.saturating_sub(now_ms)));
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.serve(request).await,
                    None => return,
                },
                event = next_event(&mut self.line) => {
                    self.hear(event);
                    self.hear_what_waits();
                }
                Some(log) = self.lost.recv() => {
                    self.feed(Input::MirrorMoved { log, cursor: None });
                }
                () = pause(&*self.clock, wait) => self.feed(Input::Tick),
            }
        }
    }

    /// Runs the driver and reports a panic: a device that has stopped must not look alive.
    pub(super) async fn run_watched(self, inbox: mpsc::UnboundedReceiver<Request>) {
        let views = self.views.clone();
        if AssertUnwindSafe(self.run(inbox))
            .catch_unwind()
            .await
            .is_err()
        {
            tracing::error!("the device's driver panicked");
            let hint = "restart Baton; nothing that you wrote is lost";
            let error = ErrorCode::Internal.with("this device met a fault of its own", hint);
            views.set_status(ConnectionStatus {
                phase: ConnectionPhase::Refused,
                retry_at: None,
                problem: Some(error),
            });
        }
    }

    pub(super) fn feed(&mut self, input: Input) {
        self.engine.handle(self.clock.now(), input);
    }

    fn hear(&mut self, event: LineEvent) {
        let input = match event {
            LineEvent::Opened => Input::Connected,
            LineEvent::Frame(frame) => Input::FrameReceived(frame),
            LineEvent::Unreadable => Input::FrameUnreadable,
            LineEvent::Closed(problem) => {
                self.line = None;
                Input::Disconnected(problem)
            }
        };
        self.feed(input);
    }

    /// Takes frames that have already arrived, as long as the engine still considers this connection open.
    fn hear_what_waits(&mut self) {
        for _ in 1..FRAMES_TOGETHER_MAX {
            let waits = self.line.as_mut().filter(|_| self.engine.is_open());
            match waits.and_then(Line::try_next) {
                Some(event) => self.hear(event),
                None => return,
            }
        }
    }

    async fn serve(&mut self, request: Request) {
        match request {
            Request::Queue { commands, reply } => {
                let _ = reply.send(self.queue(commands).await);
            }
            Request::Cancel { command, reply } => {
                let _ = reply.send(self.cancel(command).await);
            }
            Request::Retry { command, reply } => {
                let _ = reply.send(self.retry(command).await);
            }
            Request::DiscardOpaque { ordinal, reply } => {
                let _ = reply.send(self.discard_opaque(ordinal).await);
            }
            Request::Want(log) => self.feed(Input::Want(log)),
            Request::Unwant(log) => self.feed(Input::Unwant(log)),
            Request::WantHistory(log) => self.feed(Input::WantHistory(log)),
            Request::Nudge => self.feed(Input::Nudge),
        }
    }

    /// Carries out the engine's outputs in order.
    pub(super) async fn obey(&mut self) {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Connect => {
                    let hub = self.linked.hub.clone();
                    self.line = Some(Line::open(hub, self.tokens.clone()));
                }
                Output::Close => self.line = None,
                Output::Send(frame) => {
                    self.trail.sends(&frame);
                    let taken = self.line.as_ref().is_none_or(|line| line.send(&frame));
                    if !taken {
                        self.lose_line("the connection takes nothing more");
                    }
                }
                Output::MarkSent(commands) => self.mark_sent(commands).await,
                Output::ApplyBatch(batch) => {
                    let batch = self.joined(batch);
                    self.apply(batch).await;
                }
                Output::ApplySnapshot(snapshot) => self.apply_snapshot(snapshot).await,
                Output::ApplyHistory(batch) => self.apply_history(batch).await,
                Output::DropLog(log) => self.drop_log(log).await,
                Output::StoreReceipt(receipt) => self.store_receipt(receipt).await,
                Output::RefuseIntent { command, error } => self.refuse(command, error).await,
                Output::Welcomed {
                    hub_name,
                    clock_offset_ms,
                    ..
                } => self.views.set_greeting(hub_name, clock_offset_ms),
                Output::Presence(connected) => self.views.set_presence(connected),
                Output::Connection(status) => {
                    tracing::info!(phase = ?status.phase, "the line to the hub changed");
                    self.views.set_status(status);
                }
                Output::CaughtUp { log, caught_up } => {
                    // A later input may have changed this: the engine reports that in a later output but already knows it.
                    let caught_up = caught_up && self.engine.caught_up(log);
                    self.views.set_caught_up(log, caught_up);
                }
            }
        }
    }

    fn lose_line(&mut self, what: &str) {
        self.line = None;
        let error = ErrorCode::HeartbeatMissed.with(what, "a new connection is being made");
        self.feed(Input::Disconnected(Problem::passing(error)));
    }

    async fn mark_sent(&mut self, commands: Vec<CommandId>) {
        for entry in &mut self.outbox {
            if commands.contains(&entry.command.id) {
                entry.state = OutboxState::Sent;
            }
        }
        let mark = move |store: &mut crate::mirror::Store| store.mark_sent(&commands);
        if let Err(error) = self.mirror.write(mark).await {
            // An intent that is not marked must not be sent: after a restart it could be taken back although the hub has it.
            self.report(&error);
            self.lose_line("the outbox cannot be written");
        }
        self.show_outbox();
    }

    /// Joins a batch with the queued batches that continue it. Each transaction creates a segment of the full-text index that must be
    /// merged later, so few large transactions cost less than many small ones.
    fn joined(&mut self, mut batch: Batch) -> Batch {
        while batch.events.len() < EVENTS_TOGETHER_MAX
            && let Some(next) = self.engine.next_batch_after(&batch)
        {
            batch.upto = next.upto;
            batch.head = next.head;
            batch.events.extend(next.events);
        }
        batch
    }

    async fn apply(&mut self, batch: Batch) {
        let log = batch.log;
        let before = (batch.after.0 > 0).then_some(Cursor {
            incarnation: batch.incarnation,
            seq: batch.after,
        });
        let deleted = deleted_in(&batch);
        let mut positions = positions_in(&batch);
        positions.retain(|position| !deleted.contains(&position.session));
        let apply = move |store: &mut crate::mirror::Store| store.apply(&batch);
        match self.mirror.write(apply).await {
            Ok(ApplyOutcome::Applied | ApplyOutcome::Known) => {
                if !deleted.is_empty() {
                    self.feed(Input::Deleted(deleted));
                }
                if !positions.is_empty() {
                    self.feed(Input::Summaries(positions));
                }
            }
            Ok(ApplyOutcome::Moved(cursor)) => self.moved(log, cursor).await,
            Ok(ApplyOutcome::Dropped { reason }) => {
                tracing::error!(log = %log, reason, "the log does not fold: its mirror is dropped and fetched anew");
                if !self.unfoldable.insert(log) {
                    tracing::error!(log = %log, "it does not fold again: it is left alone until the next start");
                    self.feed(Input::Quarantine(log));
                }
                self.feed(Input::SnapshotUnfit(log));
                self.feed(Input::MirrorMoved { log, cursor: None });
            }
            Err(error) => self.mirror_failed(log, before, &error),
        }
    }

    async fn drop_log(&mut self, log: LogId) {
        tracing::info!(log = %log, "the session is gone, or the hub has another log under its name: its mirror is dropped");
        let forget = move |store: &mut crate::mirror::Store| store.drop_log(log);
        if let Err(error) = self.mirror.write(forget).await {
            self.report(&error);
            self.feed(Input::DropFailed(log));
        }
    }

    pub(super) fn take_entry(&mut self, command: CommandId) -> Option<OutboxEntry> {
        let is = |entry: &OutboxEntry| entry.command.id == command;
        let index = self.outbox.iter().position(is)?;
        Some(self.outbox.remove(index))
    }

    pub(super) fn show_outbox(&self) {
        self.views.set_outbox(self.outbox.clone());
    }

    pub(super) fn report(&self, error: &StoreError) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(error = %error, cause, "the mirror failed");
    }
}

/// A draft that was refused because its session was deleted stays until the next start, so that a person can copy it.
fn forget_drafts_of_deleted(
    store: &mut Store,
    account: &AccountState,
    outbox: &mut Vec<OutboxEntry>,
) -> Result<(), StoreError> {
    let is_forgotten = |entry: &mut OutboxEntry| {
        let is_refused = matches!(entry.state, OutboxState::Refused(_));
        let draft = unsent_draft(entry).filter(|_| is_refused);
        draft.is_some_and(|draft| account.deleted().contains(&draft.session))
    };
    for forgotten in outbox.extract_if(.., is_forgotten) {
        store.remove_intent(forgotten.command.id)?;
    }
    Ok(())
}

/// An outbox entry as the engine takes it; `None` for a refused one, which the engine does not handle.
pub(super) fn pending(entry: &OutboxEntry) -> Option<PendingIntent> {
    Some(PendingIntent {
        command: entry.command.clone(),
        maybe_sent: match entry.state {
            OutboxState::Waiting => false,
            OutboxState::Sent => true,
            OutboxState::Refused(_) => return None,
        },
    })
}

pub(super) fn position((session, summary): (&SessionId, &SessionSummary)) -> SessionPosition {
    SessionPosition {
        session: *session,
        seq: summary.seq,
        running: matches!(summary.activity, SessionActivity::Running { .. }),
        updated_at: summary.updated_at,
    }
}

fn positions_in(batch: &Batch) -> Vec<SessionPosition> {
    let summarized = batch.events.iter().filter_map(|event| match &event.body {
        EventBody::SessionSummarized(body) => Some(position((&body.session, &body.summary))),
        _ => None,
    });
    summarized.collect()
}

fn deleted_in(batch: &Batch) -> Vec<SessionId> {
    let deleted = batch.events.iter().filter_map(|event| match &event.body {
        EventBody::SessionDeleted(body) => Some(body.session),
        _ => None,
    });
    deleted.collect()
}

async fn next_event(line: &mut Option<Line>) -> LineEvent {
    match line {
        Some(line) => line.next().await,
        None => std::future::pending().await,
    }
}

async fn pause(clock: &dyn Clock, wait: Option<Duration>) {
    match wait {
        Some(wait) => clock.sleep(wait).await,
        None => std::future::pending().await,
    }
}
