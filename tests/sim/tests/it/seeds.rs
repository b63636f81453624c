//! Seeds from one on, and whether a seed is one thing.

use baton_sim::{Keep, plan_for, simulate};

/// Well below a minute of one core, in a debug build.
const SEEDS: u64 = 900;

fn play(from: u64) {
    for seed in from..from + SEEDS / 3 {
        let outcome = simulate(&plan_for(seed), None, Keep::Nothing);
        assert_eq!(
            outcome.violation, None,
            "seed {seed}: see it with `cargo xtask sim --from {seed} --seeds 1`"
        );
    }
}

#[test]
fn nothing_is_found_in_the_first_seeds() {
    play(1);
}

#[test]
fn nothing_is_found_in_the_next_seeds() {
    play(1 + SEEDS / 3);
}

#[test]
fn nothing_is_found_in_the_last_seeds() {
    play(1 + SEEDS / 3 * 2);
}

#[test]
fn a_seed_gives_the_same_trace_each_time() {
    // The embedded database (33), the client's own mirror in memory (1) and in a file (49), JSON on the wire (5), and some others.
    for seed in [1, 2, 3, 5, 12, 33, 49, 97] {
        let twice = [(); 2].map(|()| simulate(&plan_for(seed), None, Keep::Lines));
        let [one, other] = &twice;
        assert_eq!(one.violation, None, "seed {seed}");
        assert!(one.lines.len() > 20, "seed {seed} does nothing");
        let differ = one.lines.iter().zip(&other.lines).position(|(a, b)| a != b);
        assert_eq!(differ, None, "seed {seed}, line");
        assert_eq!(one.lines.len(), other.lines.len(), "seed {seed}");
    }
}
