//! A plan out of a seed.

use super::{
    Act, AtCommit, Fault, MirrorKind, OnTheWay, Plan, Planned, Sent, Setup, Snapshots, Step,
    StoreKind, Who, Wire,
};
use crate::rng::Rng;

/// Names the stream that plans are drawn from.
const STREAM: u64 = 1;

/// Names the stream of deletions, which leaves the plans of all other seeds as they were.
const DELETION_STREAM: u64 = 2;

/// Names the stream of branches, forks, edits and what a list of sessions needs, for the same reason.
const HISTORY_STREAM: u64 = 3;

/// What kind of bad day it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day {
    /// Nothing breaks.
    Good,
    Network,
    Crashes,
    Storage,
    Everything,
}

/// The plan of a seed.
pub fn plan_for(seed: u64) -> Plan {
    let mut rng = Rng::named(seed, STREAM);
    let mut setup = setup(seed, &mut rng);
    let day = *rng.pick(&[
        Day::Good,
        Day::Network,
        Day::Network,
        Day::Crashes,
        Day::Crashes,
        Day::Storage,
        Day::Everything,
        Day::Everything,
    ]);
    let mut steps = vec![Planned {
        index: 0,
        at_ms: rng.below(200),
        step: Step::Act {
            device: 0,
            act: Act::Create {
                session: 0,
                prompt: true,
            },
        },
    }];
    let acts = rng.between(3, 30);
    for _ in 0..acts {
        let device = below(&mut rng, setup.devices);
        let act = act(&mut rng, &setup);
        steps.push(at(&mut rng, &setup, Step::Act { device, act }));
    }
    if setup.sessions > 1 {
        for session in 1..setup.sessions {
            let device = below(&mut rng, setup.devices);
            let prompt = rng.chance(800);
            let act = Act::Create { session, prompt };
            let at_ms = rng.below(setup.horizon_ms / 2);
            steps.push(Planned {
                index: 0,
                at_ms,
                step: Step::Act { device, act },
            });
        }
    }
    let faults = match day {
        Day::Good => 0,
        Day::Everything => rng.between(2, 20),
        _ => rng.between(1, 12),
    };
    for _ in 0..faults {
        let fault = fault(&mut rng, &setup, day);
        steps.push(at(&mut rng, &setup, Step::Fault(fault)));
    }
    steps.push(at(&mut rng, &setup, Step::Fault(Fault::Seal)));
    if has_history(seed) {
        steps.extend(history(seed, &mut setup));
    }
    if has_deletions(seed) {
        steps.extend(deletions(seed, &setup));
    }
    steps.sort_by_key(|planned| planned.at_ms);
    for (index, planned) in steps.iter_mut().enumerate() {
        planned.index = index;
    }
    Plan { seed, setup, steps }
}

/// By the seed alone, like the setup: one in eight, with every kind of mirror.
fn has_history(seed: u64) -> bool {
    seed.is_multiple_of(8) || matches!(seed % 64, 33 | 39 | 49)
}

fn history(seed: u64, setup: &mut Setup) -> Vec<Planned> {
    let mut rng = Rng::named(seed, HISTORY_STREAM);
    let others = setup.sessions;
    setup.sessions += 1;
    let mut steps = Vec::new();
    for _ in 0..rng.between(2, 16) {
        let device = below(&mut rng, setup.devices);
        let session = below(&mut rng, setup.sessions);
        let from = below(&mut rng, others);
        let act = history_act(&mut rng, session, (others, from));
        steps.push(at(&mut rng, setup, Step::Act { device, act }));
    }
    steps
}

fn history_act(rng: &mut Rng, session: usize, (new, from): (usize, usize)) -> Act {
    let (pick, text) = (rng.below(4), rng.next_u64() % 1_000);
    let is_on = rng.chance(700);
    match rng.below(100) {
        0..24 => {
            let how = *rng.pick(&[Sent::Queue, Sent::Queue, Sent::Interrupt]);
            Act::Resend {
                session,
                pick,
                how,
                text,
            }
        }
        24..36 => Act::ChooseBranch { session, pick },
        36..48 => Act::Fork {
            session: new,
            from,
            pick,
        },
        48..60 => Act::BeginEdit { session, pick },
        60..66 => Act::EndEdit { session, pick },
        66..72 => Act::Pin {
            session,
            pinned: is_on,
        },
        72..78 => Act::Archive {
            session,
            archived: is_on,
        },
        78..90 => Act::Draft { session, text },
        _ => Act::SendIfIdle { session, text },
    }
}

/// By the seed alone, like the setup: one in eight, with every kind of store and mirror.
fn has_deletions(seed: u64) -> bool {
    seed % 8 == 7 || seed % 128 == 33
}

/// Mostly one, sometimes of several sessions, or of one by two devices.
fn deletions(seed: u64, setup: &Setup) -> Vec<Planned> {
    let mut rng = Rng::named(seed, DELETION_STREAM);
    let count = rng.skewed(3) + 1;
    let mut deletion = || {
        let device = below(&mut rng, setup.devices);
        let session = below(&mut rng, setup.sessions);
        let act = Act::Delete { session };
        at(&mut rng, setup, Step::Act { device, act })
    };
    (0..count).map(|_| deletion()).collect()
}

fn setup(seed: u64, rng: &mut Rng) -> Setup {
    // By the seed alone, so that any hundred seeds in a row hold every kind.
    let store = match seed % 64 {
        33 => StoreKind::Sqlite,
        _ => StoreKind::Memory,
    };
    let mirror = match seed % 64 {
        33 | 49 => MirrorKind::File,
        1 | 17 | 23 | 39 | 55 => MirrorKind::Tables,
        _ => MirrorKind::Model,
    };
    let wire = match seed % 16 {
        5 => Wire::Json,
        _ => Wire::Values,
    };
    // With 7 alone the devices keep a mirror that cannot use them.
    let snapshots = match seed % 64 {
        7 | 17 | 23 | 33 | 39 | 49 | 55 => Snapshots::Sometimes,
        _ => Snapshots::Never,
    };
    Setup {
        devices: below(rng, 3) + 1,
        runners: *rng.pick(&[1, 1, 1, 2]),
        sessions: *rng.pick(&[1, 1, 2, 3]),
        horizon_ms: *rng.pick(&[3_000, 10_000, 10_000, 40_000, 90_000]),
        store,
        mirror,
        wire,
        snapshots,
    }
}

/// Steps come in clusters: what happens at nearly the same time is what goes wrong.
fn at(rng: &mut Rng, setup: &Setup, step: Step) -> Planned {
    let clusters = 8;
    let span = setup.horizon_ms / clusters;
    let at_ms = match rng.chance(600) {
        true => rng.below(clusters) * span + rng.skewed(span / 2),
        false => rng.below(setup.horizon_ms),
    };
    Planned {
        index: 0,
        at_ms,
        step,
    }
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).expect("a small number")
}

fn act(rng: &mut Rng, setup: &Setup) -> Act {
    let session = below(rng, setup.sessions);
    let (pick, text) = (rng.below(4), rng.next_u64() % 1_000);
    match rng.below(100) {
        0..18 => Act::Send {
            session,
            how: Sent::Queue,
            text,
        },
        18..32 => Act::Send {
            session,
            how: Sent::Steer,
            text,
        },
        32..38 => Act::Send {
            session,
            how: Sent::Interrupt,
            text,
        },
        38..43 => Act::Edit {
            session,
            pick,
            text,
        },
        43..48 => Act::Withdraw { session, pick },
        48..52 => {
            let before = rng.chance(600).then(|| rng.below(4));
            Act::Move {
                session,
                pick,
                before,
            }
        }
        52..56 => Act::SendNow { session, pick },
        56..64 => Act::StopRun {
            session,
            pick: rng.skewed(4),
            scope: rng.below(3),
        },
        64..68 => Act::StopPrompt { session, pick },
        68..74 => Act::Retry {
            session,
            pick: rng.skewed(3),
        },
        74..76 => Act::Pause { session },
        76..80 => Act::Resume { session },
        80..82 => Act::Rename { session, text },
        82..86 => Act::MarkRead {
            session,
            back: rng.skewed(20),
        },
        86..90 => Act::Look { session },
        90..92 => Act::LookAway { session },
        92..94 => Act::Cancel { pick },
        94..96 => Act::Nudge,
        96..98 => Act::Repeat { pick },
        _ => Act::Reuse { pick },
    }
}

fn who(rng: &mut Rng, setup: &Setup) -> Who {
    match rng.chance(500) {
        true => Who::Runner(below(rng, setup.runners)),
        false => Who::Device(below(rng, setup.devices)),
    }
}

fn fault(rng: &mut Rng, setup: &Setup, day: Day) -> Fault {
    let kind = match day {
        Day::Good | Day::Network => 0,
        Day::Crashes => 1,
        Day::Storage => 2,
        Day::Everything => rng.below(3),
    };
    match kind {
        0 => network_fault(rng, setup),
        1 => crash(rng, setup),
        _ => storage_fault(rng),
    }
}

fn network_fault(rng: &mut Rng, setup: &Setup) -> Fault {
    let who = who(rng, setup);
    match rng.below(15) {
        14 => Fault::LateHello { who },
        12 | 13 => Fault::WriteAgain {
            runner: below(rng, setup.runners),
        },
        0..5 => Fault::Cut {
            who,
            after_frames: rng.skewed(40),
            on_the_way: *rng.pick(&[OnTheWay::Lost, OnTheWay::StillArrives]),
        },
        5 | 6 => Fault::HalfOpen { who },
        7 | 8 => Fault::NoNetwork {
            who,
            ms: silence_ms(rng),
        },
        9 => Fault::Slow {
            who,
            latency_ms: rng.skewed(4_000),
            ms: rng.skewed(20_000),
        },
        10 => Fault::ForgetQueues,
        _ => Fault::WriteLate {
            runner: below(rng, setup.runners),
            pick: rng.below(3),
        },
    }
}

fn crash(rng: &mut Rng, setup: &Setup) -> Fault {
    let (device, runner) = (below(rng, setup.devices), below(rng, setup.runners));
    let down_ms = rng.skewed(20_000);
    let ms = silence_ms(rng);
    match rng.below(22) {
        20 | 21 => Fault::CrashRunner {
            runner,
            down_ms: Some(down_ms),
        },
        0 | 1 => Fault::CrashHub { down_ms },
        2..6 => Fault::CrashHubAtCommit {
            commits: rng.skewed(30),
            at: *rng.pick(&[AtCommit::Before, AtCommit::After]),
            down_ms,
        },
        6 => Fault::PauseHub { ms },
        7..10 => Fault::CrashDevice {
            device,
            after_outputs: rng.skewed(20),
            down_ms,
        },
        10 => Fault::PauseDevice { device, ms },
        11 => Fault::SleepDevice { device, ms },
        12 | 13 => Fault::CrashRunner {
            runner,
            down_ms: rng.chance(850).then_some(down_ms),
        },
        14..16 => Fault::PauseRunner { runner, ms },
        16 => Fault::PutActorsAway,
        17 => Fault::HubClock {
            by_ms: clock_jump(rng),
        },
        18 => Fault::DeviceClock {
            device,
            by_ms: clock_jump(rng),
        },
        _ => Fault::DeviceDiskFull { device, ms },
    }
}

/// Short nearly always, and often enough longer than a lease.
fn silence_ms(rng: &mut Rng) -> u64 {
    match rng.chance(350) {
        true => rng.between(9_000, 30_000),
        false => rng.skewed(20_000),
    }
}

fn clock_jump(rng: &mut Rng) -> i64 {
    let by = i64::try_from(rng.skewed(100_000_000)).expect("a small number");
    if rng.chance(500) { by } else { -by }
}

fn storage_fault(rng: &mut Rng) -> Fault {
    match rng.below(10) {
        0 | 1 => Fault::DiskFull {
            ms: rng.skewed(20_000),
        },
        2 | 3 => Fault::RefuseAppends {
            count: rng.between(1, 6),
        },
        4 | 5 => Fault::FlushFails {
            recorded: rng.chance(500),
            down_ms: rng.skewed(10_000) + 500,
        },
        6 => Fault::Seal,
        7 | 8 => Fault::Backup,
        _ => Fault::Restore {
            down_ms: rng.skewed(10_000),
        },
    }
}
