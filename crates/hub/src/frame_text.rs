//! A frame of the hub, encoded once and shared by everybody who gets it.

use baton_protocol::{Batch, HubFrame, Seq};
use bytes::Bytes;
use serde::Serialize;

use crate::websocket;

/// One frame as it goes into any socket. Cloning it copies no bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedFrame {
    /// The WebSocket frame: its header, then the text.
    wire: Bytes,
    head_bytes: u8,
}

impl EncodedFrame {
    /// Encodes a frame.
    pub fn of(frame: &HubFrame) -> Self {
        Self::of_json(frame)
    }

    /// The same text as `HubFrame::Batch`, without taking the batch.
    fn of_batch(batch: &Batch) -> Self {
        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "camelCase")]
        enum BatchFrame<'a> {
            Batch(&'a Batch),
        }
        Self::of_json(&BatchFrame::Batch(batch))
    }

    fn of_json(frame: &impl Serialize) -> Self {
        let (wire, head_bytes) = websocket::text(|bytes| {
            serde_json::to_writer(bytes, frame)
                .expect("a frame has only text keys and finite numbers");
        });
        Self {
            wire,
            head_bytes: u8::try_from(head_bytes).expect("a header has ten bytes at most"),
        }
    }

    /// Of its text, in bytes.
    pub fn len(&self) -> usize {
        self.wire.len() - usize::from(self.head_bytes)
    }

    /// Its text.
    #[cfg(test)]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.wire[usize::from(self.head_bytes)..]).expect("JSON is UTF-8")
    }

    /// As it goes into a socket.
    pub fn into_wire(self) -> Bytes {
        self.wire
    }
}

/// A batch for subscribers: its text, and the cursors between which it fits.
#[derive(Clone, Debug)]
pub struct EncodedBatch {
    /// The cursor that it continues.
    pub after: Seq,
    /// The cursor after it.
    pub upto: Seq,
    /// Its text.
    pub frame: EncodedFrame,
}

impl EncodedBatch {
    /// Encodes a batch.
    pub fn of(batch: &Batch) -> Self {
        Self {
            after: batch.after,
            upto: batch.upto,
            frame: EncodedFrame::of_batch(batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{Incarnation, LogId, SessionId};

    use super::*;

    #[test]
    fn a_borrowed_batch_has_the_frames_own_text() {
        let log = LogId::Session(SessionId::mint());
        let batch = Batch {
            log,
            incarnation: Incarnation::mint(),
            after: Seq(1),
            upto: Seq(2),
            head: Seq(2),
            events: Vec::new(),
        };
        let encoded = EncodedBatch::of(&batch).frame;
        let text = serde_json::to_string(&HubFrame::Batch(batch)).unwrap();
        assert_eq!((encoded.text(), encoded.len()), (text.as_str(), text.len()));
    }
}
