//! Peers without a token that begin something and leave it, or do it as slowly as they may.

use std::sync::Arc;
use std::time::Duration;

use baton_hub::{Hub, HubConfig, HubOptions, RunningHub, SystemClock, Tls};
use baton_log::MemoryEventLog;
use baton_protocol::{LinkResponse, Role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, open};
use crate::http;
use crate::world::{PATIENCE, new_session};

/// Of each kind. Both ends of every connection are in this process.
const CROWD: usize = 50;

/// What a device needs without a crowd is some milliseconds; a connection that waits for a deadline of the hub needs ten seconds.
const NORMAL: Duration = Duration::from_secs(5);

/// What each kind of stranger says before it falls silent.
const BEGINNINGS: [(&str, &[u8]); 7] = [
    ("nothing", b""),
    ("half a TLS hello", &[0x16, 3, 1, 2, 0, 1, 0, 1]),
    ("half a head", b"GET /healthz HTTP/1.1\r\nHost: local"),
    (
        "half a body",
        b"POST /v1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{\"code\":",
    ),
    (
        "half a body in chunks",
        b"POST /v1/link HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"code\"",
    ),
    (
        "half an upgrade",
        b"GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    ),
    (
        "a refused request, and then half a second one",
        b"GET /v1/socket HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/so",
    ),
];

struct Door {
    hub: RunningHub,
    _dir: tempfile::TempDir,
}

impl Door {
    /// With TLS and plain text on the same port, as a hub on loopback has it.
    async fn open(options: HubOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = HubConfig {
            name: "test hub".into(),
            data_dir: dir.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Tls::OwnCertificate,
        };
        let log = Arc::new(MemoryEventLog::new());
        let hub = Hub::start_with(config, options, log, Arc::new(SystemClock));
        Self {
            hub: hub.await.unwrap(),
            _dir: dir,
        }
    }

    async fn link(&self) -> LinkResponse {
        let code = self.hub.link_code(Role::Device, self.hub.account());
        let (status, body) = http::link(&self.hub, &code.await.unwrap().secret, "Laptop").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn stranger(&self, beginning: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.hub.local_addr()).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        stream
    }
}

/// What the hub says until it closes the connection.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let closed = async {
        let mut space = [0; 1024];
        // A reset is an end too.
        while let Ok(read @ 1..) = stream.read(&mut space).await {
            said.extend_from_slice(&space[..read]);
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("the hub closes the connection");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_half_sent_requests_keeps_nobody_out_and_holds_up_no_stop() {
    let door = Door::open(HubOptions::default()).await;
    let linked = door.link().await;
    let mut crowd = Vec::new();
    for (_, beginning) in BEGINNINGS {
        for _ in 0..CROWD {
            crowd.push(door.stranger(beginning).await);
        }
    }
    let served = async {
        let mut device = Client::device(&door.hub, &linked.token).await;
        device.create(new_session()).await;
    };
    tokio::time::timeout(NORMAL, served)
        .await
        .expect("a device is served beside the crowd");
    let (status, _) = http::request(&door.hub, &["GET /healthz HTTP/1.1"], "").await;
    assert_eq!(status, 200);
    tokio::time::timeout(NORMAL, door.hub.stop())
        .await
        .expect("the hub stops in order");
    for mut stranger in crowd {
        until_closed(&mut stranger).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_shown_no_token_is_gone_when_its_time_is_up() {
    let door = Door::open(HubOptions {
        request_timeout: Duration::from_millis(300),
        ..HubOptions::default()
    })
    .await;
    for (kind, beginning) in BEGINNINGS {
        let said = until_closed(&mut door.stranger(beginning).await).await;
        let is_refusal = said.starts_with(b"HTTP/1.1 4");
        assert_eq!(is_refusal, kind.starts_with("a refused"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_byte_by_byte_gets_no_more_time_than_one_that_stops() {
    let door = Door::open(HubOptions {
        request_timeout: Duration::from_millis(300),
        ..HubOptions::default()
    })
    .await;
    for beginning in [
        "POST /v1/link HTTP/1.1\r\nHost: localhost\r\nX-Name: ",
        "POST /v1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n",
    ] {
        let mut stream = door.stranger(beginning.as_bytes()).await;
        let (mut read, mut write) = stream.split();
        let trickle = async {
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            while write.write_all(b"x").await.is_ok() {
                beat.tick().await;
            }
        };
        let mut space = [0; 1024];
        let ended = async {
            tokio::select! {
                () = trickle => {}
                read = read.read(&mut space) => assert!(!matches!(read, Ok(1..)), "no answer"),
            }
        };
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the hub closes the connection");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_carries_one_request() {
    let door = Door::open(HubOptions::default()).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n";
    let said = until_closed(&mut door.stranger(&request.repeat(2)).await).await;
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_pushes_out_its_own_strangers_and_nobody_with_a_token() {
    // 4 connections of an address without a token.
    let door = Door::open(HubOptions {
        connections_max: 64,
        ..HubOptions::default()
    })
    .await;
    let linked = door.link().await;
    let mut device = Client::device(&door.hub, &linked.token).await;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(door.stranger(b"").await);
    }
    for stranger in &mut strangers[..16] {
        assert!(until_closed(stranger).await.is_empty());
    }
    device.create(new_session()).await;
    let another = open(&door.hub, Some(&linked.token)).await;
    assert!(another.is_ok(), "a token gets through beside strangers");
}
