//! A checker that finds nothing proves nothing: each fault that is planted in the product must be found.

use baton_sim::{Keep, Plan, Planted, plan_for, refusals_on_a_full_disk, simulate};

/// Seeds within which each fault must show.
const SEEDS_MAX: u64 = 160;

/// Where the search begins: a fault that shows in one seed of several hundred is looked for where it is.
fn first_seed(planted: Planted) -> u64 {
    match planted {
        Planted::RunnerForgetsReplacedLogs => 580,
        Planted::HubTakesLateHellos => 2_124,
        Planted::HubForgetsRefusals => 2_649,
        _ => 1,
    }
}

fn plans(planted: Planted) -> Vec<Plan> {
    if planted == Planted::DeviceTellsOfUnnotedRefusals {
        return refusals_on_a_full_disk();
    }
    let first = first_seed(planted);
    (first..first + SEEDS_MAX).map(plan_for).collect()
}

fn is_found(planted: Planted) -> bool {
    plans(planted).iter().any(|plan| {
        let outcome = simulate(plan, Some(planted), Keep::Nothing);
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

#[test]
fn a_refusal_that_meets_a_full_disk_is_told_when_it_is_noted() {
    for plan in refusals_on_a_full_disk() {
        assert_eq!(simulate(&plan, None, Keep::Nothing).violation, None);
    }
}
