//! Decodes text that servers cut at any place: a character over two deltas, as bytes or as an escaped surrogate pair.

/// Assembles the characters of one channel of an answer. A cut character waits for the next piece; one that stays cut becomes U+FFFD.
#[derive(Default)]
pub(super) struct TextDecoder {
    /// A high surrogate without its low one, as WTF-8.
    surrogate: Vec<u8>,
    /// The beginning of a character.
    bytes: Vec<u8>,
}

impl TextDecoder {
    /// Takes a string's bytes as `string_bytes` returns them: UTF-8 with each lone surrogate as three bytes.
    pub fn push(&mut self, piece: &[u8]) -> String {
        let mut wtf8 = std::mem::take(&mut self.surrogate);
        wtf8.extend_from_slice(piece);
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut rest = wtf8.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == 0xed) {
            bytes.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            match (surrogate(rest), rest.get(3..).and_then(surrogate)) {
                (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    push_char(&mut bytes, char::from_u32(code));
                    rest = &rest[6..];
                }
                (Some(0xd800..=0xdbff), _) if rest.len() == 3 => {
                    self.surrogate = rest.to_vec();
                    rest = &[];
                }
                // Not an escape that the server sent: a byte that was not UTF-8.
                (Some(low @ 0xdc80..=0xdcff), _) => {
                    bytes.push((low & 0xff) as u8);
                    rest = &rest[3..];
                }
                (Some(_), _) => {
                    push_char(&mut bytes, None);
                    rest = &rest[3..];
                }
                (None, _) => {
                    bytes.push(rest[0]);
                    rest = &rest[1..];
                }
            }
        }
        bytes.extend_from_slice(rest);
        self.decode(bytes)
    }

    /// Returns U+FFFD in place of what waited and will not be completed.
    pub fn flush(&mut self) -> String {
        let waited = usize::from(!self.surrogate.is_empty()) + usize::from(!self.bytes.is_empty());
        *self = Self::default();
        "\u{fffd}".repeat(waited)
    }

    fn decode(&mut self, bytes: Vec<u8>) -> String {
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => error.into_bytes(),
        };
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let is_cut = chunks.peek().is_none()
                && self.surrogate.is_empty()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_cut {
                self.bytes = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push('\u{fffd}');
            }
        }
        text
    }
}

/// The surrogate that these bytes begin with.
fn surrogate(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
            Some(0xd000 | (u32::from(*second & 0x3f) << 6) | u32::from(*third & 0x3f))
        }
        _ => None,
    }
}

fn push_char(bytes: &mut Vec<u8>, char: Option<char>) {
    let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stream::json::string_bytes;

    fn text(pieces: &[&str]) -> String {
        let mut decoder = TextDecoder::default();
        let mut all = String::new();
        for piece in pieces {
            let json: Box<serde_json::value::RawValue> =
                serde_json::from_str(&format!("\"{piece}\"")).expect("a string");
            all.push_str(&decoder.push(&string_bytes(&json).expect("a string")));
        }
        all.push_str(&decoder.flush());
        all
    }

    #[test]
    fn a_surrogate_pair_over_two_deltas_is_one_character() {
        assert_eq!(text(&["a\\ud83d", "\\ude00b"]), "a😀b");
        assert_eq!(text(&["a\\ud83d", "", "\\ude00b"]), "a😀b");
        assert_eq!(text(&["\\ud83d\\ude00"]), "😀");
    }

    #[test]
    fn a_lone_surrogate_is_one_replacement() {
        assert_eq!(text(&["a\\ud83d", "b"]), "a\u{fffd}b");
        assert_eq!(text(&["a\\ud83d"]), "a\u{fffd}");
        assert_eq!(text(&["\\ude00b"]), "\u{fffd}b");
        assert_eq!(text(&["\\ud83d\\ud83d\\ude00"]), "\u{fffd}😀");
    }

    #[test]
    fn bytes_over_two_deltas_are_one_character() {
        assert_eq!(text(&["\\udcf0\\udc9f", "\\udc98\\udc80!"]), "😀!");
        assert_eq!(text(&["\\udcf0\\udc9f", "!"]), "\u{fffd}!");
        assert_eq!(text(&["\\udce6"]), "\u{fffd}");
        // U+D7FF begins with the same byte as surrogates.
        assert_eq!(text(&["\u{d7ff}", "한"]), "\u{d7ff}한");
    }
}
