//! What each frame of the hub does.

use baton_protocol::limits::HEARTBEAT_INTERVAL_MS;
use baton_protocol::{
    Batch, Command, CommandBody, CommandId, Cursor, ErrorBody, ErrorCode, HubFrame, LogId, Receipt,
    ReceiptOutcome, SessionId, SnapshotPiece,
};

use super::engine::Line;
use super::following::Fit;
use super::problems::{other_account, unreadable};
use super::{Now, Output, SyncEngine};
use crate::limits::HISTORY_AGAIN_MS;

impl SyncEngine {
    pub(super) fn frame(&mut self, now: Now, frame: HubFrame) {
        if let Line::Open { heard_ms, .. } = &mut self.line {
            *heard_ms = now.mono_ms;
        }
        match frame {
            HubFrame::Welcome {
                account,
                principal,
                hub_name,
                hub_time,
                ..
            } => {
                if !matches!(self.line, Line::Greeting { .. }) {
                    return;
                }
                if account != self.account {
                    return self.cut(now, other_account());
                }
                self.line = Line::Open {
                    heard_ms: now.mono_ms,
                    next_heartbeat_ms: now.mono_ms + HEARTBEAT_INTERVAL_MS,
                };
                self.problem = None;
                self.tried = true;
                self.emit(Output::Welcomed {
                    hub_name,
                    principal,
                    clock_offset_ms: hub_time.map(|hub| hub.0.saturating_sub(now.wall.0)),
                });
            }
            // Any other frame before the greeting belongs to an earlier connection.
            _ if !self.is_open() => {}
            HubFrame::Batch(batch) => self.batch(now, batch),
            HubFrame::Snapshot(piece) => self.snapshot(now, piece),
            HubFrame::History(batch) => {
                if self.histories.take(&batch) {
                    self.emit(Output::ApplyHistory(batch));
                }
            }
            HubFrame::Missing { log, incarnation } => {
                self.missing(now, log, incarnation.is_some());
            }
            HubFrame::Receipt { receipt } => self.receipt(receipt),
            HubFrame::Refused {
                command: Some(command),
                error,
                ..
            } => self.command_refused(now, command, error),
            HubFrame::Refused {
                log: Some(log),
                error,
                ..
            } => {
                if error.code.is_retryable() {
                    let again_at_ms = now.mono_ms + HISTORY_AGAIN_MS;
                    self.histories.refused(log, again_at_ms);
                    self.following.ask_soon(log, now.mono_ms);
                } else {
                    self.absent(log);
                }
            }
            // Unrequested: this client does not name that capability.
            HubFrame::Attention { .. } => {}
            HubFrame::Presence { connected } => self.emit(Output::Presence(connected)),
            HubFrame::Refused { .. }
            | HubFrame::HeartbeatAck {}
            | HubFrame::RunAssigned { .. }
            | HubFrame::RunAcked { .. }
            | HubFrame::RunFenced { .. } => {}
        }
    }

    fn batch(&mut self, now: Now, batch: Batch) {
        let log = batch.log;
        let caught_up_changed = match self.following.take(&batch, now.mono_ms) {
            Fit::Next { caught_up_changed } => {
                self.emit(Output::ApplyBatch(batch));
                caught_up_changed
            }
            Fit::Empty { caught_up_changed } => caught_up_changed,
            Fit::Ignore => false,
            Fit::Gap => {
                let ask = self.following.subscribe(log, now.mono_ms);
                self.ask(ask);
                false
            }
            Fit::OtherIncarnation => return self.start_over(now, log),
            Fit::Malformed => return self.cut_for_long(now, unreadable()),
        };
        if caught_up_changed {
            self.say_caught_up(log);
        }
        // A connection that delivered a whole log is a good one.
        if self.following.caught_up(log) {
            self.backoff.reset();
        }
    }

    fn snapshot(&mut self, now: Now, piece: SnapshotPiece) {
        let Some(snapshot) = self.following.take_piece(piece, now.mono_ms) else {
            return;
        };
        if matches!(snapshot.log, LogId::Session(_)) {
            self.histories
                .begin(snapshot.log, snapshot.after, snapshot.seq);
        }
        self.emit(Output::ApplySnapshot(snapshot));
    }

    fn missing(&mut self, now: Now, log: LogId, there_is_one: bool) {
        if !self.following.is_followed(log) {
            return;
        }
        if there_is_one {
            return self.start_over(now, log);
        }
        self.forget(log);
        self.absent(log);
    }

    /// Handles tombstones in the account's log. For a log that is followed, the hub reports the deletion too; the second report changes
    /// nothing.
    pub(super) fn deleted(&mut self, sessions: Vec<SessionId>) {
        for log in sessions.into_iter().map(LogId::Session) {
            if self.following.delete(log) {
                self.forget(log);
                self.absent(log);
            }
        }
    }

    /// Returns whether anything was mirrored.
    fn forget(&mut self, log: LogId) -> bool {
        let is_mirrored = self.following.cursor(log).is_some();
        if is_mirrored {
            self.emit(Output::DropLog(log));
            self.histories.forget(log);
            self.following.set_cursor(log, None);
        }
        is_mirrored
    }

    fn absent(&mut self, log: LogId) {
        self.following.set_absent(log);
        self.say_caught_up(log);
    }

    fn say_caught_up(&mut self, log: LogId) {
        let caught_up = self.following.caught_up(log);
        self.emit(Output::CaughtUp { log, caught_up });
    }

    fn start_over(&mut self, now: Now, log: LogId) {
        if self.forget(log) {
            self.say_caught_up(log);
        }
        let ask = self.following.subscribe(log, now.mono_ms);
        self.ask(ask);
    }

    pub(super) fn mirror_moved(&mut self, now: Now, log: LogId, cursor: Option<Cursor>) {
        if cursor.is_some() && self.following.is_deleted(log) {
            // The cursor from before a failed batch: the log is dropped all the same.
            return self.emit(Output::DropLog(log));
        }
        if cursor.is_none() {
            self.histories.forget(log);
        }
        self.following.set_cursor(log, cursor);
        self.say_caught_up(log);
        if self.is_open() && self.following.is_followed(log) {
            let ask = self.following.subscribe(log, now.mono_ms);
            self.ask(ask);
        }
    }

    fn receipt(&mut self, receipt: Receipt) {
        let Some(command) = self.sending.answered(receipt.command) else {
            return;
        };
        let outcome = receipt.outcome.clone();
        self.emit(Output::StoreReceipt(receipt));
        match outcome {
            ReceiptOutcome::Accepted { .. } => {
                if self.following.set_present(command.log) {
                    self.say_caught_up(command.log);
                }
            }
            ReceiptOutcome::Refused { error } => self.refuse_dependents(&command, &error),
        }
    }

    pub(super) fn command_refused(&mut self, now: Now, command: CommandId, error: ErrorBody) {
        if error.code.is_retryable() {
            return self.sending.hold(command, now.mono_ms);
        }
        if let Some(refused) = self.sending.refused(command) {
            self.refuse_dependents(&refused, &error);
            self.emit(Output::RefuseIntent { command, error });
        }
    }

    fn refuse_dependents(&mut self, command: &Command, error: &ErrorBody) {
        let begins = matches!(command.body, CommandBody::CreateSession(_));
        if !begins || error.code == ErrorCode::SessionExists {
            return;
        }
        for (command, error) in self.sending.refuse_dependents(command, error) {
            self.emit(Output::RefuseIntent { command, error });
        }
    }
}
