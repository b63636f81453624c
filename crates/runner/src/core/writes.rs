//! What one run writes to the hub, from "not sent" to "recorded".
//!
//! Invariants: a write keeps its producer count and its bytes from the moment it is first sent, so that a resend after a lost
//! connection is recorded once; what is in flight is bounded; waiting text is coalesced, so that a slow hub costs larger frames,
//! not memory for more frames.

use std::collections::VecDeque;

use baton_protocol::{PartEnd, PartKind, ProducerSeq, PromptId, RunWrite, RunWriteEntry, limits};

use super::parts::Parts;
use crate::limits::{FRAME_TEXT_BYTES_MAX, UNACKED_FRAMES_MAX, UNACKED_TEXT_BYTES_MAX};

/// The writes of one run.
#[derive(Default)]
pub(super) struct WriteQueue {
    parts: Parts,
    /// The last count assigned.
    last: ProducerSeq,
    /// Counted, and not yet acknowledged. The first `in_flight` of them are in flight on this connection.
    counted: VecDeque<RunWriteEntry>,
    in_flight: usize,
    in_flight_bytes: usize,
    /// The last count of each frame in flight.
    frames: VecDeque<ProducerSeq>,
    /// Not sent yet, without a count.
    waiting: VecDeque<RunWrite>,
    waiting_bytes: usize,
}

impl WriteQueue {
    /// Adds text to the open part of this kind, or to a new one.
    pub fn text(&mut self, kind: &PartKind, text: &str) {
        let mut writes = Vec::new();
        self.parts.add(kind, text, &mut writes);
        writes.into_iter().for_each(|write| self.push(write));
    }

    /// Closes the open part, if any.
    pub fn close_part(&mut self, end: PartEnd) {
        if let Some(write) = self.parts.close(end) {
            self.push(write);
        }
    }

    /// Adds another write.
    pub fn push(&mut self, write: RunWrite) {
        self.waiting_bytes += text_bytes(&write);
        if let (
            Some(RunWrite::AppendText {
                part: last_part,
                text: last,
                ..
            }),
            RunWrite::AppendText { part, text, .. },
        ) = (self.waiting.back_mut(), &write)
            && last_part == part
            && last.len() + text.len() <= limits::APPEND_TEXT_BYTES_MAX
        {
            last.push_str(text);
            return;
        }
        self.waiting.push_back(write);
    }

    /// Text that waits to be sent, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The last count assigned.
    pub fn last(&self) -> ProducerSeq {
        self.last
    }

    /// Whether everything is recorded.
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.waiting.is_empty()
    }

    /// Whether something is in flight on this connection.
    pub fn is_on_line(&self) -> bool {
        self.in_flight > 0
    }

    /// Whether something is left to send, now or when the window has room.
    pub fn has_unsent(&self) -> bool {
        self.must_resend() || !self.waiting.is_empty()
    }

    /// Whether a frame may be sent now: something is left to send, and the window has room.
    pub fn can_send(&self) -> bool {
        let has_room =
            self.frames.len() < UNACKED_FRAMES_MAX && self.in_flight_bytes < UNACKED_TEXT_BYTES_MAX;
        has_room && (self.must_resend() || self.may_count_next())
    }

    /// Whether something must be sent again after a reconnect.
    fn must_resend(&self) -> bool {
        self.in_flight < self.counted.len()
    }

    /// Takes the next frame's entries. Entries that were sent before go first, unchanged.
    pub fn take_frame(&mut self) -> Vec<RunWriteEntry> {
        let mut entries: Vec<RunWriteEntry> = Vec::new();
        let mut bytes = 0;
        while entries.len() < limits::RUN_WRITES_PER_FRAME_MAX && bytes < FRAME_TEXT_BYTES_MAX {
            let is_steer =
                |entry: &RunWriteEntry| matches!(entry.write, RunWrite::ConsumeSteer { .. });
            // A steer travels alone: a refusal then says clearly what was refused.
            if entries.last().is_some_and(is_steer) || (!self.must_resend() && !self.count_next()) {
                break;
            }
            let entry = &self.counted[self.in_flight];
            if is_steer(entry) && self.in_flight > 0 {
                break;
            }
            bytes += text_bytes(&entry.write);
            self.in_flight += 1;
            entries.push(entry.clone());
        }
        self.in_flight_bytes += bytes;
        self.frames
            .extend(entries.last().map(|entry| entry.producer));
        entries
    }

    /// Whether the hub, which has everything up to this count, lacks what it had before, because it was restored from a backup.
    pub fn is_lost_behind(&self, producer: ProducerSeq) -> bool {
        let next = self.counted.front().map(|entry| entry.producer);
        producer.next() < next.unwrap_or(self.last.next())
    }

    /// The hub has everything up to this count. Returns the bytes of text that are no longer needed.
    pub fn acked(&mut self, producer: ProducerSeq) -> usize {
        let mut bytes = 0;
        while self
            .counted
            .front()
            .is_some_and(|entry| entry.producer <= producer)
        {
            let entry = self.counted.pop_front().expect("there is a front");
            let entry_bytes = text_bytes(&entry.write);
            bytes += entry_bytes;
            if self.in_flight > 0 {
                self.in_flight -= 1;
                self.in_flight_bytes -= entry_bytes;
            }
        }
        while self.frames.front().is_some_and(|last| *last <= producer) {
            self.frames.pop_front();
        }
        bytes
    }

    /// The connection is gone, so nothing is in flight any more.
    pub fn disconnected(&mut self) {
        self.in_flight = 0;
        self.in_flight_bytes = 0;
        self.frames.clear();
    }

    /// Takes back a steer that the hub refused, with its count. Returns its prompts.
    pub fn take_back_steer(&mut self) -> Option<Vec<PromptId>> {
        let entry = self
            .counted
            .pop_back_if(|entry| matches!(entry.write, RunWrite::ConsumeSteer { .. }))?;
        self.last = ProducerSeq(entry.producer.0 - 1);
        self.in_flight = self.in_flight.min(self.counted.len());
        self.frames.retain(|last| *last < entry.producer);
        match entry.write {
            RunWrite::ConsumeSteer { prompts } => Some(prompts),
            _ => None,
        }
    }

    /// Forgets everything that is not recorded, and continues counting from here.
    pub fn restart_at(&mut self, recorded: ProducerSeq) {
        *self = Self {
            last: recorded,
            ..Self::default()
        };
    }

    fn may_count_next(&self) -> bool {
        match self.waiting.front() {
            // Everything before it must be recorded, for the same reason.
            Some(RunWrite::ConsumeSteer { .. }) => self.counted.is_empty(),
            Some(_) => true,
            None => false,
        }
    }

    fn count_next(&mut self) -> bool {
        if !self.may_count_next() {
            return false;
        }
        let write = self.waiting.pop_front().expect("something may be counted");
        self.waiting_bytes -= text_bytes(&write);
        self.last = self.last.next();
        self.counted.push_back(RunWriteEntry {
            producer: self.last,
            write,
        });
        true
    }
}

fn text_bytes(write: &RunWrite) -> usize {
    match write {
        RunWrite::AppendText { text, .. } => text.len(),
        _ => 0,
    }
}
