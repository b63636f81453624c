//! Thousands of connections that come and go: no file descriptor, no task and no memory stays behind.
//!
//! `BATON_SOAK_CYCLES=10000` for the whole measure; fewer by default, because a leak of one a connection shows in far fewer.

use baton_protocol::*;

use crate::client::Client;
use crate::world::{Backend, PATIENCE, World, new_session};

const CYCLES_USUAL: usize = 2_000;

/// Before the first look: caches fill, buffers grow to their size, SQLite opens what it keeps open.
const WARM_UP: usize = 300;

/// Of both sides together; a leak of 4 KiB a cycle is 8 MiB already at the usual number of cycles.
const GROWTH_KIB_MAX: usize = 6 * 1024;

fn cycles() -> usize {
    match std::env::var("BATON_SOAK_CYCLES") {
        Ok(text) => text.parse().expect("`BATON_SOAK_CYCLES` is a number"),
        Err(_) => CYCLES_USUAL,
    }
}

/// What this process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    tasks: usize,
    memory_kib: usize,
}

impl Held {
    fn now() -> Self {
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            memory_kib: memory_kib(),
        }
    }
}

/// What this process has for itself.
pub fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// One life of a connection; every other one ends without a goodbye.
async fn cycle(world: &World, token: &str, log: LogId, round: usize) {
    let mut client = Client::device(world.hub(), token).await;
    client.follow(log).await;
    client.until(log, |followed| followed.level).await;
    if round.is_multiple_of(2) {
        client.socket.close(None).await.unwrap();
    }
}

/// Waits until as few descriptors and tasks are held as before.
async fn until_settled(before: Held) -> Held {
    let settling = async {
        loop {
            let now = Held::now();
            if now.descriptors <= before.descriptors && now.tasks <= before.tasks {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, settling).await;
    settled.unwrap_or_else(|_| panic!("{:?} are held, {before:?} before", Held::now()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_leave_no_descriptor_no_task_and_no_memory_behind() {
    let world = World::start(Backend::Sqlite).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let log = new_session();
    let mut first = Client::device(world.hub(), &linked.token).await;
    first.create(log).await;
    first.prompt(log, "hello?", Delivery::Queue).await;
    drop(first);
    for round in 0..WARM_UP {
        cycle(&world, &linked.token, log, round).await;
    }
    // A connection of the warm-up may still be on its way out, and stands for what a settled hub never holds.
    let before = Held::now();
    for round in 0..cycles() {
        cycle(&world, &linked.token, log, round).await;
    }
    let after = until_settled(before).await;
    let growth = after.memory_kib.saturating_sub(before.memory_kib);
    println!("{} cycles: {before:?}, then {after:?}", cycles());
    assert!(
        growth <= GROWTH_KIB_MAX,
        "{growth} KiB more: {before:?}, then {after:?}"
    );
}
