//! The engine: phases of the connection, and what each input does.

use std::collections::{BTreeMap, VecDeque};

use baton_protocol::limits::{
    HEARTBEAT_INTERVAL_MS, HEARTBEAT_TIMEOUT_MS, HELLO_TIMEOUT_MS, PROTOCOL_VERSION,
};
use baton_protocol::{AccountId, AfterClose, Batch, ClientFrame, Command, CommandId, LogId};

use super::following::{Ask, Following};
use super::history::Histories;
use super::problems::{no_answer, silent, unreadable};
use super::sending::{Blame, Sending};
use super::{Backoff, CancelOutcome, ConnectionStatus, Input, Now, Output, Problem, SyncConfig};
use crate::limits::{
    CONNECT_TIMEOUT_MS, MIRROR_RETRY_MS, MISFIT_RETRY_MS, SLEEP_JUMP_MS, STALE_AFTER_MS,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Not started, or the hub does not accept this device.
    Down,
    Waiting {
        until_ms: u64,
    },
    Connecting {
        until_ms: u64,
    },
    Greeting {
        until_ms: u64,
    },
    Open {
        heard_ms: u64,
        next_heartbeat_ms: u64,
    },
}

/// Keeps a mirror equal to the hub's logs and gets every intent answered. See the module's documentation.
pub struct SyncEngine {
    pub(super) account: AccountId,
    pub(super) line: Line,
    pub(super) backoff: Backoff,
    pub(super) following: Following,
    pub(super) histories: Histories,
    pub(super) sending: Sending,
    pub(super) problem: Option<Problem>,
    /// Whether an attempt was made: the first one is shown as connecting, later ones as reconnecting.
    pub(super) tried: bool,
    /// Logs that could not be dropped, with the time of the next try: milliseconds on the monotonic clock.
    undropped: BTreeMap<LogId, u64>,
    last: Now,
    pub(super) shown: Option<ConnectionStatus>,
    out: VecDeque<Output>,
}

impl SyncEngine {
    /// An engine that does nothing until [`Input::Start`].
    pub fn new(config: SyncConfig) -> Self {
        let mut following = Following::new(LogId::Account(config.account), config.cursors);
        for position in config.sessions {
            following.note(position);
        }
        following.look_for_strays();
        let mut sending = Sending::default();
        for intent in config.intents {
            sending.queue(intent);
        }
        let mut engine = Self {
            account: config.account,
            line: Line::Down,
            backoff: Backoff::new(config.seed),
            following,
            histories: Histories::new(config.gaps),
            sending,
            problem: None,
            tried: false,
            undropped: BTreeMap::new(),
            last: Now::default(),
            shown: None,
            out: VecDeque::new(),
        };
        engine.deleted(config.deleted);
        engine
    }

    /// Handles one input. [`Self::next_output`] then returns what the driver must do.
    pub fn handle(&mut self, now: Now, input: Input) {
        let slept = self.notice_sleep(now);
        match input {
            Input::Start => self.connect(now),
            Input::Connected => self.connected(now),
            Input::Disconnected(problem) => self.disconnected(now, problem),
            Input::FrameReceived(frame) => self.frame(now, *frame),
            Input::FrameUnreadable => self.cut_for_long(now, unreadable()),
            Input::Tick => {}
            Input::Nudge => self.nudge(now),
            Input::IntentQueued(intent) => self.sending.queue(intent),
            Input::SnapshotUnfit(log) => self.following.without_snapshots(log),
            Input::GapMoved { log, .. } if self.following.is_deleted(log) => {}
            Input::GapMoved { log, gap } => self.histories.set(log, gap),
            Input::HistoryUnwritten(log) => {
                self.histories.pause(log, now.mono_ms + MIRROR_RETRY_MS);
            }
            Input::WantHistory(log) => self.histories.want(log),
            Input::Want(log) => self.following.want(log),
            Input::Unwant(log) => self.following.unwant(log),
            Input::MirrorMoved { log, cursor } => self.mirror_moved(now, log, cursor),
            Input::MirrorFailed(problem) => self.mirror_failed(now, problem),
            Input::Quarantine(log) => self.following.quarantine(log),
            Input::DropFailed(log) => {
                self.undropped.insert(log, now.mono_ms + MIRROR_RETRY_MS);
            }
            Input::RefusalNoted(command) => drop(self.sending.answered(command)),
            Input::RefusalUnnoted(command) => self.sending.hold(command, now.mono_ms),
            Input::Summaries(positions) => {
                for position in positions {
                    self.following.note(position);
                }
            }
            Input::Deleted(sessions) => self.deleted(sessions),
        }
        if slept {
            self.nudge(now);
        }
        self.keep_time(now);
        self.drop_again(now.mono_ms);
        if self.is_open() {
            for ask in self.following.review(now.mono_ms) {
                self.ask(ask);
            }
            self.fill(now);
            self.pump(now);
        }
        self.show(now);
    }

    /// The next output, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The next output, if it is a batch that continues `batch`: a mirror may apply the two as one.
    pub fn next_batch_after(&mut self, batch: &Batch) -> Option<Batch> {
        let continues = |next: &Batch| {
            next.log == batch.log
                && next.incarnation == batch.incarnation
                && next.after == batch.upto
        };
        match self.out.pop_front()? {
            Output::ApplyBatch(next) if continues(&next) => Some(next),
            other => {
                self.out.push_front(other);
                None
            }
        }
    }

    /// When the next [`Input::Tick`] is due: milliseconds on the monotonic clock.
    pub fn deadline_ms(&self) -> Option<u64> {
        let undropped = self.undropped.values().copied();
        undropped.chain(self.line_deadline_ms()).min()
    }

    fn line_deadline_ms(&self) -> Option<u64> {
        match self.line {
            Line::Down => None,
            Line::Waiting { until_ms }
            | Line::Connecting { until_ms }
            | Line::Greeting { until_ms } => Some(until_ms),
            Line::Open {
                heard_ms,
                next_heartbeat_ms,
            } => {
                let stale_ms = heard_ms + STALE_AFTER_MS;
                let due = if stale_ms > self.last.mono_ms {
                    stale_ms
                } else {
                    heard_ms + HEARTBEAT_TIMEOUT_MS
                };
                let due = due.min(next_heartbeat_ms);
                Some(due.min(self.sending.deadline_ms().unwrap_or(due)))
            }
        }
    }

    /// Takes an intent back if it was certainly never sent.
    pub fn cancel(&mut self, command: CommandId) -> CancelOutcome {
        self.sending.cancel(command)
    }

    /// Retries an intent at a person's request.
    pub fn retry(&mut self, now: Now, command: CommandId) {
        self.sending.retry(command);
        let input = if self.is_open() {
            Input::Tick
        } else {
            Input::Nudge
        };
        self.handle(now, input);
    }

    /// Whether an intent for this log that is queued now is sent at once.
    pub fn sends_at_once(&self, log: LogId) -> bool {
        self.is_open() && self.sending.is_free(log)
    }

    /// Whether this command may be sent before it is durable in the outbox. Only a stop that names its run may, and only if it can be sent
    /// at once. After a crash in between, the device has forgotten the stop and the run is stopped; a second stop under another id would
    /// change nothing. No other command would be sure to happen only once.
    pub fn goes_ahead(&self, command: &Command) -> bool {
        self.is_open() && self.sending.goes_ahead(command)
    }

    /// Forgets an intent that was sent ahead but could not be made durable. Its caller was told of the failure and expects no receipt.
    pub fn retract(&mut self, command: CommandId) {
        self.sending.answered(command);
    }

    /// Whether the mirror has everything up to the hub's head in this log.
    pub fn caught_up(&self, log: LogId) -> bool {
        self.following.caught_up(log)
    }

    /// Whether the hub has greeted on the current connection.
    pub fn is_open(&self) -> bool {
        matches!(self.line, Line::Open { .. })
    }

    pub(super) fn emit(&mut self, output: Output) {
        self.out.push_back(output);
    }

    fn notice_sleep(&mut self, now: Now) -> bool {
        let mono = now.mono_ms.saturating_sub(self.last.mono_ms);
        let wall = u64::try_from(now.wall.0 - self.last.wall.0).unwrap_or(0);
        let first = self.last == Now::default();
        self.last = now;
        let overslept = self.is_open() && mono > HEARTBEAT_TIMEOUT_MS + SLEEP_JUMP_MS;
        !first && (overslept || wall.saturating_sub(mono) > SLEEP_JUMP_MS)
    }

    fn connect(&mut self, now: Now) {
        self.line = Line::Connecting {
            until_ms: now.mono_ms + CONNECT_TIMEOUT_MS,
        };
        self.emit(Output::Connect);
    }

    fn connected(&mut self, now: Now) {
        if !matches!(self.line, Line::Connecting { .. }) {
            return;
        }
        self.line = Line::Greeting {
            until_ms: now.mono_ms + HELLO_TIMEOUT_MS,
        };
        let hello = ClientFrame::Hello {
            protocol: PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: None,
        };
        self.emit(Output::Send(hello));
    }

    /// Closes the connection from this side.
    pub(super) fn cut(&mut self, now: Now, problem: Problem) {
        if matches!(self.line, Line::Down | Line::Waiting { .. }) {
            return;
        }
        self.emit(Output::Close);
        self.lose_line(now, problem);
    }

    /// Closes the connection if the next one would very likely end in the same way. Each one works until then and resets the backoff, so
    /// the backoff alone would reconnect at once, forever.
    pub(super) fn cut_for_long(&mut self, now: Now, problem: Problem) {
        self.cut(now, problem);
        self.wait_at_least(now, MISFIT_RETRY_MS);
    }

    fn wait_at_least(&mut self, now: Now, wait_ms: u64) {
        if let Line::Waiting { until_ms } = &mut self.line {
            *until_ms = (*until_ms).max(now.mono_ms + wait_ms);
        }
    }

    /// However good the connection is, the mirror cannot store what arrives over it.
    fn mirror_failed(&mut self, now: Now, problem: Problem) {
        self.cut(now, problem);
        self.wait_at_least(now, MIRROR_RETRY_MS);
    }

    /// If the hub says that it could not read a frame, finds the intent at fault and sets it aside: sent again, it would be refused
    /// forever.
    fn disconnected(&mut self, now: Now, problem: Problem) {
        if matches!(self.line, Line::Down | Line::Waiting { .. }) {
            return;
        }
        let is_misfit = problem.error.code.after_close() == AfterClose::SetAside;
        let found = match is_misfit {
            true => self.sending.blame(),
            false => Blame::Nothing,
        };
        let error = problem.error.clone();
        self.lose_line(now, problem);
        match found {
            Blame::Found(command) => self.command_refused(now, command, error),
            Blame::Sought => {}
            Blame::Nothing if is_misfit => self.wait_at_least(now, MISFIT_RETRY_MS),
            Blame::Nothing => {}
        }
    }

    fn lose_line(&mut self, now: Now, problem: Problem) {
        if matches!(self.line, Line::Down | Line::Waiting { .. }) {
            return;
        }
        self.forget_line();
        self.tried = true;
        self.line = if problem.retry {
            Line::Waiting {
                until_ms: now.mono_ms + self.backoff.next_ms(),
            }
        } else {
            Line::Down
        };
        self.problem = Some(problem);
    }

    fn forget_line(&mut self) {
        self.sending.line_lost();
        self.histories.line_lost();
        for log in self.following.line_lost() {
            self.emit(Output::CaughtUp {
                log,
                caught_up: false,
            });
        }
        self.emit(Output::Presence(Vec::new()));
    }

    fn nudge(&mut self, now: Now) {
        match self.line {
            // Not started.
            Line::Down if self.problem.is_none() => {}
            Line::Down | Line::Waiting { .. } => {
                self.backoff.reset();
                self.connect(now);
            }
            // A heartbeat would take too long to find out whether the connection still works, so replace it.
            Line::Connecting { .. } | Line::Greeting { .. } | Line::Open { .. } => {
                self.emit(Output::Close);
                self.forget_line();
                self.tried = true;
                self.connect(now);
            }
        }
    }

    /// Sends heartbeats and ends what took too long.
    fn keep_time(&mut self, now: Now) {
        let now_ms = now.mono_ms;
        match self.line {
            Line::Down => {}
            Line::Waiting { until_ms } if now_ms >= until_ms => self.connect(now),
            Line::Connecting { until_ms } if now_ms >= until_ms => self.cut(now, no_answer()),
            Line::Greeting { until_ms } if now_ms >= until_ms => self.cut(now, no_answer()),
            Line::Open { heard_ms, .. } if now_ms >= heard_ms + HEARTBEAT_TIMEOUT_MS => {
                self.cut(now, silent());
            }
            Line::Open {
                heard_ms,
                next_heartbeat_ms,
            } if now_ms >= next_heartbeat_ms => {
                self.line = Line::Open {
                    heard_ms,
                    next_heartbeat_ms: now_ms + HEARTBEAT_INTERVAL_MS,
                };
                self.emit(Output::Send(ClientFrame::Heartbeat { runs: None }));
                for log in self.following.overdue(now_ms) {
                    let ask = self.following.subscribe(log, now_ms);
                    self.ask(ask);
                }
            }
            Line::Waiting { .. }
            | Line::Connecting { .. }
            | Line::Greeting { .. }
            | Line::Open { .. } => {}
        }
    }

    /// Drops the logs whose drop failed, unless they were fetched again meanwhile.
    fn drop_again(&mut self, now_ms: u64) {
        let due = self.undropped.iter().filter(|(_, at_ms)| **at_ms <= now_ms);
        let due: Vec<LogId> = due.map(|(log, _)| *log).collect();
        for log in due {
            self.undropped.remove(&log);
            if self.following.cursor(log).is_none() {
                self.emit(Output::DropLog(log));
            }
        }
    }

    fn pump(&mut self, now: Now) {
        let pumped = self.sending.pump(now.mono_ms);
        if !pumped.first_time.is_empty() {
            self.emit(Output::MarkSent(pumped.first_time));
        }
        for command in pumped.commands {
            self.emit(Output::Send(ClientFrame::Command { command }));
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Subscribe {
                log,
                cursor,
                state_format,
            } => {
                self.emit(Output::Send(ClientFrame::Subscribe {
                    log,
                    cursor,
                    state_format,
                    newest_chars: None,
                }));
            }
            Ask::Unsubscribe(log) => {
                self.emit(Output::Send(ClientFrame::Unsubscribe { log }));
                // A log that is not followed soon falls behind.
                let caught_up = false;
                self.emit(Output::CaughtUp { log, caught_up });
            }
        }
    }
}
