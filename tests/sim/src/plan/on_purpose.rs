//! Plans that are written by hand, for what chance brings too seldom.

use super::{Act, Fault, MirrorKind, Plan, Planned, Setup, Snapshots, Step, StoreKind, Wire};

/// A refusal reaches a device within the few milliseconds in which its disk is full, and both sides start anew later. Chance does not bring
/// that in a hundred thousand seeds, since a device with a full disk leaves the line for a while. Once it came by chance (seed 6082).
pub fn refusals_on_a_full_disk() -> Vec<Plan> {
    let setup = Setup {
        devices: 1,
        runners: 1,
        sessions: 1,
        horizon_ms: 10_000,
        store: StoreKind::Memory,
        mirror: MirrorKind::Model,
        wire: Wire::Values,
        snapshots: Snapshots::Never,
    };
    let act = |at_ms, act| (at_ms, Step::Act { device: 0, act });
    let fault = |at_ms, fault| (at_ms, Step::Fault(fault));
    let crash_device = Fault::CrashDevice {
        device: 0,
        after_outputs: 0,
        down_ms: 11,
    };
    let of = |full_ms: u64| {
        let steps = [
            act(full_ms - 5, Act::Resume { session: 0 }),
            fault(full_ms, Fault::DeviceDiskFull { device: 0, ms: 20 }),
            act(
                420,
                Act::Create {
                    session: 0,
                    prompt: true,
                },
            ),
            fault(1_300, Fault::CrashHub { down_ms: 10 }),
            fault(1_500, crash_device.clone()),
        ];
        let steps = steps.into_iter().enumerate();
        let steps = steps.map(|(index, (at_ms, step))| Planned { index, at_ms, step });
        Plan {
            seed: 6_082,
            setup: setup.clone(),
            steps: steps.collect(),
        }
    };
    (40..100).step_by(6).map(of).collect()
}
