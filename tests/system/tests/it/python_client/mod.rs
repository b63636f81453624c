//! A client in another language, written from `docs/PROTOCOL.md` alone. Its connection is cut at seeded points, by killing the hub, and at
//! any byte of its TLS stream. It must end with exactly what a late reader has who reads the log from its beginning.

mod stage;

use baton_protocol::{Event, EventBody};
use baton_testkit::{Direction, FakeModel, Reply, TcpCutter, eventually};
use serde_json::json;

use self::stage::{PythonClient, expected, refused_link};
use crate::stage::*;

fn prompt(text: &str, delivery: &str) -> serde_json::Value {
    json!({ "type": "sendPrompt", "text": text, "delivery": delivery })
}

fn accepted(delivery: &str) -> serde_json::Value {
    json!({ "type": "promptAccepted", "delivery": delivery })
}

/// Creates a session, subscribes to it and sends a prompt.
async fn ask(client: &mut PythonClient, text: &str) -> String {
    let account = client.account.clone();
    client.follow(&account).await;
    let has_agents = |line: &serde_json::Value| {
        line["agents"]
            .as_object()
            .filter(|agents| !agents.is_empty())
            .map(|_| ())
    };
    client.line("an agent", has_agents).await;
    let log = format!("session:{}", uuid::Uuid::now_v7());
    let created = client
        .effect(
            &log,
            json!({ "type": "createSession", "agent": "assistant" }),
        )
        .await;
    assert_eq!(created, json!({ "type": "applied" }));
    client.follow(&log).await;
    assert_eq!(
        client.effect(&log, prompt(text, "queue")).await,
        accepted("queue")
    );
    log
}

fn session_of(log: &str) -> &str {
    log.strip_prefix("session:").expect("a session's log")
}

/// Returns the session's events up to the title `marker`, as a device reads them that links now and starts at the beginning.
async fn read_late(hub: &Hub, log: &str, marker: &str) -> Vec<Event> {
    let reader = Device::link(hub, "Reader").await;
    let late = reader.tail(session_of(log));
    let is_marker = |event: &Event| matches!(&event.body, EventBody::SessionRenamed(body) if body.title == marker);
    late.wait("the last title", |events| {
        events.iter().any(is_marker).then(|| events.to_vec())
    })
    .await
}

/// Checks that the client never diverged, and that a command had the same receipt whenever it was sent.
fn assert_in_step(client: &PythonClient) {
    for trouble in ["diverged", "gap", "missing"] {
        assert_eq!(client.lines(trouble), Vec::<serde_json::Value>::new());
    }
    let receipts = client.lines("receipt");
    for receipt in &receipts {
        let first = receipts
            .iter()
            .find(|other| other["command"] == receipt["command"]);
        assert_eq!(Some(receipt), first, "two receipts for one command");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_cut_at_seeded_points_ends_with_the_hubs_bytes() {
    for seed in [1, 2, 3] {
        println!("seed {seed}");
        cut_at_seeded_points(seed).await;
    }
}

async fn cut_at_seeded_points(seed: u64) {
    let model = FakeModel::start().await;
    let second_text = long_text(300);
    model.reply(
        Reply::text(long_text(400))
            .with_reasoning("Hm, 潮汐? 🌊")
            .deltas_per_second(150.0)
            .hold_after(250),
    );
    model.reply(
        Reply::text(second_text.clone())
            .write_bytes(7)
            .deltas_per_second(150.0),
    );
    model.reply(Reply::text(long_text(300)).hold_after(60));
    model.reply(Reply::text("urgent answer"));
    let mut hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let mut a = PythonClient::start(&hub.link("device").await, "Script", seed, 60).await;
    let mut b = PythonClient::start(&hub.link("device").await, "Late script", seed + 100, 30).await;

    // An answer in two halves, with the hub killed in each; the other client joins in the middle.
    let log = ask(&mut a, "Why?").await;
    a.wait_bytes(&log, 0, 200).await;
    b.follow(&log).await;
    b.wait_bytes(&log, 0, 200).await;
    hub.kill_9().await;
    hub.run().await;
    assert_eq!(
        a.effect(&log, prompt("Shorter!", "steer")).await,
        accepted("steer")
    );
    let half = |line: &serde_json::Value| line["runs"][0]["bytes"].as_u64();
    let before = a
        .lines("moved")
        .iter()
        .filter_map(half)
        .max()
        .expect("it has moved");
    a.wait_bytes(&log, 0, before + 300).await;
    hub.kill_9().await;
    hub.run().await;

    control_the_queue(&mut a, &log).await;
    model.wait_closed(2).await;

    // A reader from the beginning has the same as both clients.
    a.effect(&log, json!({ "type": "renameSession", "title": "over" }))
        .await;
    let events = read_late(&hub, &log, "over").await;
    let last = events.last().expect("events").seq.0;
    let expected = expected(&events);
    for client in [&mut a, &mut b] {
        client.wait_seq(&log, last).await;
        assert_eq!(client.show(&log).await, expected, "seed {seed}");
        assert_in_step(client);
        assert!(
            client.lines("cut").len() >= 10,
            "it was hardly cut, seed {seed}"
        );
    }
    assert!(answer(&events).contains(&second_text));
    let sent = kinds(&events)
        .iter()
        .filter(|kind| *kind == "promptSent")
        .count();
    assert_eq!((sent, model.request_count()), (5, 4), "seed {seed}");
    same_id_again(&mut a, &log).await;
}

/// During the first run, queues two prompts, moves one and edits one. Then stops the next run and sends a prompt that runs despite the
/// pause.
async fn control_the_queue(a: &mut PythonClient, log: &str) {
    let second = a.receipt(log, prompt("second", "queue")).await["command"].clone();
    let third = a.receipt(log, prompt("third", "queue")).await["command"].clone();
    let moved = json!({ "type": "movePrompt", "prompt": third, "before": second });
    assert_eq!(a.effect(log, moved).await, json!({ "type": "applied" }));
    let edited = json!({ "type": "editPrompt", "prompt": second, "text": "second, edited" });
    assert_eq!(a.effect(log, edited).await, json!({ "type": "applied" }));
    assert_eq!(a.wait_outcome(log, 0).await, "completed");

    let run = a.wait_bytes(log, 1, 50).await;
    let stop =
        json!({ "type": "stopRun", "target": { "type": "run", "run": run }, "scope": "session" });
    assert_eq!(
        a.effect(log, stop).await,
        json!({ "type": "stopped", "runs": [run] })
    );
    assert_eq!(a.wait_outcome(log, 1).await, "stopped");
    assert_eq!(
        a.effect(log, prompt("urgent", "interrupt")).await,
        accepted("interrupt")
    );
    assert_eq!(a.wait_outcome(log, 2).await, "completed");
    let told = |line: &serde_json::Value| {
        line["runs"][1]["torndown"]
            .as_bool()
            .filter(|told| *told)
            .map(|_| ())
    };
    a.line("the teardown report", told).await;
}

/// Checks that the same id always has the same receipt, and is refused with another body.
async fn same_id_again(a: &mut PythonClient, log: &str) {
    let first = a.lines("receipt")[0].clone();
    let id = first["command"].as_str().expect("an id").to_owned();
    let log_of_first = first["log"].as_str().expect("a log").to_owned();
    assert_eq!(log_of_first, log);
    let times = a
        .lines("receipt")
        .iter()
        .filter(|receipt| receipt["command"] == id.as_str())
        .count();
    a.command(
        log,
        &id,
        json!({ "type": "createSession", "agent": "assistant" }),
    )
    .await;
    let again = async || {
        let count = a
            .lines("receipt")
            .iter()
            .filter(|receipt| receipt["command"] == id.as_str())
            .count();
        (count > times).then_some(())
    };
    eventually(LIMIT, "the receipt once more", again).await;
    assert_in_step(a);
    a.command(log, &id, json!({ "type": "pauseQueue" })).await;
    let refusal = |line: &serde_json::Value| {
        (line["type"] == "refused" && line["command"] == id.as_str())
            .then(|| line["error"]["code"].clone())
    };
    assert_eq!(a.line("a refusal", refusal).await, "command_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_in_python_was_told_without_a_hub_survives_its_kill_and_happens_once() {
    let mut hub = Hub::start().await;
    let mut script = PythonClient::start(&hub.link("device").await, "Script", 0, 0).await;
    let log = format!("session:{}", uuid::Uuid::now_v7());
    let created = json!({ "type": "createSession", "agent": "assistant" });
    assert_eq!(
        script.effect(&log, created).await,
        json!({ "type": "applied" })
    );
    hub.kill_9().await;
    let id = uuid::Uuid::now_v7().to_string();
    script.command(&log, &id, prompt("once", "queue")).await;
    let is_mine = |line: &serde_json::Value, kind: &str, field: &str| {
        (line["type"] == kind && line[field] == id.as_str()).then_some(())
    };
    script
        .line("the stored intent", |line| is_mine(line, "stored", "id"))
        .await;
    script.kill_and_start().await;
    hub.run().await;
    script
        .line("the receipt", |line| is_mine(line, "receipt", "command"))
        .await;
    let reader = Device::link(&hub, "Reader").await;
    let late = reader.tail(session_of(&log));
    let queued = |events: &[Event]| {
        (expected(events)["queue"] != json!([])).then(|| expected(events)["queue"].clone())
    };
    let queue = late.wait("the prompt", queued).await;
    assert_eq!(queue, json!([{ "prompt": id, "text": "once" }]));
}

/// Byte counts from a seed: a small linear congruential generator is random enough to choose where a connection is cut.
struct Places(u64);

impl Places {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        1 + (self.0 >> 33) % below
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_pins_the_hubs_key_and_survives_cuts_at_any_byte_of_tls() {
    let model = FakeModel::start().await;
    let text = long_text(600);
    model.reply(Reply::text(text.clone()).deltas_per_second(100.0));
    let hub = Hub::start_at(Place::Here, "0.0.0.0:0", &["--public-name", "127.0.0.1"]).await;
    let _runner = Runner::start(&hub, &model.base_url()).await;

    let link = hub.link("device").await;
    let key = hub
        .fingerprint
        .clone()
        .expect("beyond loopback there is TLS");
    let other = if key.starts_with('0') { "1" } else { "0" };
    let why = refused_link(&link.replace(&key, &format!("{other}{}", &key[1..]))).await;
    assert!(why.contains("another key"), "{why}");

    // The client has sent nothing to the hub with the wrong key, so the code is still valid.
    let authority = link
        .split_once("hub=")
        .and_then(|(_, rest)| rest.split('&').next())
        .expect("an address")
        .to_owned();
    let cutter = TcpCutter::start(authority.parse().expect("an address")).await;
    let link = link.replace(&authority, &cutter.addr().to_string());
    let mut script = PythonClient::start(&link, "Script", 0, 0).await;
    let log = ask(&mut script, "Why?").await;
    let mut places = Places(7);
    for n in 0..14 {
        let (direction, below) = if n % 2 == 0 {
            (Direction::ToClient, 5_000)
        } else {
            (Direction::ToServer, 900)
        };
        let bytes = places.next(below);
        cutter.cut_once_after(direction, bytes);
        // The cut hits the open connection, or the next one if the open one has already carried more bytes.
        let what = format!("cut {n}, {bytes} bytes {direction:?}");
        eventually(LIMIT, &what, async || (!cutter.is_armed()).then_some(())).await;
    }
    assert_eq!(script.wait_outcome(&log, 0).await, "completed");
    script
        .effect(&log, json!({ "type": "renameSession", "title": "over" }))
        .await;
    let events = read_late(&hub, &log, "over").await;
    script
        .wait_seq(&log, events.last().expect("events").seq.0)
        .await;
    assert_eq!(script.show(&log).await, expected(&events));
    assert_in_step(&script);
    assert_eq!((answer(&events), model.request_count()), (text, 1));
    assert!(
        cutter.accepted_count() >= 15,
        "{} connections",
        cutter.accepted_count()
    );

    assert_eq!(hub.revoke("Script").await.code, 0);
    let why = script
        .line("the refusal", |line| {
            (line["type"] == "refusedForGood").then(|| line["why"].clone())
        })
        .await;
    assert_eq!(why, "revoked");
    assert_eq!(script.wait_exit().await.code(), Some(1));
}
