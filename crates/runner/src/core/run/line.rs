//! A held run's side of the connection to the hub: what it sends, what the hub acknowledges, and what it asks again.

use std::time::Instant;

use baton_protocol::{ClientFrame, ProducerSeq};

use super::{HeldRun, Phase};
use crate::core::writes::WriteQueue;

/// A run's state on the connection to the hub.
#[derive(PartialEq)]
pub(super) enum Line {
    Down,
    /// The run has asked how far the hub got.
    Resuming,
    Live,
}

impl HeldRun {
    /// When the run's next frame may be sent; `None` if nothing is to be sent.
    pub fn due(&self) -> Option<Instant> {
        if self.retry_at.is_some() {
            return self.retry_at;
        }
        if self.line != Line::Live || !self.writes.can_send() {
            return None;
        }
        self.flush_at
    }

    /// Whether the hub could not serve the run and is about to be asked again.
    pub fn is_retrying(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Takes the frame that is due.
    pub fn take_frame(&mut self, now: Instant) -> ClientFrame {
        if self.retry_at.take().is_some() {
            return self.resume();
        }
        let entries = self.writes.take_frame();
        self.flushed_at = Some(now);
        // What is left waits for room in the window, not for more text.
        self.flush_at = self.writes.has_unsent().then_some(now);
        ClientFrame::WriteRun {
            session: self.session,
            run: self.run,
            epoch: self.epoch,
            entries,
        }
    }

    /// Asks the hub how far it got.
    pub fn resume(&mut self) -> ClientFrame {
        self.writes.disconnected();
        self.line = Line::Resuming;
        ClientFrame::ResumeRun {
            session: self.session,
            run: self.run,
            epoch: self.epoch,
        }
    }

    /// The connection to the hub broke: writes wait, and what was sent without an answer is sent again later.
    pub fn disconnected(&mut self) {
        self.line = Line::Down;
        self.retry_at = None;
        self.writes.disconnected();
        if let Phase::Reporting { until } = &mut self.phase {
            *until = None;
        }
    }

    /// The hub has everything up to this count. Returns the bytes of text that are settled.
    pub fn acked(&mut self, producer: ProducerSeq, now: Instant) -> usize {
        let is_lost = self.writes.is_lost_behind(producer);
        let settled = self.writes.acked(producer);
        // Answers come in the order of the requests, so this one answers `resumeRun`.
        if self.line == Line::Resuming && self.retry_at.is_none() {
            self.line = Line::Live;
            if is_lost || matches!(self.phase, Phase::Broken) {
                self.was_broken = true;
                self.writes.restart_at(producer);
                self.end(
                    Err("the answer got out of step with the hub and was ended".to_owned()),
                    now,
                );
            }
            self.flush_at = self.writes.has_unsent().then_some(now);
        }
        settled
    }

    /// The hub refused a frame and recorded nothing from it, for a reason that does not end the lease. The run asks again at `retry_at`.
    pub fn refused(&mut self, is_retryable: bool, retry_at: Instant) {
        if self.line == Line::Resuming || is_retryable {
            // The hub also refuses what was sent after that frame; the run asks once how far the hub got.
            self.line = Line::Resuming;
            self.retry_at = Some(retry_at);
            return;
        }
        if let Phase::Between { steer: Some(steer) } = &mut self.phase
            && !steer.refused
            && self.writes.take_back_steer().is_some()
        {
            steer.refused = true;
            return;
        }
        if self.was_broken {
            return self.fenced();
        }
        self.was_broken = true;
        self.phase = Phase::Broken;
        self.line = Line::Resuming;
        self.retry_at = Some(retry_at);
    }

    /// Whether writes of the run are in flight.
    pub fn is_on_line(&self) -> bool {
        self.writes.is_on_line()
    }

    /// Whether the hub has all of the run's writes.
    pub fn is_settled(&self) -> bool {
        self.writes.is_empty()
    }

    /// The hub cannot read the run's writes: ends the run as failed or, if the hub cannot read that either, leaves it to its lease.
    pub fn give_up(&mut self) {
        if self.was_broken {
            return self.fenced();
        }
        if self.is_writing() {
            self.was_broken = true;
            self.phase = Phase::Broken;
        }
    }

    /// The lease has ended.
    pub fn fenced(&mut self) {
        if self.is_writing() {
            self.phase = Phase::Fenced;
        }
        self.retry_at = None;
        self.writes = WriteQueue::default();
        self.flush_at = None;
    }
}
