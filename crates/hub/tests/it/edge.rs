//! Connections that must be refused, clearly, and that harm nobody.

use baton_hub::{Hub, HubConfig, StartHubError, SystemClock, Tls};
use baton_log::MemoryEventLog;
use baton_protocol::*;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, open};
use crate::http::{code, link, request};
use crate::world::{Backend, PATIENCE, World, new_session};

const UPGRADE: [&str; 5] = [
    "GET /v1/socket HTTP/1.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

async fn refused(world: &World, head: &[&str]) -> (u16, String) {
    let (status, body) = request(world.hub(), head, "").await;
    (status, code(&body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_before_the_upgrade() {
    let world = World::start(Backend::Memory).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let forged = format!("baton_{}", "0".repeat(64));
    for token in [None, Some(forged.as_str()), Some("x")] {
        let (status, body) = open(world.hub(), token).await.err().unwrap();
        assert_eq!((status, code(&body).as_str()), (401, "unauthenticated"));
    }
    let good = format!("Authorization: Bearer {}", linked.token);
    for bad in [
        "Host: evil.example",
        "Origin: http://localhost:3000",
        "Origin: null",
    ] {
        let head: Vec<&str> = UPGRADE
            .iter()
            .copied()
            .chain([good.as_str(), bad])
            .collect();
        assert_eq!(
            refused(&world, &head).await,
            (403, "origin_refused".into()),
            "{bad}"
        );
    }
    let in_query = format!("GET /v1/socket?token={} HTTP/1.1", linked.token);
    let head: Vec<&str> = [in_query.as_str()]
        .into_iter()
        .chain(UPGRADE[1..].iter().copied())
        .collect();
    assert_eq!(refused(&world, &head).await.0, 401);
    assert_eq!(
        refused(&world, &["GET /v1/socket HTTP/1.1", &good]).await,
        (400, "malformed_frame".into())
    );
    assert_eq!(refused(&world, &["GET /elsewhere HTTP/1.1"]).await.0, 404);
    assert_eq!(refused(&world, &["DELETE /healthz HTTP/1.1"]).await.0, 405);
    assert_eq!(
        request(world.hub(), &["GET /healthz HTTP/1.1"], "").await,
        (200, "ok\n".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_need_a_devices_token() {
    let world = World::start(Backend::Memory).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let _open = Client::device(world.hub(), &linked.token).await;
    assert_eq!(
        refused(&world, &["GET /metrics HTTP/1.1"]).await,
        (401, "unauthenticated".into())
    );
    let good = format!("Authorization: Bearer {}", linked.token);
    let (status, text) = request(world.hub(), &["GET /metrics HTTP/1.1", &good], "").await;
    assert_eq!(status, 200);
    assert!(text.contains("baton_hub_connections 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn link_codes_say_what_is_wrong_with_them() {
    let world = World::start(Backend::Memory).await;
    let hub = world.hub();
    let code_for = async || hub.link_code(Role::Device, hub.account()).await.unwrap();
    let good = code_for().await;
    assert_eq!(good.hub.authority, hub.local_addr().to_string());
    assert_eq!(link(hub, &good.secret, "Laptop").await.0, 200);
    let (status, body) = link(hub, &good.secret, "Laptop").await;
    assert_eq!((status, code(&body).as_str()), (410, "link_code_used"));
    let (status, body) = link(hub, &"0".repeat(32), "Laptop").await;
    assert_eq!((status, code(&body).as_str()), (404, "link_code_unknown"));
    let fresh = code_for().await.secret;
    let (status, body) = link(hub, &fresh, " ").await;
    assert_eq!((status, code(&body).as_str()), (400, "text_empty"));
    let (status, body) = request(hub, &["POST /v1/link HTTP/1.1"], "{").await;
    assert_eq!((status, code(&body).as_str()), (400, "malformed_frame"));
    let (status, body) = request(hub, &["POST /v1/link HTTP/1.1"], &"x".repeat(100_000)).await;
    assert_eq!((status, code(&body).as_str()), (413, "too_large"));
    // What was wrong with the request has not used the code up.
    assert_eq!(link(hub, &fresh, "Laptop").await.0, 200);
    let mut last = (0, String::new());
    for _ in 0..20 {
        last = link(hub, &"0".repeat(32), "Laptop").await;
    }
    assert_eq!((last.0, code(&last.1).as_str()), (429, "rate_limited"));
}

async fn closes(world: &World, token: &str, message: Message) -> (u16, String) {
    let mut client = Client::device(world.hub(), token).await;
    // The hub may close before it has taken all of it.
    let _ = client.socket.send(message).await;
    client.closed().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_frames_close_their_connection_alone() {
    let world = World::start(Backend::Memory).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let mut bystander = world.device("Desk").await;
    for broken in [
        "{",
        "[1]",
        r#"{"type":"subscribe","log":"nonsense"}"#,
        r#"{"type":"hello","protocol":1}"#,
    ] {
        let (status, reason) = closes(&world, &linked.token, Message::text(broken)).await;
        assert_eq!(status, 4400, "{broken}: {reason}");
        assert!(
            reason.starts_with("malformed_frame: ") && reason.len() <= 123,
            "{reason}"
        );
    }
    assert_eq!(
        closes(&world, &linked.token, Message::binary(vec![0; 4]))
            .await
            .0,
        4400
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        closes(&world, &linked.token, Message::text(deep)).await.0,
        4400
    );
    let large = "x".repeat(limits::FRAME_BYTES_MAX + 1);
    assert_eq!(
        closes(&world, &linked.token, Message::text(large)).await.0,
        4413
    );

    let mut newer = Client::device(world.hub(), &linked.token).await;
    newer
        .send_text(r#"{"type":"wave","to":"everybody"}"#.into())
        .await;
    newer.take(|frame| matches!(frame, HubFrame::Refused { error, .. } if error.code == ErrorCode::MalformedFrame).then_some(())).await;
    for client in [&mut newer, &mut bystander] {
        client.create(new_session()).await;
    }
}

/// The next message that fits, of a socket that nobody else reads.
async fn next<T>(client: &mut Client, fits: impl Fn(&Message) -> Option<T>) -> T {
    let wait = async {
        loop {
            let message = client.socket.next().await.unwrap().unwrap();
            if let Some(found) = fits(&message) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_and_so_is_a_reader_who_has_everything() {
    let world = World::start(Backend::Memory).await;
    let mut laptop = world.device("Laptop").await;
    let ping = Message::Ping("tide".into());
    laptop.socket.send(ping).await.unwrap();
    let is_pong = |message: &Message| {
        matches!(message, Message::Pong(said) if said[..] == *b"tide").then_some(())
    };
    next(&mut laptop, is_pong).await;

    let log = new_session();
    laptop.create(log).await;
    let followed = laptop.until(log, |followed| followed.level).await;
    let cursor = followed.cursor.unwrap();
    laptop.follow(log).await;
    let batch = next(&mut laptop, |message| {
        match serde_json::from_str(message.to_text().ok()?).ok()? {
            HubFrame::Batch(batch) => Some(batch),
            _ => None,
        }
    })
    .await;
    let seqs = [batch.after, batch.upto, batch.head];
    assert_eq!((seqs, batch.events), ([cursor.seq; 3], Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hello_comes_first_and_fits() {
    let world = World::start(Backend::Memory).await;
    let device = world.link(Role::Device, "Laptop").await;
    let runner = world.link(Role::Runner, "Runner").await;
    let hello = |protocol, runner| ClientFrame::Hello {
        protocol,
        capabilities: vec!["unheard-of".into()],
        runner,
    };
    let agents = crate::world::hello(RunnerInstanceId::mint());
    let cases = [
        (&device, ClientFrame::Heartbeat { runs: None }, 4400),
        (&device, hello(2, None), 4406),
        (&device, hello(1, Some(agents)), 4403),
        (&runner, hello(1, None), 4400),
    ];
    for (linked, frame, expected) in cases {
        let mut client = Client::over(open(world.hub(), Some(&linked.token)).await.unwrap());
        client.send(&frame).await;
        assert_eq!(client.closed().await.0, expected, "{frame:?}");
    }
    let mut silent = Client::over(open(world.hub(), Some(&device.token)).await.unwrap());
    // A hello that comes in pieces has no more time than one that does not come.
    let mut halting = open(world.hub(), Some(&device.token)).await.unwrap();
    let begun = [0x81, 0xfe, 0x00, 0xff, 1, 2, 3, 4, b'{'];
    halting.get_mut().write_all(&begun).await.unwrap();
    for client in [&mut silent, &mut Client::over(halting)] {
        let (code, reason) = client.closed().await;
        assert_eq!(code, 4408, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_keep_to_themselves() {
    let world = World::start(Backend::Memory).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    let LogId::Session(session) = log else {
        unreachable!()
    };
    let forbidden = |frame: &HubFrame| {
        matches!(frame, HubFrame::Refused { error, .. } if error.code == ErrorCode::Forbidden)
            .then_some(())
    };
    laptop
        .send(&ClientFrame::WriteRun {
            session,
            run: RunId::mint(),
            epoch: Epoch(1),
            entries: Vec::new(),
        })
        .await;
    laptop.take(forbidden).await;
    runner
        .send(&ClientFrame::Subscribe {
            newest_chars: None,
            state_format: None,
            log: world.account_log(),
            cursor: None,
        })
        .await;
    runner.take(forbidden).await;
    let command = Command {
        only_if: None,
        id: CommandId::mint(),
        log,
        body: CommandBody::PauseQueue(PauseQueueCommand {}),
    };
    assert_eq!(runner.refused(&command).await, ErrorCode::Forbidden);
    let other = LogId::Account(AccountId::mint());
    laptop.follow(other).await;
    laptop
        .take(|frame| {
            matches!(frame, HubFrame::Missing { log, incarnation: None } if *log == other)
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_loopback_there_is_no_plain_hub_and_a_directory_has_one_hub() {
    let world = World::start(Backend::Memory).await;
    let start = async |config: HubConfig| {
        Hub::start(
            config,
            std::sync::Arc::new(MemoryEventLog::new()),
            std::sync::Arc::new(SystemClock),
        )
        .await
    };
    let beyond = HubConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..world.config()
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let beyond = HubConfig {
        data_dir: elsewhere.path().to_owned(),
        ..beyond
    };
    assert!(matches!(
        start(beyond).await,
        Err(StartHubError::PlainBeyondLoopback(_))
    ));
    assert!(matches!(
        start(world.config()).await,
        Err(StartHubError::DataDir(_))
    ));
    let tls = HubConfig {
        data_dir: elsewhere.path().to_owned(),
        tls: Tls::OwnCertificate,
        ..world.config()
    };
    assert!(start(tls).await.unwrap().fingerprint().is_some());
}
