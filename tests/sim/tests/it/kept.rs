//! Seeds that found something are played for ever. `seeds/*.txt`: a seed, the planted fault that is what it found, and words.

use std::fs;
use std::path::Path;

use baton_sim::{Keep, Planted, plan_for, simulate};

#[test]
fn what_was_found_once_stays_mended_and_would_be_found_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut played = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.splitn(3, ' ');
            let seed: u64 = words.next().unwrap().parse().expect("a seed");
            let fault: Planted = words.next().expect("a fault").parse().expect("a known one");
            let found = words.next().expect("what it found");
            let plan = plan_for(seed);
            let mended = simulate(&plan, None, Keep::Nothing);
            assert_eq!(mended.violation, None, "seed {seed} found once: {found}");
            let as_it_was = simulate(&plan, Some(fault), Keep::Nothing);
            let shows = as_it_was.violation.is_some();
            assert!(shows, "seed {seed} does not show any more: {found}");
            played += 1;
        }
    }
    assert!(played > 0, "no seed in {}", folder.display());
}
