//! Makes a failing plan smaller: it leaves steps out as long as the rest still fails.

use crate::plan::Plan;
use crate::planted::Planted;
use crate::simulate::simulate;
use crate::trace::Keep;

/// Simulations that shrinking may cost.
const TRIES_MAX: u32 = 400;

/// The smallest plan that was found to fail. Which law it breaks may change on the way.
pub fn shrink(plan: &Plan, planted: Option<Planted>) -> Plan {
    let mut smallest = plan.clone();
    let mut tries = 0;
    let mut chunk = smallest.steps.len().div_ceil(2).max(1);
    loop {
        let mut progressed = false;
        let mut from = 0;
        while from < smallest.steps.len() && tries < TRIES_MAX {
            let mut smaller = smallest.clone();
            let to = (from + chunk).min(smaller.steps.len());
            smaller.steps.drain(from..to);
            tries += 1;
            if simulate(&smaller, planted, Keep::Nothing)
                .violation
                .is_some()
            {
                smallest = smaller;
                progressed = true;
            } else {
                from = to;
            }
        }
        if tries >= TRIES_MAX || (chunk == 1 && !progressed) {
            return smallest;
        }
        chunk = (chunk / 2).max(1);
    }
}
