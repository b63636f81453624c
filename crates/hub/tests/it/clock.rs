//! A wall clock that jumps: times are for display, nothing else rests on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use baton_hub::{Clock, Hub, HubOptions};
use baton_log::MemoryEventLog;
use baton_protocol::view::RowBody;
use baton_protocol::*;

use crate::client::Script;
use crate::world::{Backend, World, new_session};

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
    let dir = tempfile::tempdir().unwrap();
    let mut world = World {
        dir,
        log: None,
        hub: None,
        backend: Backend::Memory,
        options: options.clone(),
    };
    let log: Arc<dyn baton_log::EventLog> = Arc::new(MemoryEventLog::new());
    world.hub = Some(
        Hub::start_with(
            world.config(),
            options,
            log,
            Arc::clone(&clock) as Arc<dyn Clock>,
        )
        .await
        .unwrap(),
    );

    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    laptop.prompt(log, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let opened = vec![script.open(), script.text("one ")];
    runner.write_acked(held, opened).await;
    // A day ahead: no lease is over. Ten days back: what comes now is later all the same.
    let mut seq = Seq::ZERO;
    for (jump, text) in [
        (DAY_MS, "two "),
        (-10 * DAY_MS, "three "),
        (3 * DAY_MS, "four"),
    ] {
        clock.0.fetch_add(jump, Ordering::SeqCst);
        runner.write_acked(held, vec![script.text(text)]).await;
        let receipt = laptop
            .command(log, CommandBody::PauseQueue(PauseQueueCommand {}))
            .await;
        assert!(receipt.seq > seq, "{receipt:?}");
        assert_eq!(receipt.recorded_at, clock.now());
        seq = receipt.seq;
        laptop
            .command(log, CommandBody::ResumeQueue(ResumeQueueCommand {}))
            .await;
    }
    let closed = vec![script.close(PartEnd::Complete), script.end()];
    runner.write_acked(held, closed).await;

    let mut desk = world.device("Desk").await;
    desk.follow(log).await;
    let read = desk.until(log, |followed| followed.level).await;
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
