//! A frame of the hub, encoded once and shared by everybody who gets it.

use axum::extract::ws::{Message, Utf8Bytes};
use baton_protocol::{Batch, HubFrame, Seq};

/// The text of one frame. Cloning it copies no bytes.
#[derive(Clone, Debug)]
pub struct EncodedFrame(Utf8Bytes);

impl EncodedFrame {
    /// Encodes a frame.
    pub fn of(frame: &HubFrame) -> Self {
        let text =
            serde_json::to_string(frame).expect("a frame has only text keys and finite numbers");
        Self(text.into())
    }

    /// The same text as `HubFrame::Batch`, without taking the batch.
    fn of_batch(batch: &Batch) -> Self {
        #[derive(serde::Serialize)]
        #[serde(tag = "type", rename_all = "camelCase")]
        enum BatchFrame<'a> {
            Batch(&'a Batch),
        }
        let text = serde_json::to_string(&BatchFrame::Batch(batch));
        Self(
            text.expect("a batch has only text keys and finite numbers")
                .into(),
        )
    }

    /// In bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// As a WebSocket message.
    pub fn into_message(self) -> Message {
        Message::Text(self.0)
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
        let EncodedFrame(text) = EncodedBatch::of(&batch).frame;
        assert_eq!(
            text.as_str(),
            serde_json::to_string(&HubFrame::Batch(batch)).unwrap()
        );
    }
}
