//! Thousands of connections that come and go: no file descriptor, no task and no memory stays behind.
//!
//! `BATON_SOAK_CYCLES` for another number of them.

use baton_protocol::*;
use futures::StreamExt as _;

use crate::client::Client;
use crate::housekeeping::until_nobody_is_there;
use crate::world::{Backend, PATIENCE, World, new_session};

const CYCLES_USUAL: usize = 10_000;

/// Connections that are there at once.
const SIDE_BY_SIDE: usize = 50;

/// Before the first look: caches fill, buffers grow to their size, SQLite opens what it keeps open.
const WARM_UP: usize = 1_000;

/// Of both sides together; a leak of 1 KiB a cycle is 10 MiB at the usual number of cycles.
const GROWTH_KIB_MAX: usize = 10 * 1024;

/// Allocated and not given back: 30 bytes a cycle would be too much.
const HEAP_GROWTH_KIB_MAX: usize = 256;

/// A reading connection of SQLite opens its files when it is first used, which may be late.
pub const DESCRIPTORS_OPENED_LATE: usize = 8;

fn cycles() -> usize {
    match std::env::var("BATON_SOAK_CYCLES") {
        Ok(text) => text.parse().expect("`BATON_SOAK_CYCLES` is a number"),
        Err(_) => CYCLES_USUAL,
    }
}

/// What this process holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub descriptors: usize,
    pub tasks: usize,
    pub memory_kib: usize,
    /// Allocated by Rust code.
    pub heap_kib: usize,
}

impl Held {
    pub fn now() -> Self {
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            memory_kib: memory_kib(),
            heap_kib: crate::HEAP.allocated() / 1024,
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

/// So many lives, [`SIDE_BY_SIDE`] at once.
async fn cycles_of(world: &World, token: &str, log: LogId, count: usize) {
    let lives = (0..count).map(|round| cycle(world, token, log, round));
    let mut lives = futures::stream::iter(lives).buffer_unordered(SIDE_BY_SIDE);
    while lives.next().await.is_some() {}
}

/// Waits until as few descriptors and tasks are held as before, but for [`DESCRIPTORS_OPENED_LATE`].
pub async fn until_settled(before: Held) -> Held {
    let settling = async {
        loop {
            let now = Held::now();
            let allowed = before.descriptors + DESCRIPTORS_OPENED_LATE;
            if now.descriptors <= allowed && now.tasks <= before.tasks {
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
    cycles_of(&world, &linked.token, log, WARM_UP).await;
    until_nobody_is_there(&world, &linked.token).await;
    let before = Held::now();
    cycles_of(&world, &linked.token, log, cycles()).await;
    let after = until_settled(before).await;
    let growth = after.memory_kib.saturating_sub(before.memory_kib);
    println!("{} cycles: {before:?}, then {after:?}", cycles());
    assert!(
        growth <= GROWTH_KIB_MAX,
        "{growth} KiB more: {before:?}, then {after:?}"
    );
    let heap_growth = after.heap_kib.saturating_sub(before.heap_kib);
    assert!(
        heap_growth <= HEAP_GROWTH_KIB_MAX,
        "{heap_growth} KiB more: {before:?}, then {after:?}"
    );
}
