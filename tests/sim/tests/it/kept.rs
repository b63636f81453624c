//! Seeds that found something are played for ever. `seeds/*.txt`: one seed a line, then what it found.

use std::fs;
use std::path::Path;

use baton_sim::{Keep, plan_for, simulate};

#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut played = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (seed, found) = line.split_once(' ').expect("a seed and what it found");
            let seed: u64 = seed.parse().expect("a seed");
            let outcome = simulate(&plan_for(seed), None, Keep::Nothing);
            assert_eq!(outcome.violation, None, "seed {seed} found once: {found}");
            played += 1;
        }
    }
    assert!(played > 0, "no seed in {}", folder.display());
}
