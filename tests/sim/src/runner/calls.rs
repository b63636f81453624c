//! The model: what it says, how fast, and how it ends. It goes on for a while when nobody listens any more.

use std::collections::VecDeque;
use std::time::Duration;

use baton_protocol::RunId;
use baton_runner::provider::{ModelEnd, ModelEvent, ModelUsage, RetryAdvice, RetryReason};
use baton_runner::{CallId, ModelOutput};

use crate::rng::Rng;
use crate::words;

/// A call that is on.
pub struct Call {
    /// Its name at the core.
    pub id: CallId,
    /// For which run.
    pub run: RunId,
    /// Whether the core has dropped it.
    pub is_dropped: bool,
    script: Script,
}

/// What a model will say, and when.
pub struct Script {
    pieces: VecDeque<(u64, Piece)>,
}

/// One thing that a model says.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Reasoning(String),
    Usage,
    Done,
    Failed(String),
    /// The call gives nothing.
    NotBegun(String, Option<RetryAdvice>),
}

impl Script {
    /// A server that does not begin, three times in ten, and mostly may be asked again. `None`: it begins.
    pub fn refuse(rng: &mut Rng, now_ms: u64) -> Option<Self> {
        if !rng.chance(300) {
            return None;
        }
        let after_ms = match rng.below(10) {
            0 => Some(rng.below(90_000)),
            1..4 => Some(rng.below(3_000)),
            _ => None,
        };
        let advice = RetryAdvice {
            after: after_ms.map(Duration::from_millis),
            why: match rng.chance(500) {
                true => RetryReason::Busy,
                false => RetryReason::Unreachable,
            },
        };
        let message = format!("the model is busy ({})", rng.below(1_000));
        let piece = Piece::NotBegun(message, rng.chance(900).then_some(advice));
        let at_ms = now_ms + rng.skewed(3_000);
        Some(Self {
            pieces: VecDeque::from([(at_ms, piece)]),
        })
    }

    /// Out of chance. Times count from `now_ms`.
    pub fn write(rng: &mut Rng, now_ms: u64) -> Self {
        let mut at_ms = now_ms + rng.skewed(3_000);
        let pace_ms = *rng.pick(&[0, 5, 30, 30, 200, 1_000]);
        let mut pieces = VecDeque::new();
        let mut push = |at_ms: &mut u64, rng: &mut Rng, piece| {
            *at_ms += rng.below(pace_ms + 1);
            pieces.push_back((*at_ms, piece));
        };
        if rng.chance(300) {
            for _ in 0..rng.skewed(12) {
                let count = rng.between(1, 8);
                let text = words::text(rng, count);
                push(&mut at_ms, rng, Piece::Reasoning(text));
            }
        }
        for _ in 0..rng.skewed(60) {
            let long = rng.chance(8);
            let count = if long {
                rng.below(4_000) + 1
            } else {
                rng.between(1, 8)
            };
            let text = words::text(rng, count);
            push(&mut at_ms, rng, Piece::Text(text));
            if rng.chance(10) {
                at_ms += rng.skewed(20_000);
            }
        }
        if rng.chance(500) {
            push(&mut at_ms, rng, Piece::Usage);
        }
        let end = match rng.chance(150) {
            true => Piece::Failed(format!("the model broke off ({})", rng.below(1_000))),
            false => Piece::Done,
        };
        push(&mut at_ms, rng, end);
        Self { pieces }
    }
}

impl Call {
    /// Begins.
    pub fn new(id: CallId, run: RunId, script: Script) -> Self {
        Self {
            id,
            run,
            is_dropped: false,
            script,
        }
    }

    /// When the next piece comes.
    pub fn next_ms(&self) -> Option<u64> {
        self.script.pieces.front().map(|(at, _)| *at)
    }

    /// The next piece, and its text where it has some.
    pub fn next(&mut self) -> Option<ModelOutput> {
        let (_, piece) = self.script.pieces.pop_front()?;
        Some(match piece {
            Piece::Text(text) => ModelOutput::Event(ModelEvent::Text(text)),
            Piece::Reasoning(text) => ModelOutput::Event(ModelEvent::Reasoning(text)),
            Piece::Usage => ModelOutput::Event(ModelEvent::Usage(ModelUsage {
                input_tokens: Some(3),
                output_tokens: Some(5),
            })),
            Piece::Done => ModelOutput::Event(ModelEvent::Done(ModelEnd::Whole)),
            Piece::Failed(why) => ModelOutput::Failed(why),
            Piece::NotBegun(message, retry) => ModelOutput::NotBegun { message, retry },
        })
    }

    /// Whether it is to be forgotten: over, or dropped for long enough.
    pub fn is_over(&self, now_ms: u64) -> bool {
        let next = self.next_ms();
        next.is_none() || (self.is_dropped && next.is_some_and(|at| at > now_ms + 2_000))
    }
}
