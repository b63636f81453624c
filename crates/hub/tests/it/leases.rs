//! Runners that go away, come back, or come back as somebody else.

use std::time::Duration;

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Followed, Script};
use crate::world::{Backend, Runner, World, new_session, on_each_log};

fn short_lease() -> HubOptions {
    HubOptions {
        lease: Duration::from_millis(700),
        ..HubOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_runners_run_is_lost_and_can_be_retried() {
    let world = World::start_with(Backend::Sqlite, short_lease()).await;
    let (mut runner, linked) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    laptop.prompt(log, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let writes = vec![script.open(), script.text("so far")];
    runner.write_acked(held, writes).await;
    // Nothing more is heard from it, and its socket stays open.
    let followed = laptop
        .until(log, |followed| followed.outcomes() == [RunOutcome::Lost])
        .await;
    assert_eq!(followed.text(), "so far");

    runner.write(held, vec![script.text(" and on")]).await;
    assert_eq!(runner.fenced(held.run).await, ErrorCode::LeaseFenced);
    laptop
        .command(
            log,
            CommandBody::RetryRun(RetryRunCommand { run: held.run }),
        )
        .await;
    laptop
        .command(log, CommandBody::ResumeQueue(ResumeQueueCommand {}))
        .await;
    let again = runner.assigned().await;
    assert_ne!(again.run, held.run);
    drop((runner, linked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_keep_a_lease() {
    let world = World::start_with(Backend::Memory, short_lease()).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    laptop.prompt(log, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let until = tokio::time::Instant::now() + 3 * short_lease().lease;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    while tokio::time::Instant::now() < until {
        ticks.tick().await;
        runner.send(&ClientFrame::Heartbeat { runs: None }).await;
        runner
            .take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
            .await;
    }
    let mut script = Script::new();
    let writes = vec![script.open(), script.text("still here"), script.end()];
    runner.write_acked(held, writes).await;
    let followed = laptop
        .until(log, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(followed.outcomes(), [RunOutcome::Completed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_its_host_gave_up_ends_although_the_host_is_there() {
    let world = World::start_with(Backend::Memory, short_lease()).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let (kept, given_up) = (new_session(), new_session());
    let mut held = Vec::new();
    for log in [kept, given_up] {
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        held.push(runner.assigned().await);
    }
    let beat = ClientFrame::Heartbeat {
        runs: Some(vec![held[0].run]),
    };
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let is_lost = |followed: &Followed| followed.outcomes() == [RunOutcome::Lost];
    let beats = async {
        loop {
            ticks.tick().await;
            runner.send(&beat).await;
        }
    };
    tokio::select! {
        _ = laptop.until(given_up, is_lost) => {}
        () = beats => {}
    }
    let mut script = Script::new();
    let writes = vec![script.open(), script.text("still here"), script.end()];
    runner.write_acked(held[0], writes).await;
    let followed = laptop
        .until(kept, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(followed.outcomes(), [RunOutcome::Completed]);
}

on_each_log! {
    async fn a_full_runner_takes_the_next_session_when_one_is_over(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let mut held = Vec::new();
        for n in 0..limits::SESSIONS_PER_RUNNER_MAX {
            if n % 64 == 63 {
                // A connection sends only so many commands at once.
                laptop = world.device(&format!("Laptop {n}")).await;
            }
            let log = new_session();
            laptop.create(log).await;
            laptop.prompt(log, "hello?", Delivery::Queue).await;
            held.push(runner.assigned().await);
        }
        let waits = new_session();
        laptop.create(waits).await;
        laptop.prompt(waits, "and me?", Delivery::Queue).await;
        let followed = laptop.until(waits, |followed| followed.state.queue().len() == 1).await;
        assert_eq!(followed.state.active_runs().count(), 0, "it is visibly in the queue");
        let LogId::Session(session) = waits else { unreachable!("it is a session") };
        runner.write_acked(held[0], vec![Script::new().end()]).await;
        assert_eq!(runner.assigned().await.session, session);
    }

    async fn a_runner_that_comes_back_resumes_exactly_once(world: World) {
        let (mut runner, linked) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let all: Vec<RunWriteEntry> = [script.open()].into_iter().chain((0..20).map(|n| script.text(&format!("{n} ")))).collect();
        runner.write_acked(held, all[..8].to_vec()).await;
        // Sent, and the line is cut before anything is heard of it.
        runner.write(held, all[8..12].to_vec()).await;
        drop(runner);

        let mut runner = linked.connect(world.hub()).await;
        assert_eq!(runner.assigned().await, held);
        runner.send(&ClientFrame::ResumeRun { session: held.session, run: held.run, epoch: held.epoch }).await;
        let upto = runner.acked(held.run).await;
        assert!((8..=12).contains(&upto.0), "{upto}");
        // It sends more than it must, from further back than it must.
        assert_eq!(runner.write_acked(held, all[4..].to_vec()).await, ProducerSeq(21));
        assert_eq!(runner.write_acked(held, all[4..].to_vec()).await, ProducerSeq(21));
        runner.write_acked(held, vec![script.end()]).await;
        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert_eq!(followed.text(), (0..20).map(|n| format!("{n} ")).collect::<String>());
        assert_eq!(followed.outcomes(), [RunOutcome::Completed]);
    }

    async fn a_gap_is_refused_and_says_where_to_go_on(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let first = script.open();
        runner.write_acked(held, vec![first]).await;
        let missing = script.text("a");
        let ahead = script.text("b");
        runner.write(held, vec![ahead.clone()]).await;
        assert_eq!(runner.fenced(held.run).await, ErrorCode::ProducerGap);
        let resume = ClientFrame::ResumeRun { session: held.session, run: held.run, epoch: held.epoch };
        runner.send(&resume).await;
        assert_eq!(runner.acked(held.run).await, ProducerSeq(1));
        // A steer that nobody sent: the frame does not fit, and the lease goes on.
        let steer = RunWrite::ConsumeSteer { prompts: vec![PromptId(CommandId::mint())] };
        runner.write(held, vec![RunWriteEntry { producer: ProducerSeq(2), write: steer }]).await;
        assert_eq!(runner.fenced(held.run).await, ErrorCode::InvalidRunWrite);
        runner.write_acked(held, vec![missing, ahead, script.end()]).await;
        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert_eq!(followed.text(), "ab");
    }

    async fn a_write_that_no_log_takes_ends_its_run(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let failure = Some("x".repeat(limits::EVENT_BYTES_MAX));
        let write = RunWrite::EndRun { failure, usage: None, finish_reason: None };
        runner.write(held, vec![RunWriteEntry { producer: ProducerSeq(1), write }]).await;
        assert_eq!(runner.fenced(held.run).await, ErrorCode::TooLarge);
        laptop.until(log, |followed| followed.outcomes() == [RunOutcome::Lost]).await;
    }

    async fn another_start_of_a_runner_loses_the_runs_of_the_one_before_at_once(world: World) {
        let (mut old, linked) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        let held = old.assigned().await;
        let mut script = Script::new();
        let writes = vec![script.open(), script.text("half")];
        old.write_acked(held, writes).await;
        let restarted = Runner { linked: linked.linked, instance: RunnerInstanceId::mint() };
        let mut new = restarted.connect(world.hub()).await;
        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert_eq!((followed.outcomes(), followed.text()), (vec![RunOutcome::Lost], "half".to_owned()));
        let (code, reason) = old.closed().await;
        assert_eq!(code, 4409, "{reason}");
        // The new one knows the old one's lease from the log, and may not use it.
        new.write(held, vec![script.text("forged")]).await;
        assert_eq!(new.fenced(held.run).await, ErrorCode::LeaseFenced);
    }
}
