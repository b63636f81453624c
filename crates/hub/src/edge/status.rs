//! `GET /healthz` and `GET /metrics`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use baton_protocol::{ErrorCode, Role};

use super::Edge;
use super::refusal::Refusal;
use super::socket::admit;

/// Whether the hub serves.
pub async fn healthz(State(edge): State<Edge>) -> Response {
    if edge.core.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    (StatusCode::OK, "ok\n").into_response()
}

/// The hub's figures, for a device's token only: they say when people are at work.
pub async fn metrics(State(edge): State<Edge>, headers: HeaderMap) -> Result<Response, Refusal> {
    let record = admit(&edge, &headers).await?;
    if record.role != Role::Device {
        return Err(Refusal(
            ErrorCode::Forbidden.with("a runner reads no figures", "use a device's token"),
        ));
    }
    let text = edge.core.measures.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
