//! One seed from its plan to its verdict.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::checker::Tally;
use crate::plan::Plan;
use crate::planted::Planted;
use crate::trace::Keep;
use crate::world::World;

/// What came of a simulation.
#[derive(Debug)]
pub struct Outcome {
    /// What must not be, where there was something.
    pub violation: Option<String>,
    /// The trace, where it was kept.
    pub lines: Vec<String>,
    /// Steps that were taken.
    pub steps: u64,
    /// How long it was, in simulated milliseconds.
    pub ended_ms: u64,
    /// How often something was checked.
    pub looks: u64,
    /// What happened.
    pub tally: Tally,
}

thread_local! {
    /// What a panic said, on a thread on which a simulation runs.
    static PANIC: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Runs a plan. A panic of the product is a violation.
pub fn simulate(plan: &Plan, planted: Option<Planted>, keep: Keep) -> Outcome {
    listen_for_panics();
    PANIC.with_borrow_mut(|panic| *panic = Some(None));
    let mut world = None;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(plan.clone(), planted, keep)?);
        world.run()
    }));
    let panic = PANIC.with_borrow_mut(Option::take).flatten();
    let fault = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("the simulation failed: {error:#}")),
        Err(_) => Some(format!("a panic: {}", panic.unwrap_or_default())),
    };
    let Some(world) = world else {
        return Outcome {
            violation: fault,
            lines: Vec::new(),
            steps: 0,
            ended_ms: 0,
            looks: 0,
            tally: Tally::default(),
        };
    };
    let steps = world.steps();
    let sim = world.sim;
    Outcome {
        violation: sim.checker.violation().map(str::to_owned).or(fault),
        steps,
        ended_ms: sim.now_ms,
        looks: sim.checker.looks(),
        tally: sim.checker.tally(),
        lines: sim.trace.into_lines(),
    }
}

/// Keeps what panics say on threads that simulate, and leaves the others alone.
fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_ours = PANIC.with_borrow_mut(|panic| match panic {
                Some(said) => {
                    *said = Some(info.to_string());
                    true
                }
                None => false,
            });
            if !is_ours {
                before(info);
            }
        }));
    });
}
