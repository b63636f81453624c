//! Runs the steps of a plan, every one of them whatever the others did, and says at the end what came of each.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::console::{heading, say, seconds};
use crate::only::Only;
use crate::setup::{self, Purpose};
use crate::steps::{Outcome, Plan, STEPS, Shared, Step};

#[derive(Args)]
pub struct Options {
    /// Leave out the model, the windows and the documentation.
    #[arg(long)]
    fast: bool,
    /// Run one step alone, with what it uses: `--only clippy`. Of the windows, one scenario: `--only windows pick_up`.
    #[arg(long, num_args = 1..=2, value_names = ["STEP", "NAME"], conflicts_with = "fast")]
    only: Vec<String>,
}

/// The task `test`.
pub fn test(options: &Options) -> Result<()> {
    if let [step, scenario @ ..] = &options.only[..] {
        let only = Only::find(step, scenario.first().map(String::as_str))?;
        let shared = Shared::for_scenario(only.scenario);
        run_steps(&only.steps, Purpose::Test, shared)
    } else if options.fast {
        run_plan(Plan::Fast, Purpose::Ci)
    } else {
        run_plan(Plan::Test, Purpose::Test)
    }
}

/// The task `ci`.
pub fn ci() -> Result<()> {
    run_plan(Plan::Ci, Purpose::Ci)
}

enum State {
    Passed,
    Failed(String),
    LeftOut(&'static str),
}

struct Row {
    name: &'static str,
    state: State,
    took: Duration,
}

fn run_plan(plan: Plan, purpose: Purpose) -> Result<()> {
    let steps: Vec<_> = STEPS
        .iter()
        .filter(|step| step.plans.contains(&plan))
        .collect();
    run_steps(&steps, purpose, Shared::default())
}

fn run_steps(steps: &[&Step], purpose: Purpose, mut shared: Shared) -> Result<()> {
    let started = Instant::now();
    setup::setup(purpose)?;
    let mut rows = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        heading(&format!("{} ({} of {})", step.name, index + 1, steps.len()));
        let begun = Instant::now();
        let state = match (step.work)(&mut shared) {
            Ok(Outcome::Passed) => State::Passed,
            Ok(Outcome::LeftOut(reason)) => State::LeftOut(reason),
            Err(error) => State::Failed(format!("{error:#}")),
        };
        let row = Row {
            name: step.name,
            state,
            took: begun.elapsed(),
        };
        say(&describe(&row));
        rows.push(row);
    }
    drop(shared);
    heading(&format!("summary, after {}", seconds(started.elapsed())));
    for row in &rows {
        say(&describe(row));
    }
    println!("\n{}", totals(&rows));
    if rows.iter().any(|row| matches!(row.state, State::Failed(_))) {
        bail!("not everything holds");
    }
    Ok(())
}

fn describe(row: &Row) -> String {
    let took = seconds(row.took);
    match &row.state {
        State::Passed => format!("passed    {:16} {took}", row.name),
        State::Failed(why) => format!("FAILED    {:16} {took}: {why}", row.name),
        State::LeftOut(why) => format!("left out  {:16} {why}", row.name),
    }
}

fn totals(rows: &[Row]) -> String {
    let count = |wanted: fn(&State) -> bool| rows.iter().filter(|row| wanted(&row.state)).count();
    let passed = count(|state| matches!(state, State::Passed));
    let failed = count(|state| matches!(state, State::Failed(_)));
    format!("{passed} passed, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_counts_as_neither() {
        let row = |state| Row {
            name: "x",
            state,
            took: Duration::ZERO,
        };
        let rows = [
            row(State::Passed),
            row(State::LeftOut("absent")),
            row(State::Failed("why".into())),
        ];
        assert_eq!(totals(&rows), "1 passed, 1 failed");
        assert!(describe(&rows[2]).contains("why"));
    }
}
