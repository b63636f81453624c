//! Nothing stays behind.

use std::time::Duration;

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Client, Script};
use crate::http::request;
use crate::world::{Backend, PATIENCE, World, new_session};

/// Asks for the figures until one has a value.
pub async fn until_figure(world: &World, token: &str, line: &str) {
    let authorization = format!("Authorization: Bearer {token}");
    let wait = async {
        loop {
            let (_, text) =
                request(world.hub(), &["GET /metrics HTTP/1.1", &authorization], "").await;
            if text.lines().any(|found| found == line) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("never `{line}`"));
}

/// Waits until the hub has let go of every connection.
pub async fn until_nobody_is_there(world: &World, token: &str) {
    until_figure(world, token, "baton_hub_connections 0").await;
    until_figure(world, token, "baton_hub_subscriptions 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let world = World::start(Backend::Memory).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let log = new_session();
    let mut first = Client::device(world.hub(), &linked.token).await;
    first.create(log).await;
    for round in 0..200 {
        let mut client = Client::device(world.hub(), &linked.token).await;
        client.follow(log).await;
        if round % 2 == 0 {
            client.until(log, |followed| followed.level).await;
        }
    }
    drop(first);
    until_nobody_is_there(&world, &linked.token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_session_is_put_away_and_found_again_and_a_running_one_is_kept() {
    let options = HubOptions {
        idle_actor: Duration::from_millis(50),
        ..HubOptions::default()
    };
    let world = World::start_with(Backend::Sqlite, options).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let mut laptop = Client::device(world.hub(), &linked.token).await;
    let log = new_session();
    laptop.create(log).await;
    laptop.prompt(log, "hello?", Delivery::Queue).await;
    until_figure(&world, &linked.token, "baton_hub_session_actors 0").await;

    // Nobody holds the session, and a runner that comes is found all the same.
    let (mut runner, _) = world.runner().await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let entries = vec![script.open(), script.text("kept")];
    runner.write_acked(held, entries).await;
    until_figure(&world, &linked.token, "baton_hub_session_actors 1").await;
    runner.write_acked(held, vec![script.end()]).await;
    until_figure(&world, &linked.token, "baton_hub_session_actors 0").await;
    let followed = laptop
        .until(log, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(followed.text(), "kept");
    laptop
        .command(log, CommandBody::PauseQueue(PauseQueueCommand {}))
        .await;
}
