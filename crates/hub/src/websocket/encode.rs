//! Frames as they go out. A server masks nothing, so the same bytes fit every socket.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest header of an unmasked frame.
const HEAD_BYTES_MAX: usize = 10;

/// What a close frame has room for beside its code.
const REASON_BYTES_MAX: usize = 123;

/// A text frame of what `write` puts behind the bytes that are there, and the length of its header.
pub fn text(write: impl FnOnce(&mut Vec<u8>)) -> (Bytes, usize) {
    let mut bytes = vec![0; HEAD_BYTES_MAX];
    write(&mut bytes);
    let length = bytes.len() - HEAD_BYTES_MAX;
    let (head, head_bytes) = head(OpCode::Data(Data::Text), length);
    let begin = HEAD_BYTES_MAX - head_bytes;
    bytes[begin..HEAD_BYTES_MAX].copy_from_slice(&head[..head_bytes]);
    (Bytes::from(bytes).slice(begin..), head_bytes)
}

/// The end, with a code and as much of the reason as fits.
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
    let payload = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
    let (head, head_bytes) = head(OpCode::Control(Control::Close), payload.len());
    [&head[..head_bytes], &payload[..]].concat().into()
}

fn head(opcode: OpCode, length: usize) -> ([u8; HEAD_BYTES_MAX], usize) {
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    let length = length as u64;
    let mut bytes = [0; HEAD_BYTES_MAX];
    header
        .format(length, &mut &mut bytes[..])
        .expect("there is room for the longest header");
    (bytes, header.len(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_each_length_has_the_header_that_the_standard_says() {
        for (length, head) in [
            (5, &[0x81, 5][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (bytes, head_bytes) = text(|bytes| bytes.resize(bytes.len() + length, b'x'));
            assert_eq!(&bytes[..head_bytes], head, "{length}");
            assert_eq!(bytes.len() - head_bytes, length);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let bytes = close(4400, &"ü".repeat(200));
        assert_eq!(bytes[..4], [0x88, 124, 0x11, 0x30]);
        assert_eq!(
            std::str::from_utf8(&bytes[4..]),
            Ok("ü".repeat(61).as_str())
        );
    }
}
