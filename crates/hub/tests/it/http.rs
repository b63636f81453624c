//! HTTP by hand: one request, one answer, over plain text.

use baton_hub::RunningHub;
use baton_protocol::{ErrorBody, LinkRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::PATIENCE;

/// Status and body.
pub async fn request(hub: &RunningHub, head: &[&str], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(hub.local_addr()).await.unwrap();
    let has_host = head
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("host:"));
    let host = if has_host {
        String::new()
    } else {
        format!("Host: {}\r\n", hub.local_addr())
    };
    let text = format!(
        "{}\r\n{host}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        head.join("\r\n"),
        body.len()
    );
    // A refusal may come before the whole body was taken.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an answer in time");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    (status, body)
}

pub async fn link(hub: &RunningHub, code: &str, name: &str) -> (u16, String) {
    let body = LinkRequest {
        code: code.into(),
        name: name.into(),
    };
    request(
        hub,
        &["POST /v1/link HTTP/1.1"],
        &serde_json::to_string(&body).unwrap(),
    )
    .await
}

/// The code in an error's body.
pub fn code(body: &str) -> String {
    serde_json::from_str::<ErrorBody>(body)
        .unwrap_or_else(|_| panic!("no error body: {body:?}"))
        .code
        .as_str()
        .to_owned()
}

/// One of the hub's figures, for a device's token.
pub async fn figure(hub: &RunningHub, token: &str, name: &str) -> u64 {
    let authorization = format!("Authorization: Bearer {token}");
    let (_, text) = request(hub, &["GET /metrics HTTP/1.1", &authorization], "").await;
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    values
        .next()
        .unwrap_or_else(|| panic!("no figure `{name}` in {text}"))
}
