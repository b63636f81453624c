//! A hub that goes away in the middle.

use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{Backend, World, new_session, on_each_log};

async fn half_an_answer(
    world: &World,
    log: LogId,
) -> (
    crate::world::Runner,
    LinkResponse,
    crate::client::Assigned,
    Script,
) {
    let (mut runner, linked) = world.runner().await;
    let laptop_link = world.link(Role::Device, "Laptop").await;
    let mut laptop = Client::device(world.hub(), &laptop_link.token).await;
    laptop.create(log).await;
    laptop.prompt(log, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let writes = vec![script.open(), script.text("before, ")];
    runner.write_acked(held, writes).await;
    (linked, laptop_link, held, script)
}

async fn finish(
    world: &World,
    log: LogId,
    runner: &crate::world::Runner,
    laptop: &LinkResponse,
    held: crate::client::Assigned,
    script: &mut Script,
) {
    let mut back = runner.connect(world.hub()).await;
    assert_eq!(back.assigned().await, held);
    let writes = vec![
        script.text("after"),
        script.close(PartEnd::Complete),
        script.end(),
    ];
    back.write_acked(held, writes).await;
    let mut laptop = Client::device(world.hub(), &laptop.token).await;
    laptop.follow(log).await;
    let followed = laptop
        .until(log, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(
        (followed.text(), followed.outcomes()),
        ("before, after".to_owned(), vec![RunOutcome::Completed])
    );
}

on_each_log! {
    async fn a_run_goes_on_after_a_clean_restart(world: World) {
        let log = new_session();
        let (runner, laptop, held, mut script) = half_an_answer(&world, log).await;
        world.restart().await;
        finish(&world, log, &runner, &laptop, held, &mut script).await;
    }

    async fn a_run_goes_on_after_a_hub_that_said_no_goodbye(world: World) {
        let log = new_session();
        let (runner, laptop, held, mut script) = half_an_answer(&world, log).await;
        world.crash_and_start().await;
        finish(&world, log, &runner, &laptop, held, &mut script).await;
    }

    async fn a_stopping_hub_says_so(world: World) {
        let mut laptop = world.device("Laptop").await;
        world.hub.take().unwrap().stop().await;
        let (code, reason) = laptop.closed().await;
        assert_eq!(code, 1012);
        assert!(reason.starts_with("hub_stopping"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_runner_never_comes_back_is_lost_one_lease_after_the_start() {
    let options = baton_hub::HubOptions {
        lease: std::time::Duration::from_millis(800),
        ..Default::default()
    };
    let mut world = World::start_with(Backend::Sqlite, options).await;
    let log = new_session();
    let (_, laptop, ..) = half_an_answer(&world, log).await;
    world.restart().await;
    let mut laptop = Client::device(world.hub(), &laptop.token).await;
    laptop.follow(log).await;
    laptop
        .until(log, |followed| followed.outcomes() == [RunOutcome::Lost])
        .await;
    let account = world.account_log();
    laptop.follow(account).await;
    let is_failed = |event: &Event| matches!(&event.body, EventBody::SessionSummarized(body) if matches!(body.summary.activity, SessionActivity::Failed { .. }));
    laptop
        .until(account, |followed| followed.events.iter().any(is_failed))
        .await;
}
