//! A short run of every target: its seeds, and small changes of them that are the same each time.

use std::fs;
use std::path::{Path, PathBuf};

/// The protocol's golden files, which are the seeds of every target that reads its lines.
const GOLDEN: &str = "crates/protocol/tests/golden/v1";

/// Answers as they occur in the field.
const STREAMS: &str = "crates/runner/src/provider/stream/cases";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every file of the folders, with its name for a failure's message.
fn seeds(folders: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut seeds = Vec::new();
    for folder in folders {
        let files = fs::read_dir(root().join(folder)).expect("a folder of seeds");
        for file in files {
            let path = file.expect("an entry").path();
            let bytes = fs::read(&path).expect("a seed");
            seeds.push((path, bytes));
        }
    }
    seeds.sort();
    assert!(!seeds.is_empty(), "no seeds in {folders:?}");
    seeds
}

/// A small linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// One small change: a byte, a cut, a doubled or swapped line, a number, a stretch of another seed.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(7) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, b"\"{}[],:\\\n0\xff"[random.below(11)]),
        3 if !bytes.is_empty() => {
            let digits = bytes.iter().position(u8::is_ascii_digit).unwrap_or(at);
            let places: Vec<usize> = (digits..bytes.len())
                .filter(|index| bytes[*index].is_ascii_digit())
                .collect();
            let place = places.get(random.below(places.len())).copied();
            bytes[place.unwrap_or(at)] = b'0' + random.below(10) as u8;
        }
        4 | 5 => {
            let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            if random.below(2) == 0 {
                lines.swap(from, to);
            } else {
                lines.insert(to, lines[from]);
            }
            *bytes = lines.join(&b'\n');
        }
        _ => {
            let from = random.below(other.len());
            let length = random.below(200).min(other.len() - from);
            bytes.splice(at..at, other[from..from + length].iter().copied());
        }
    }
}

/// Runs a target over its seeds and over `rounds` changed ones. The input of a failure is kept beside the test programs.
fn run(name: &str, target: fn(&[u8]), seeds: &[(PathBuf, Vec<u8>)], rounds: usize) {
    let mut random = Random(seeds.len() as u64);
    let seeds_alone = seeds.iter().map(|(path, bytes)| (path, bytes.clone()));
    let seeds_alone: Vec<_> = seeds_alone.collect();
    let changed = (0..rounds).map(|_| {
        let (path, bytes) = &seeds[random.below(seeds.len())];
        let (_, other) = &seeds[random.below(seeds.len())];
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(6) {
            change(&mut bytes, other, &mut random);
        }
        (path, bytes)
    });
    for (path, bytes) in seeds_alone.into_iter().chain(changed) {
        if std::panic::catch_unwind(|| target(&bytes)).is_err() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.failed"));
            fs::write(&kept, &bytes).expect("the input is kept");
            let (from, kept) = (path.display(), kept.display());
            panic!("`{name}` failed on a change of {from}: the input is in {kept}");
        }
    }
}

#[test]
fn client_frames_of_any_bytes_are_read_or_refused() {
    run(
        "client_frame",
        baton_fuzzing::client_frame,
        &seeds(&[GOLDEN]),
        3_000,
    );
}

#[test]
fn events_of_any_bytes_are_folded_or_an_error() {
    let seeds = seeds(&[GOLDEN, "fuzz/seeds/event_fold"]);
    run("event_fold", baton_fuzzing::event_fold, &seeds, 3_000);
}

#[test]
fn links_of_any_text_are_read_or_refused() {
    let seeds = seeds(&["fuzz/seeds/link_code"]);
    run("link_code", baton_fuzzing::link_code, &seeds, 5_000);
}

#[test]
fn a_model_that_sends_anything_gives_an_answer_or_a_reason() {
    let seeds = seeds(&["fuzz/seeds/model_stream", STREAMS]);
    run("model_stream", baton_fuzzing::model_stream, &seeds, 3_000);
}

#[test]
fn a_hub_that_says_anything_moves_no_mirror_past_a_gap() {
    let seeds = seeds(&[GOLDEN, "fuzz/seeds/sync_engine"]);
    run("sync_engine", baton_fuzzing::sync_engine, &seeds, 3_000);
}
