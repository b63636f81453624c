//! `baton-sim`: plays seeds, and says what it found and how to see it again.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use baton_sim::{Keep, Outcome, Plan, Planted, Tally, plan_for, shrink, simulate};
use clap::Parser;

/// Plays simulations.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Leave out every step but these.
    #[arg(long, value_delimiter = ',')]
    keep: Option<Vec<usize>>,
    /// Plant a fault in the product, to see whether it is found.
    #[arg(long)]
    plant: Option<Planted>,
    /// Print what happened.
    #[arg(long)]
    trace: bool,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Go on after a failure, with one line for each and without making it smaller.
    #[arg(long)]
    all: bool,
}

/// Lines of the trace that are printed of a failure.
const LAST_LINES: usize = 60;

fn main() -> ExitCode {
    let options = Options::parse();
    let started = Instant::now();
    let until = options.seconds.map(Duration::from_secs);
    let (mut played, mut failed, mut steps, mut looks, mut simulated_ms) = (0_u64, 0_u64, 0, 0, 0);
    let mut tally = Tally::default();
    for seed in options.from..options.from + options.seeds {
        let mut plan = plan_for(seed);
        if let Some(keep) = &options.keep {
            plan.steps.retain(|planned| keep.contains(&planned.index));
        }
        let kept = if options.trace {
            Keep::Lines
        } else {
            Keep::Nothing
        };
        let outcome = simulate(&plan, options.plant, kept);
        outcome.lines.iter().for_each(|line| println!("{line}"));
        played += 1;
        steps += outcome.steps;
        looks += outcome.looks;
        simulated_ms += outcome.ended_ms;
        tally.add(outcome.tally);
        if let Some(violation) = &outcome.violation {
            failed += 1;
            if options.all {
                println!("seed {seed}: {violation}");
            } else {
                explain(&plan, &outcome, options.plant);
                return ExitCode::FAILURE;
            }
        }
        if until.is_some_and(|until| started.elapsed() > until) {
            break;
        }
    }
    let hours = simulated_ms / 3_600_000;
    println!("{tally:?}");
    println!(
        "{played} seeds from {}, {failed} failed: {steps} steps, {looks} checks, {hours} simulated hours in {:.1} s",
        options.from,
        started.elapsed().as_secs_f64()
    );
    if failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn explain(plan: &Plan, outcome: &Outcome, planted: Option<Planted>) {
    let seed = plan.seed;
    println!("seed {seed} failed at step {}:", outcome.steps);
    println!("  {}", outcome.violation.as_deref().unwrap_or_default());
    let small = shrink(plan, planted);
    let again = simulate(&small, planted, Keep::Lines);
    println!(
        "\nthe smallest plan that still fails ({} of {} steps):",
        small.steps.len(),
        plan.steps.len()
    );
    println!("  {:?}", small.setup);
    for planned in &small.steps {
        println!(
            "  {:>4} {:>7} ms {:?}",
            planned.index, planned.at_ms, planned.step
        );
    }
    println!("\nit ends with:");
    let skip = again.lines.len().saturating_sub(LAST_LINES);
    for line in again.lines.iter().skip(skip) {
        println!("  {line}");
    }
    println!("  {}", again.violation.as_deref().unwrap_or_default());
    let kept: Vec<String> = small
        .steps
        .iter()
        .map(|planned| planned.index.to_string())
        .collect();
    let planted = planted
        .map(|planted| format!(" --plant {planted:?}"))
        .unwrap_or_default();
    println!(
        "\nsee it again: cargo xtask sim --from {seed} --seeds 1 --keep {}{planted} --trace",
        kept.join(",")
    );
}
