//! The socket at `/v1/socket`.

use std::time::Duration;

use baton_protocol::{HubAddress, limits};
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::exchange::{host_header, not_a_hub, refusal, send};
use crate::{ConnectError, line};

/// Time limit for TCP, TLS and the handshake together: a person waits for it, and a path slower than this cannot keep
/// the heartbeat either.
pub const CONNECT_TIMEOUT_MS: u64 = limits::HEARTBEAT_TIMEOUT_MS;

/// Read buffer of a connection: some hundred deltas; a larger frame grows it temporarily.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// What may wait for a slow hub before a write fails: one frame of the largest size in flight and the next one after it.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * limits::FRAME_BYTES_MAX + 64 * 1024;

/// An open socket to a hub.
pub type HubSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Opens the hub's socket as the holder of the token. Sends nothing: the caller's first frame is `hello`.
pub async fn connect(hub: &HubAddress, token: &str) -> Result<HubSocket, ConnectError> {
    let deadline = Duration::from_millis(CONNECT_TIMEOUT_MS);
    match tokio::time::timeout(deadline, open_socket(hub, token)).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut(hub.authority.clone())),
    }
}

async fn open_socket(hub: &HubAddress, token: &str) -> Result<HubSocket, ConnectError> {
    let key = generate_key();
    let request = upgrade_request(hub, token, &key)?;
    let line = line::open(hub).await?;
    let response = send(hub, line, request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(hub, response).await);
    }
    let accept = response
        .headers()
        .get(SEC_WEBSOCKET_ACCEPT)
        .map(HeaderValue::as_bytes);
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(not_a_hub(hub, "it did not accept the socket's key"));
    }
    let upgraded = hyper::upgrade::on(response)
        .await
        .map_err(|error| not_a_hub(hub, error))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(limits::FRAME_BYTES_MAX))
        .max_frame_size(Some(limits::FRAME_BYTES_MAX));
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await)
}

fn upgrade_request(
    hub: &HubAddress,
    token: &str,
    key: &str,
) -> Result<Request<Full<Bytes>>, ConnectError> {
    let bad_address = |_| ConnectError::BadAddress(hub.authority.clone());
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| ConnectError::Refused(unusable_token()))?;
    bearer.set_sensitive(true);
    Request::get(hub.request_path("/v1/socket"))
        .header(HOST, host_header(hub))
        .header(AUTHORIZATION, bearer)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .body(Full::default())
        .map_err(bad_address)
}

fn unusable_token() -> baton_protocol::ErrorBody {
    baton_protocol::ErrorCode::Unauthenticated.with("the kept token is damaged", "link again")
}
