//! Steps that belong together, and a caller that is gone between two of them.

use std::time::Duration;

use baton_hub::admin::{AdminRequest, AdminResponse, ask};
use baton_hub::{AdminSocket, HubOptions};
use baton_protocol::*;
use rusqlite::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Followed;
use crate::http;
use crate::world::{Backend, PATIENCE, World};

/// A disk that takes its time over the credentials: no write is committed until it is dropped.
struct SlowCommit(Connection);

impl SlowCommit {
    fn begin(world: &World) -> Self {
        let other = Connection::open(world.dir.path().join("credentials.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(other)
    }

    fn end(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

fn is_linked(followed: &Followed, name: &str) -> bool {
    let mut events = followed.events.iter();
    events
        .any(|event| matches!(&event.body, EventBody::DeviceLinked(linked) if linked.name == name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_that_takes_longer_than_its_answer_ends_open_sockets_all_the_same() {
    let options = HubOptions {
        admin_socket: AdminSocket::Open,
        admin_answer_timeout: Duration::from_millis(20),
        ..HubOptions::default()
    };
    let world = World::start_with(Backend::Memory, options).await;
    let mut laptop = world.device("Laptop").await;
    let mut desk = world.device("Desk").await;
    let account = world.account_log();
    laptop.follow(account).await;
    let commit = SlowCommit::begin(&world);
    let data = world.dir.path().to_owned();
    let who = "Desk".to_owned();
    let asking = tokio::task::spawn_blocking(move || ask(&data, &AdminRequest::Revoke { who }));
    let answer = asking.await.unwrap().unwrap();
    let AdminResponse::Refused { message } = answer else {
        panic!("the commit cannot be through: {answer:?}")
    };
    assert!(message.contains("still at work"), "{message}");
    commit.end();
    assert_eq!(desk.closed().await.0, 4403);
    let is_revoked = |event: &Event| matches!(event.body, EventBody::DeviceRevoked(_));
    laptop
        .until(account, |followed| followed.events.iter().any(is_revoked))
        .await;
}

/// Sends a link request, and waits until its time is up and the hub has dropped it.
async fn ask_in_vain(world: &World, code: &str) {
    let request = LinkRequest {
        code: code.to_owned(),
        name: "Gone".into(),
    };
    let body = serde_json::to_string(&request).unwrap();
    let head = format!(
        "POST /v1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut peer = TcpStream::connect(world.hub().local_addr()).await.unwrap();
    peer.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, peer.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(closed.is_ok() && answer.is_empty(), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_was_spent_for_a_request_that_ended_is_on_the_list_of_devices() {
    let options = HubOptions {
        request_timeout: Duration::from_secs(1),
        ..HubOptions::default()
    };
    let world = World::start_with(Backend::Memory, options).await;
    let mut laptop = world.device("Laptop").await;
    let account = world.account_log();
    laptop.follow(account).await;
    // On a machine that does other things too, the hub may not even have looked at the code by then.
    for _ in 0..5 {
        let code = world.hub().link_code(Role::Device, world.hub().account());
        let secret = code.await.unwrap().secret;
        let commit = SlowCommit::begin(&world);
        ask_in_vain(&world, &secret).await;
        commit.end();
        let (status, body) = http::link(world.hub(), &secret, "Again").await;
        if status == 200 {
            continue;
        }
        assert_eq!(http::code(&body), "link_code_used");
        laptop
            .until(account, |followed| is_linked(followed, "Gone"))
            .await;
        return;
    }
    panic!("no peer spent its code");
}
