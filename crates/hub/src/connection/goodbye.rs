//! The end of a connection: a close code and a reason that a person can read.

use axum::extract::ws::{CloseFrame, Message};
use baton_protocol::ErrorBody;

/// What a close frame has room for.
const REASON_BYTES_MAX: usize = 123;

/// The close frame for an error: its code's number, and `code: message` as far as it fits.
pub fn close_message(error: &ErrorBody) -> Message {
    let mut reason = format!("{}: {}", error.code.as_str(), error.message);
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    Message::Close(Some(CloseFrame {
        code: error.code.close_code(),
        reason: reason.into(),
    }))
}

#[cfg(test)]
mod tests {
    use baton_protocol::ErrorCode;

    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let Message::Close(Some(close)) =
            close_message(&ErrorCode::MalformedFrame.with("ü".repeat(200), ""))
        else {
            panic!("must be a close frame")
        };
        assert_eq!(close.code, 4400);
        assert!(close.reason.starts_with("malformed_frame: ü"));
        assert!((120..=REASON_BYTES_MAX).contains(&close.reason.len()));
    }
}
