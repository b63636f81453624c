//! `POST /v1/link`: exchanges a one-time code for a token.

use std::time::Duration;

use baton_protocol::{HubAddress, LinkCode, LinkRequest, LinkResponse, limits};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::exchange::{body, host_header, not_a_hub, refusal, send};
use crate::socket::CONNECT_TIMEOUT_MS;
use crate::{ConnectError, LinkError, line};

/// Exchanges the code for a token, under this device name. A code works once: an error after it was sent may have used it up.
pub async fn link(code: &LinkCode, name: &str) -> Result<LinkResponse, LinkError> {
    let length = name.trim().chars().count();
    if length == 0 || length > limits::DEVICE_NAME_CHARS_MAX {
        return Err(LinkError::BadName);
    }
    let request = LinkRequest {
        code: code.secret.clone(),
        name: name.trim().to_owned(),
    };
    let deadline = Duration::from_millis(CONNECT_TIMEOUT_MS);
    match tokio::time::timeout(deadline, exchange(&code.hub, &request)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ConnectError::TimedOut(code.hub.authority.clone()).into()),
    }
}

async fn exchange(hub: &HubAddress, request: &LinkRequest) -> Result<LinkResponse, ConnectError> {
    let json = serde_json::to_vec(request).expect("a link request is plain JSON");
    let request = Request::post(hub.request_path("/v1/link"))
        .header(HOST, host_header(hub))
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(json)))
        .map_err(|_| ConnectError::BadAddress(hub.authority.clone()))?;
    let line = line::open(hub).await?;
    let response = send(hub, line, request).await?;
    if response.status() != StatusCode::OK {
        return Err(refusal(hub, response).await);
    }
    let bytes = body(hub, response).await?;
    serde_json::from_slice(&bytes).map_err(|_| {
        not_a_hub(
            hub,
            "its answer to the link code is not one that this version knows",
        )
    })
}
