//! Reads the answer of an OpenAI-compatible server from its bytes, without IO. `docs/adr/0006` says why this is not a library.
//!
//! Decides what is an event, an error and an end. Knows no HTTP and no words for people.
//!
//! # What counts
//! - A line is `data:`, `error:`, `event:`, a comment, or a piece of a body that is not a stream.
//! - A value that parses as JSON counts; anything else is a sign of life. A damaged piece fails the answer, so that no gap is silent.
//! - An answer ends at `[DONE]`, or at the end of the bytes after the server gave a reason or sent a whole message. Any other end is a cut.
//!
//! Invariants: the same bytes give the same items wherever reads cut them. The last item is [`ModelEvent::Done`] or a fault, and there is
//! exactly one such item. The concatenated texts are what the model sent, without the tags of a leading `<think>`.

mod chunk;
mod field;
mod json;
mod lines;
mod text;
mod think;
mod verdict;
pub(super) mod words;

use std::collections::VecDeque;

use super::{ModelEnd, ModelEvent, ModelUsage};
use chunk::Said;
use field::{Field, is_done};
use json::{Gathered, Gatherer};
use lines::Lines;
use text::TextDecoder;
use think::{Splitter, Told};
use verdict::Reason;

/// How much is kept of lines that are not a piece of an answer, for the message of a failure.
const STRAY_BYTES_MAX: usize = 4 * 1024;

/// Why an answer cannot be read any further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StreamFault {
    /// The server reported a failure.
    Reported {
        /// In the server's words; may be empty.
        words: String,
        /// The HTTP status that the server names.
        status: Option<u16>,
    },
    /// The bytes ended before the answer did.
    Cut {
        /// The server's last words that are not an answer; may be empty.
        words: String,
    },
    /// The answer ended without text or reasoning.
    Empty {
        /// The reason that the server gave for the end.
        end: ModelEnd,
        /// The server's words that are not an answer; may be empty.
        words: String,
    },
    /// The model called a tool and said nothing.
    ToolCalled {
        /// The tool's name; may be empty.
        tool: String,
    },
    /// The bytes are not an answer of this API, or a damaged one.
    Unreadable {
        /// The server's words instead of an answer; may be empty.
        words: String,
    },
    /// A piece exceeds the length limit.
    TooLong,
}

/// Reads one answer. Take the items with [`next`](Self::next) after each [`push`](Self::push), and after [`finish`](Self::finish).
pub struct AnswerReader {
    lines: Lines,
    data: Gatherer,
    body: Gatherer,
    /// The event of the current lines is named as an error.
    is_error_event: bool,
    /// The index of the choice to read.
    choice: Option<u64>,
    reasoning: TextDecoder,
    text: TextDecoder,
    splitter: Splitter,
    so_far: SoFar,
    stray: String,
    items: VecDeque<Result<ModelEvent, StreamFault>>,
    is_over: bool,
}

/// What the answer has contained so far.
#[derive(Default)]
struct SoFar {
    has_choice: bool,
    has_text: bool,
    has_reasoning: bool,
    is_whole_message: bool,
    is_refusal: bool,
    /// The name of the first tool called.
    call: Option<String>,
    reason: Option<Reason>,
    /// The newest choice gives a reason.
    is_ending: bool,
    usage: Option<ModelUsage>,
}

impl Default for AnswerReader {
    fn default() -> Self {
        Self {
            lines: Lines::default(),
            data: Gatherer::default(),
            body: Gatherer::default(),
            is_error_event: false,
            choice: None,
            reasoning: TextDecoder::default(),
            text: TextDecoder::default(),
            splitter: Splitter::new(),
            so_far: SoFar::default(),
            stray: String::new(),
            items: VecDeque::new(),
            is_over: false,
        }
    }
}

impl AnswerReader {
    /// Takes the next bytes. Ignores bytes after the end of the answer.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !self.is_over {
            match self.lines.next(&mut bytes) {
                Ok(Some(line)) => self.line(&line),
                Ok(None) => return,
                Err(_) => self.fail(StreamFault::TooLong),
            }
        }
    }

    /// Handles the end of the bytes, clean or not.
    pub fn finish(&mut self) {
        if let Some(line) = self.lines.rest().filter(|_| !self.is_over) {
            self.line(&line);
        }
        if self.is_over {
            return;
        }
        if self.so_far.reason.is_some() || self.so_far.is_whole_message {
            return self.end();
        }
        let words = self.stray_words();
        self.fail(match self.so_far.has_choice {
            true => StreamFault::Cut { words },
            false => StreamFault::Unreadable { words },
        });
    }

    /// The next item; `None` until more bytes come, and after the last item.
    #[expect(
        clippy::should_implement_trait,
        reason = "more items may come after a `None`"
    )]
    pub fn next(&mut self) -> Option<Result<ModelEvent, StreamFault>> {
        self.items.pop_front()
    }

    /// Whether the answer has ended: further bytes change nothing.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the server gave the reason for the end: no text follows.
    pub fn is_ending(&self) -> bool {
        self.so_far.is_ending
    }

    fn line(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            self.is_error_event &= !line.is_empty();
            return;
        }
        match Field::of(line) {
            Some((Field::Data, value)) if self.is_error_event => self.error(value),
            Some((Field::Data, value)) => self.data(value),
            Some((Field::Error, value)) => self.error(value),
            Some((Field::Event, value)) => {
                let name = String::from_utf8_lossy(value).to_ascii_lowercase();
                self.is_error_event = name.contains("error");
            }
            Some((Field::Other, _)) => {}
            None if is_done(line) => self.end(),
            None => match self.body.push(line) {
                Gathered::NotJson => self.stray(line),
                gathered => self.gathered(gathered),
            },
        }
    }

    fn data(&mut self, value: &[u8]) {
        if is_done(value) {
            self.data.give_up();
            return match self.data.has_lost() {
                true => self.damaged(),
                false => self.end(),
            };
        }
        let gathered = self.data.push(value);
        if self.data.has_lost() {
            return self.damaged();
        }
        match gathered {
            Gathered::NotJson => self.stray(value),
            gathered => self.gathered(gathered),
        }
    }

    fn error(&mut self, value: &[u8]) {
        let failure = match self.data.push(value) {
            Gathered::Values(values) => values.first().map(|value| chunk::read_error(value)),
            Gathered::NotJson => Some(chunk::Failure {
                words: String::from_utf8_lossy(value).trim().to_owned(),
                status: None,
            }),
            Gathered::More => {
                // The rest of the value follows in lines of the same kind.
                self.is_error_event = true;
                return;
            }
            Gathered::TooLong => return self.fail(StreamFault::TooLong),
        };
        self.failed(failure.unwrap_or_default());
    }

    fn gathered(&mut self, gathered: Gathered) {
        match gathered {
            Gathered::Values(values) => {
                for value in values {
                    let said = chunk::read(&value, &mut self.choice);
                    self.hear(said);
                }
            }
            Gathered::TooLong => self.fail(StreamFault::TooLong),
            Gathered::More | Gathered::NotJson => {}
        }
    }

    fn hear(&mut self, said: Vec<Said>) {
        let has_said = self.so_far.has_text || self.so_far.has_reasoning;
        let mut is_repeated = false;
        for one in said {
            if self.is_over {
                return;
            }
            match one {
                Said::Choice => {
                    self.so_far.has_choice = true;
                    self.so_far.is_ending = false;
                    self.stray.clear();
                }
                Said::WholeMessage => {
                    // After the pieces, the whole message repeats their text.
                    is_repeated = has_said;
                    self.so_far.is_whole_message = true;
                }
                Said::Reasoning(_) | Said::Text(_) | Said::Refusal(_) if is_repeated => {}
                Said::Reasoning(bytes) => self.hear_reasoning(&bytes),
                Said::Text(bytes) => self.hear_text(&bytes),
                Said::Refusal(bytes) => {
                    self.so_far.is_refusal = true;
                    self.splitter.only_text();
                    self.hear_text(&bytes);
                }
                Said::Call(name) => {
                    self.so_far.call.get_or_insert(name.unwrap_or_default());
                }
                Said::Reason(reason) => {
                    self.so_far.is_ending = true;
                    let reason = Reason::of(&reason);
                    if self.so_far.reason.as_ref().is_none_or(Reason::is_whole) {
                        self.so_far.reason = Some(reason);
                    }
                }
                Said::Usage(usage) => self.so_far.usage = Some(usage),
                Said::Failure(failure) => self.failed(failure),
                Said::Other(words) => self.stray(words.as_bytes()),
            }
        }
    }

    fn hear_reasoning(&mut self, bytes: &[u8]) {
        self.splitter.only_text();
        let text = self.reasoning.push(bytes);
        self.give(Told::Reasoning(text));
    }

    fn hear_text(&mut self, bytes: &[u8]) {
        let cut = self.reasoning.flush();
        self.give(Told::Reasoning(cut));
        let text = self.text.push(bytes);
        for told in self.splitter.push(&text) {
            self.give(told);
        }
    }

    fn give(&mut self, told: Told) {
        let is_said = |text: &str| !text.trim().is_empty();
        let event = match told {
            Told::Text(text) => {
                self.so_far.has_text |= is_said(&text);
                ModelEvent::Text(text)
            }
            Told::Reasoning(text) => {
                self.so_far.has_reasoning |= is_said(&text);
                ModelEvent::Reasoning(text)
            }
        };
        if !matches!(&event, ModelEvent::Text(text) | ModelEvent::Reasoning(text) if text.is_empty())
        {
            self.items.push_back(Ok(event));
        }
    }

    /// Keeps text that came in place of an answer: it may hold the server's error.
    fn stray(&mut self, words: &[u8]) {
        let words = String::from_utf8_lossy(words);
        let words = words.trim();
        let is_alive = ["ping", "pong", "keepalive", "keep-alive", "heartbeat"]
            .into_iter()
            .any(|sign| words.eq_ignore_ascii_case(sign));
        if is_alive || words.starts_with(':') || self.stray.len() >= STRAY_BYTES_MAX {
            return;
        }
        let room = STRAY_BYTES_MAX - self.stray.len();
        self.stray
            .push_str(&words[..words.floor_char_boundary(room)]);
        self.stray.push('\n');
    }

    fn stray_words(&self) -> String {
        words::of_body(&self.stray)
    }

    fn failed(&mut self, failure: chunk::Failure) {
        let chunk::Failure { words, status } = failure;
        self.fail(StreamFault::Reported { words, status });
    }

    fn damaged(&mut self) {
        let words = self.stray_words();
        self.fail(StreamFault::Unreadable { words });
    }

    /// Ends the answer.
    fn end(&mut self) {
        self.flush();
        match self.so_far.verdict() {
            Ok(end) => self.close(Ok(ModelEvent::Done(end))),
            Err(StreamFault::Empty { end, .. }) => {
                let words = self.stray_words();
                self.close(Err(StreamFault::Empty { end, words }));
            }
            Err(fault) => self.close(Err(fault)),
        }
    }

    fn fail(&mut self, fault: StreamFault) {
        self.flush();
        self.close(Err(fault));
    }

    /// Emits what was held back.
    fn flush(&mut self) {
        let cut = self.reasoning.flush();
        self.give(Told::Reasoning(cut));
        let cut = self.text.flush();
        let told = self.splitter.push(&cut);
        told.into_iter().for_each(|told| self.give(told));
        if let Some(told) = self.splitter.flush() {
            self.give(told);
        }
    }

    fn close(&mut self, last: Result<ModelEvent, StreamFault>) {
        self.items.extend(
            self.so_far
                .usage
                .take()
                .map(|usage| Ok(ModelEvent::Usage(usage))),
        );
        self.items.push_back(last);
        self.is_over = true;
    }
}

#[cfg(test)]
mod tests;
