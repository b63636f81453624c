//! A checker that finds nothing proves nothing: each fault that is planted in the product must be found.

use baton_sim::{Keep, Planted, plan_for, simulate};

/// Seeds within which each fault must show.
const SEEDS_MAX: u64 = 400;

fn is_found(planted: Planted) -> bool {
    (1..=SEEDS_MAX).any(|seed| {
        let outcome = simulate(&plan_for(seed), Some(planted), Keep::Nothing);
        outcome.violation.is_some()
    })
}

#[test]
fn every_planted_fault_is_found() {
    let missed: Vec<Planted> = Planted::ALL
        .into_iter()
        .filter(|planted| !is_found(*planted))
        .collect();
    assert_eq!(missed, []);
}
