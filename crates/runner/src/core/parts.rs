//! Cuts a stream of text into parts and appends that fit their limits, at character boundaries.

use baton_protocol::{PartEnd, PartIndex, PartKind, RunWrite, limits};

use crate::limits::PART_JSON_BYTES_MAX;

/// The parts of one run.
#[derive(Default)]
pub(super) struct Parts {
    next: PartIndex,
    open: Option<OpenPart>,
}

struct OpenPart {
    index: PartIndex,
    kind: PartKind,
    bytes: usize,
    json_bytes: usize,
}

impl Parts {
    /// Adds the writes for this text, in a part of this kind.
    pub fn add(&mut self, kind: &PartKind, text: &str, writes: &mut Vec<RunWrite>) {
        let mut rest = text;
        while !rest.is_empty() {
            if self
                .open
                .as_ref()
                .is_some_and(|open| open.kind != *kind || open.is_full(rest))
            {
                writes.extend(self.close(PartEnd::Complete));
            }
            let open = match &mut self.open {
                Some(open) => open,
                None => {
                    let index = self.next;
                    self.next = index.next();
                    writes.push(RunWrite::OpenPart {
                        part: index,
                        kind: kind.clone(),
                    });
                    self.open.insert(OpenPart {
                        index,
                        kind: kind.clone(),
                        bytes: 0,
                        json_bytes: 0,
                    })
                }
            };
            let piece = open.take(&mut rest);
            writes.push(RunWrite::AppendText {
                part: open.index,
                offset: (open.bytes - piece.len()) as u64,
                text: piece.to_owned(),
            });
        }
    }

    /// The write that closes the open part, if any.
    pub fn close(&mut self, end: PartEnd) -> Option<RunWrite> {
        self.open.take().map(|open| RunWrite::ClosePart {
            part: open.index,
            end,
        })
    }
}

impl OpenPart {
    /// Takes what fits into one append and into this part. At least one character fits, unless the part is full.
    fn take<'a>(&mut self, rest: &mut &'a str) -> &'a str {
        let mut end = 0;
        for character in rest.chars() {
            let bytes = character.len_utf8();
            let json_bytes = json_bytes(character);
            let fits = end + bytes <= limits::APPEND_TEXT_BYTES_MAX
                && self.bytes + bytes <= limits::PART_TEXT_BYTES_MAX
                && self.json_bytes + json_bytes <= PART_JSON_BYTES_MAX;
            if !fits {
                break;
            }
            end += bytes;
            self.bytes += bytes;
            self.json_bytes += json_bytes;
        }
        let (piece, behind) = rest.split_at(end);
        *rest = behind;
        piece
    }

    fn is_full(&self, rest: &str) -> bool {
        rest.chars().next().is_some_and(|next| {
            self.bytes + next.len_utf8() > limits::PART_TEXT_BYTES_MAX
                || self.json_bytes + json_bytes(next) > PART_JSON_BYTES_MAX
        })
    }
}

/// Bytes that a character takes in a JSON string.
fn json_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control < ' ' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the pieces and returns each part's text, checking every limit on the way.
    fn parts_of(pieces: &[String]) -> Vec<String> {
        let mut parts = Parts::default();
        let mut writes = Vec::new();
        for piece in pieces {
            parts.add(&PartKind::Text, piece, &mut writes);
        }
        writes.extend(parts.close(PartEnd::Complete));
        let mut texts: Vec<String> = Vec::new();
        for write in writes {
            match write {
                RunWrite::OpenPart { part, .. } => {
                    assert_eq!(part.0 as usize, texts.len());
                    texts.push(String::new());
                }
                RunWrite::AppendText { part, offset, text } => {
                    let whole = &mut texts[part.0 as usize];
                    assert_eq!(offset, whole.len() as u64);
                    assert!(!text.is_empty() && text.len() <= limits::APPEND_TEXT_BYTES_MAX);
                    whole.push_str(&text);
                    assert!(whole.len() <= limits::PART_TEXT_BYTES_MAX);
                    assert!(
                        serde_json::to_string(whole).expect("a string").len()
                            <= PART_JSON_BYTES_MAX + 2
                    );
                }
                RunWrite::ClosePart { part, end } => {
                    assert_eq!((part.0 as usize, end), (texts.len() - 1, PartEnd::Complete))
                }
                other => panic!("{other:?}"),
            }
        }
        texts
    }

    #[test]
    fn a_long_text_becomes_several_full_parts_with_the_same_bytes() {
        let text = "añ€😀".repeat(50_000);
        let parts = parts_of(&[text[..300_000].to_owned(), text[300_000..].to_owned()]);
        assert_eq!(parts.concat(), text);
        assert_eq!(
            parts.len(),
            text.len().div_ceil(limits::PART_TEXT_BYTES_MAX)
        );
    }

    #[test]
    fn text_full_of_escapes_ends_a_part_earlier() {
        let text = "\u{1}\"\n".repeat(60_000);
        let parts = parts_of(std::slice::from_ref(&text));
        assert_eq!(parts.concat(), text);
        assert!(parts.len() > text.len().div_ceil(limits::PART_TEXT_BYTES_MAX));
    }

    #[test]
    fn another_kind_is_another_part() {
        let mut parts = Parts::default();
        let mut writes = Vec::new();
        parts.add(&PartKind::Reasoning, "hm", &mut writes);
        parts.add(&PartKind::Text, "yes", &mut writes);
        let open = |part, kind| RunWrite::OpenPart {
            part: PartIndex(part),
            kind,
        };
        let append = |part, text: &str| RunWrite::AppendText {
            part: PartIndex(part),
            offset: 0,
            text: text.to_owned(),
        };
        assert_eq!(
            writes,
            vec![
                open(0, PartKind::Reasoning),
                append(0, "hm"),
                RunWrite::ClosePart {
                    part: PartIndex(0),
                    end: PartEnd::Complete
                },
                open(1, PartKind::Text),
                append(1, "yes"),
            ]
        );
        assert_eq!(
            parts.close(PartEnd::Interrupted),
            Some(RunWrite::ClosePart {
                part: PartIndex(1),
                end: PartEnd::Interrupted
            })
        );
        assert_eq!(parts.close(PartEnd::Interrupted), None);
    }
}
