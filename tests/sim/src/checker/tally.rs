//! What happened in a simulation, counted: seeds in which nothing happens prove nothing.

use baton_protocol::{EventBody, RunOutcome};

use super::Checker;

/// Counts over all logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Events that were recorded.
    pub events: u64,
    /// Receipts that were recorded.
    pub receipts: u64,
    /// Runs that began.
    pub runs: u64,
    /// Runs that ended by themselves.
    pub completed: u64,
    /// Runs that were stopped.
    pub stopped: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs whose host went away.
    pub lost: u64,
    /// Steers that were taken in.
    pub steers: u64,
    /// Times that a model was asked again.
    pub retries: u64,
    /// Prompts that began a branch.
    pub branches: u64,
    /// Sessions that began as a copy.
    pub forks: u64,
    /// Sessions that were deleted. What was in them is not counted.
    pub deleted: u64,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.receipts += other.receipts;
        self.runs += other.runs;
        self.completed += other.completed;
        self.stopped += other.stopped;
        self.failed += other.failed;
        self.lost += other.lost;
        self.steers += other.steers;
        self.retries += other.retries;
        self.branches += other.branches;
        self.forks += other.forks;
        self.deleted += other.deleted;
    }
}

impl Checker {
    /// What the logs hold.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (_, log) in self.truth.logs() {
            tally.receipts += log.receipts().len() as u64;
            for event in log.events() {
                tally.events += 1;
                match &event.body {
                    EventBody::RunStarted(_) => tally.runs += 1,
                    EventBody::PromptSent(body) if body.branch_of.is_some() => tally.branches += 1,
                    EventBody::ModelRetry(_) => tally.retries += 1,
                    EventBody::SessionForked(_) => tally.forks += 1,
                    EventBody::SessionDeleted(_) => tally.deleted += 1,
                    EventBody::SteerConsumed(body) => tally.steers += body.prompts.len() as u64,
                    EventBody::RunEnded(body) => match body.outcome {
                        RunOutcome::Completed => tally.completed += 1,
                        RunOutcome::Stopped { .. } => tally.stopped += 1,
                        RunOutcome::Failed { .. } => tally.failed += 1,
                        RunOutcome::Lost => tally.lost += 1,
                    },
                    _ => {}
                }
            }
        }
        tally
    }
}
