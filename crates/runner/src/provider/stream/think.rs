//! `<think>…</think>` at the beginning of an answer: reasoning that a server did not separate.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// How much blank space is held back until it is clear whether it belongs to the tags.
const BLANK_BYTES_MAX: usize = 1024;

/// Text, separated into kinds.
#[derive(PartialEq, Debug)]
pub(super) enum Told {
    Text(String),
    Reasoning(String),
}

/// Splits an answer's text. Drops the tags and the blank space around their content. Tags anywhere else are text.
pub(super) struct Splitter {
    place: Place,
    /// Text of a kind that is still unclear: a beginning, or blank space and a part of the closing tag.
    held: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Beginning,
    /// After the opening tag, in the blank space that follows.
    BeforeThought,
    Thought,
    /// After the closing tag.
    AfterThought,
    Text,
}

impl Splitter {
    pub fn new() -> Self {
        Self {
            place: Place::Beginning,
            held: String::new(),
        }
    }

    /// The server separates reasoning itself: everything that it sends as text is text.
    pub fn only_text(&mut self) {
        if self.place == Place::Beginning {
            self.place = Place::Text;
        }
    }

    /// Takes a piece and returns the text whose kind is known.
    pub fn push(&mut self, piece: &str) -> Vec<Told> {
        let mut told = Vec::new();
        self.held.push_str(piece);
        while self.step(&mut told) {}
        told
    }

    /// Returns what is still held at the end of the answer.
    pub fn flush(&mut self) -> Option<Told> {
        let held = std::mem::take(&mut self.held);
        let thought = held.trim_end();
        match self.place {
            Place::Beginning | Place::Text if !held.is_empty() => Some(Told::Text(held)),
            Place::Thought if !thought.is_empty() => {
                Some(Told::Reasoning(held[..thought.len()].to_owned()))
            }
            _ => None,
        }
    }

    /// Takes one step. Returns whether another one may follow.
    fn step(&mut self, told: &mut Vec<Told>) -> bool {
        match self.place {
            Place::Beginning => {
                let trimmed = self.held.trim_start();
                if let Some(rest) = trimmed.strip_prefix(OPEN) {
                    self.held = rest.to_owned();
                    self.place = Place::BeforeThought;
                    return true;
                }
                if OPEN.starts_with(trimmed) && self.held.len() < BLANK_BYTES_MAX {
                    return false;
                }
                self.place = Place::Text;
                true
            }
            Place::BeforeThought => {
                self.trim_start();
                if self.held.is_empty() {
                    return false;
                }
                self.place = Place::Thought;
                true
            }
            Place::Thought => self.thought(told),
            Place::AfterThought => {
                self.trim_start();
                if self.held.is_empty() {
                    return false;
                }
                self.place = Place::Text;
                true
            }
            Place::Text => {
                if !self.held.is_empty() {
                    told.push(Told::Text(std::mem::take(&mut self.held)));
                }
                false
            }
        }
    }

    fn thought(&mut self, told: &mut Vec<Told>) -> bool {
        let close = self.held.find(CLOSE);
        let end = close.unwrap_or_else(|| {
            let part = (1..CLOSE.len())
                .rev()
                .find(|length| self.held.ends_with(&CLOSE[..*length]));
            self.held.len() - part.unwrap_or(0)
        });
        let mut thought = self.held[..end].trim_end();
        if end - thought.len() > BLANK_BYTES_MAX {
            thought = &self.held[..end];
        }
        if !thought.is_empty() {
            told.push(Told::Reasoning(thought.to_owned()));
        }
        match close {
            Some(at) => {
                self.held.drain(..at + CLOSE.len());
                self.place = Place::AfterThought;
                true
            }
            None => {
                let told = thought.len();
                self.held.drain(..told);
                false
            }
        }
    }

    fn trim_start(&mut self) {
        let blank = self.held.len() - self.held.trim_start().len();
        self.held.drain(..blank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (reasoning, text)
    fn split<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut splitter = Splitter::new();
        let mut told = Vec::new();
        for piece in pieces {
            told.extend(splitter.push(piece));
        }
        told.extend(splitter.flush());
        let mut both = (String::new(), String::new());
        for piece in told {
            match piece {
                Told::Reasoning(piece) => both.0.push_str(&piece),
                Told::Text(piece) => both.1.push_str(&piece),
            }
        }
        both
    }

    #[test]
    fn a_leading_thought_is_told_apart_wherever_it_is_cut() {
        for (answer, reasoning, text) in [
            (
                "<think>\nhm **x**\n\ny\n</think>\n\nFour.\n",
                "hm **x**\n\ny",
                "Four.\n",
            ),
            (" \n<think>a</think>b", "a", "b"),
            ("<think>\n\n</think>\n\nb", "", "b"),
            (
                "<think>a </thin b</think> c</think>",
                "a </thin b",
                "c</think>",
            ),
            ("<think>no end \n", "no end", ""),
            ("Use `<think>x</think>`.", "", "Use `<think>x</think>`."),
            ("<thing>", "", "<thing>"),
            ("<th", "", "<th"),
            (" \n x ", "", " \n x "),
            ("a<think>b</think>", "", "a<think>b</think>"),
        ] {
            let expected = (reasoning.to_owned(), text.to_owned());
            for cut in 0..=answer.len() {
                assert_eq!(
                    split([&answer[..cut], &answer[cut..]]),
                    expected,
                    "{answer:?} at {cut}"
                );
            }
            let single = (0..answer.len()).map(|at| &answer[at..=at]);
            assert_eq!(split(single), expected, "{answer:?}");
        }
    }

    #[test]
    fn where_reasoning_has_a_field_of_its_own_a_tag_is_text() {
        let mut splitter = Splitter::new();
        splitter.only_text();
        assert_eq!(splitter.push("<think>"), [Told::Text("<think>".to_owned())]);
    }
}
