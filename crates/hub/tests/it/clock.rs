//! A wall clock that jumps: times are for display, nothing else rests on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use baton_hub::{Clock, HubOptions};
use baton_log::MemoryEventLog;
use baton_protocol::view::RowBody;
use baton_protocol::*;

use crate::scene::Answering;
use crate::world::World;

const DAY_MS: i64 = 86_400_000;

struct JumpingClock(AtomicI64);

impl Clock for JumpingClock {
    fn now(&self) -> TimestampMs {
        TimestampMs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_changes_times_and_nothing_else() {
    let clock = Arc::new(JumpingClock(AtomicI64::new(1_795_000_000_000)));
    let options = HubOptions {
        lease: Duration::from_secs(5),
        ..HubOptions::default()
    };
    let log = Arc::new(MemoryEventLog::new());
    let world = World::over(options, log, clock.clone()).await;
    let mut scene = Answering::begin(&world).await;
    scene.write_text("one ").await;
    // A day ahead: no lease is over. Ten days back: what comes now is later all the same.
    let mut seq = Seq::ZERO;
    for (jump, text) in [
        (DAY_MS, "two "),
        (-10 * DAY_MS, "three "),
        (3 * DAY_MS, "four"),
    ] {
        clock.0.fetch_add(jump, Ordering::SeqCst);
        scene.write_text(text).await;
        let receipt = scene
            .laptop
            .command(scene.session, CommandBody::PauseQueue(PauseQueueCommand {}))
            .await;
        assert!(receipt.seq > seq, "{receipt:?}");
        assert_eq!(receipt.recorded_at, clock.now());
        seq = receipt.seq;
        scene
            .laptop
            .command(
                scene.session,
                CommandBody::ResumeQueue(ResumeQueueCommand {}),
            )
            .await;
    }
    let closing = vec![scene.script.close(PartEnd::Complete), scene.script.end()];
    scene.write_acked(closing).await;

    let mut desk = world.device("Desk").await;
    desk.follow(scene.session).await;
    let read = desk.until(scene.session, |followed| followed.level).await;
    assert_eq!(
        (read.text().as_str(), read.outcomes()),
        ("one two three four", vec![RunOutcome::Completed])
    );
    assert!(
        read.events.is_sorted_by_key(|event| event.seq)
            && !read.events.is_sorted_by_key(|event| event.recorded_at)
    );
    let took = read.transcript.rows.iter().find_map(|row| match row.body {
        RowBody::RunEnd { duration_ms, .. } => Some(duration_ms),
        _ => None,
    });
    assert_eq!(
        took,
        Some(0),
        "a clock that went back gives no time below zero"
    );
}
