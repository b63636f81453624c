//! One HTTP/1.1 request over a fresh line, with everything that comes back bounded.

use baton_protocol::{ErrorBody, HubAddress, limits};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::ConnectError;
use crate::line::HubStream;

/// The `Host` of a request. Without the port where it is the usual one of HTTPS: a proxy finds the site by the bare name.
pub(crate) fn host_header(hub: &HubAddress) -> &str {
    let authority = hub.authority.as_str();
    match (&hub.public_path, authority.strip_suffix(":443")) {
        (Some(_), Some(name)) => name,
        _ => authority,
    }
}

/// Sends the request. The connection lives for as long as the answer, or what it upgrades to, is held.
pub(crate) async fn send(
    hub: &HubAddress,
    line: HubStream,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, ConnectError> {
    let failed = |error: hyper::Error| not_a_hub(hub, error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(line))
        .await
        .map_err(failed)?;
    // Ends with the exchange: when the answer is read or dropped, or when it becomes a socket. What fails in it fails the answer too.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(failed)
}

/// The whole body, up to [`limits::FRAME_BYTES_MAX`].
pub(crate) async fn body(
    hub: &HubAddress,
    response: Response<Incoming>,
) -> Result<Bytes, ConnectError> {
    let limited = Limited::new(response.into_body(), limits::FRAME_BYTES_MAX);
    let collected = limited
        .collect()
        .await
        .map_err(|error| not_a_hub(hub, error))?;
    Ok(collected.to_bytes())
}

/// What a refusal says.
pub(crate) async fn refusal(hub: &HubAddress, response: Response<Incoming>) -> ConnectError {
    let status = response.status();
    let parsed = match body(hub, response).await {
        Ok(bytes) => serde_json::from_slice::<ErrorBody>(&bytes).ok(),
        Err(error) => return error,
    };
    match parsed {
        Some(error) => ConnectError::Refused(error),
        None => not_a_hub(
            hub,
            format!("it answered with HTTP status {}", status.as_u16()),
        ),
    }
}

pub(crate) fn not_a_hub(hub: &HubAddress, what: impl ToString) -> ConnectError {
    ConnectError::NotAHub {
        authority: hub.authority.clone(),
        what: what.to_string(),
    }
}
