//! Tests against fake servers: what a hub, a stranger and a broken server do on a connection.

mod server;

use baton_protocol::{
    AccountId, DeviceId, ErrorCode, HubAddress, LinkCode, LinkRequest, LinkResponse, Principal,
};
use baton_transport::{ConnectError, LinkError, connect, link};
use futures::{SinkExt as _, StreamExt as _};
use server::{Identity, Server};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_socket_on_this_machine_needs_no_key_and_carries_the_token() {
    let server = Server::echo(None).await;
    let mut socket = connect(&server.address, "baton_secret")
        .await
        .expect("connects");
    socket.send(Message::text("ping")).await.expect("sends");
    assert_eq!(
        socket.next().await.expect("answers").expect("in order"),
        Message::text("Bearer baton_secret: ping")
    );
}

#[tokio::test]
async fn a_pinned_key_is_enough_whatever_the_certificate_says() {
    let server = Server::echo(Some(Identity::new())).await;
    let mut socket = connect(&server.address, "t").await.expect("connects");
    let large = "é".repeat(400_000);
    socket
        .send(Message::text(large.clone()))
        .await
        .expect("sends");
    assert_eq!(
        socket.next().await.expect("answers").expect("in order"),
        Message::text(format!("Bearer t: {large}"))
    );
}

#[tokio::test]
async fn another_key_is_refused_with_both_fingerprints() {
    let server = Server::echo(Some(Identity::new())).await;
    let expected = Identity::new().fingerprint();
    let address = HubAddress {
        fingerprint: Some(expected.clone()),
        ..server.address.clone()
    };
    let error = connect(&address, "t").await.expect_err("refused");
    let ConnectError::KeyMismatch {
        expected: named,
        found,
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (named, Some(found)),
        (&expected, server.address.fingerprint.as_ref())
    );
    assert!(error.to_string().contains("another key"), "{error}");
    assert!(!error.may_pass());
}

#[tokio::test]
async fn a_copied_certificate_without_its_private_key_is_refused() {
    let victim = Identity::new();
    let server = Server::echo(Some(victim.with_the_private_key_of(&Identity::new()))).await;
    assert_eq!(server.address.fingerprint, Some(victim.fingerprint()));
    let error = connect(&server.address, "t").await.expect_err("refused");
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn plain_text_beyond_this_machine_is_never_tried() {
    for authority in ["192.0.2.1:80", "[2001:db8::1]:80", "[::ffff:192.0.2.1]:80"] {
        let hub = HubAddress {
            authority: authority.to_owned(),
            fingerprint: None,
            public_path: None,
        };
        let error = connect(&hub, "t").await.expect_err("refused");
        assert!(
            matches!(error, ConnectError::PlainBeyondLoopback(_)),
            "{error:?}"
        );
        assert!(!error.may_pass());
    }
}

#[tokio::test]
async fn damaged_addresses_are_named_before_anything_is_sent() {
    for (authority, fingerprint) in [
        ("nowhere", None),
        ("host:notaport", None),
        ("127.0.0.1:9", Some("abc".to_owned())),
    ] {
        let hub = HubAddress {
            authority: authority.to_owned(),
            fingerprint,
            public_path: None,
        };
        let error = connect(&hub, "t").await.expect_err("refused");
        assert!(matches!(error, ConnectError::BadAddress(_)), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there_may_pass() {
    let hub = HubAddress {
        authority: server::closed_port().await,
        fingerprint: None,
        public_path: None,
    };
    let error = connect(&hub, "t").await.expect_err("nobody");
    assert!(
        matches!(error, ConnectError::Unreachable { .. }) && error.may_pass(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_is_read_whole_even_in_pieces() {
    let refused = ErrorCode::Revoked.with("this device was revoked", "link again");
    let body = serde_json::to_string(&refused).expect("plain");
    let head = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(7);
    let server = Server::raw(vec![head, first.to_owned(), rest.to_owned()]).await;
    let error = connect(&server.address, "t").await.expect_err("refused");
    assert!(
        matches!(&error, ConnectError::Refused(body) if *body == refused),
        "{error:?}"
    );
    assert!(!error.may_pass());
}

#[tokio::test]
async fn something_else_behind_the_port_is_named_as_such() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad",
    ] {
        let server = Server::raw(vec![answer.to_owned()]).await;
        let error = connect(&server.address, "t").await.expect_err("no hub");
        assert!(
            matches!(error, ConnectError::NotAHub { .. }) && error.may_pass(),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_hub_that_promises_more_than_the_limit_is_not_believed() {
    let server = Server::raw(vec![format!(
        "HTTP/1.1 401 No\r\n\r\n{}",
        "x".repeat(2_000_000)
    )])
    .await;
    let error = connect(&server.address, "t").await.expect_err("refused");
    assert!(matches!(error, ConnectError::NotAHub { .. }), "{error:?}");
}

#[tokio::test]
async fn a_link_code_becomes_a_token() {
    let answer = LinkResponse {
        token: "baton_0".to_owned(),
        account: AccountId::from_uuid(uuid::Uuid::nil()),
        principal: Principal::Device {
            account: AccountId::from_uuid(uuid::Uuid::nil()),
            device: DeviceId::from_uuid(uuid::Uuid::nil()),
        },
        hub_name: "home".to_owned(),
    };
    let body = serde_json::to_string(&answer).expect("plain");
    let server = Server::raw(vec![format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )])
    .await;
    let code = LinkCode {
        hub: server.address.clone(),
        secret: "0".repeat(32),
    };
    assert_eq!(link(&code, " Laptop ").await.expect("linked"), answer);
    let request = server.request().await;
    assert!(
        request.starts_with("POST /v1/link HTTP/1.1\r\n"),
        "{request}"
    );
    let sent: LinkRequest =
        serde_json::from_str(request.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert!(
        sent == LinkRequest {
            code: "0".repeat(32),
            name: "Laptop".to_owned()
        }
    );
}

#[tokio::test]
async fn a_used_code_says_so_and_a_bad_name_is_not_sent() {
    let used = ErrorCode::LinkCodeUsed.with("the code was used", "make a new one");
    let body = serde_json::to_string(&used).expect("plain");
    let server = Server::raw(vec![format!(
        "HTTP/1.1 410 Gone\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )])
    .await;
    let code = LinkCode {
        hub: server.address.clone(),
        secret: "0".repeat(32),
    };
    assert!(matches!(link(&code, "   ").await, Err(LinkError::BadName)));
    assert!(matches!(
        link(&code, &"x".repeat(81)).await,
        Err(LinkError::BadName)
    ));
    let error = link(&code, "Laptop").await.expect_err("used");
    assert!(
        matches!(&error, LinkError::Connect(ConnectError::Refused(body)) if *body == used),
        "{error:?}"
    );
}
