//! One HTTP/1.1 request over a fresh line, with a bound on everything that comes back.

use baton_protocol::{ErrorBody, HubAddress, limits};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::ConnectError;
use crate::line::HubStream;

/// The `Host` of a request. Leaves out the usual HTTPS port, because a proxy finds the site by the bare name.
pub(crate) fn host_header(hub: &HubAddress) -> &str {
    let authority = hub.authority.as_str();
    match (&hub.public_path, authority.strip_suffix(":443")) {
        (Some(_), Some(name)) => name,
        _ => authority,
    }
}

/// Sends the request. The connection lives as long as the response, or the socket that it upgrades to.
pub(crate) async fn send(
    hub: &HubAddress,
    line: HubStream,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, ConnectError> {
    let failed = |error: hyper::Error| not_a_hub(hub, error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(line))
        .await
        .map_err(failed)?;
    // Ends with the exchange: when the response is read or dropped, or becomes a socket. An error in this task fails the response too.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(failed)
}

/// Reads the whole body, up to [`limits::FRAME_BYTES_MAX`].
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

/// Reads the error in a refusal.
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
