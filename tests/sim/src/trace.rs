//! What happened, line by line. Two runs of one seed give the same lines.

use std::fmt::Arguments;

/// How much of a run is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Nothing: for many seeds.
    Nothing,
    /// Every line.
    Lines,
}

/// The lines of one run.
#[derive(Debug)]
pub struct Trace {
    keep: Keep,
    lines: Vec<String>,
}

impl Trace {
    /// An empty one.
    pub fn new(keep: Keep) -> Self {
        Self {
            keep,
            lines: Vec::new(),
        }
    }

    /// Adds a line. Never name an incarnation in it: the log mints those, and not from the seed.
    pub fn note(&mut self, now_ms: u64, what: Arguments<'_>) {
        if self.keep == Keep::Lines {
            self.lines.push(format!("{now_ms:>7} {what}"));
        }
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
