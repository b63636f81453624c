//! HTTP and WebSocket: who may ask, and what.
//!
//! | request | needs |
//! |---|---|
//! | `GET /healthz` | nothing |
//! | `POST /v1/link` | a link code |
//! | `GET /metrics` | a device's token, on loopback too |
//! | `GET /v1/socket` | a token; upgraded to a WebSocket |
//!
//! There is no CORS. Every request passes the checks of Host and Origin first. A panic in a handler becomes a 500 and nothing else.

mod address_block;
mod admission;
mod attempts;
mod door;
mod forwarded;
mod host_policy;
mod link;
mod refusal;
mod serve;
mod socket;
mod status;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use baton_protocol::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

pub use door::Door;
pub use forwarded::{AddressRange, ParseAddressRangeError};
pub use host_policy::{HostPolicy, host_of};
pub use serve::{Listener, Protection, accept};

use self::attempts::LinkAttempts;
use self::refusal::Refusal;
use crate::core::HubCore;

/// What handlers share.
#[derive(Clone)]
pub struct Edge {
    core: Arc<HubCore>,
    hosts: Arc<HostPolicy>,
    attempts: Arc<LinkAttempts>,
}

/// Everything that the hub answers over HTTP.
pub fn router(core: Arc<HubCore>, hosts: HostPolicy) -> Router {
    let edge = Edge {
        core,
        hosts: Arc::new(hosts),
        attempts: Arc::new(LinkAttempts::default()),
    };
    // Some proxies take the prefix of the public address off a path, and some pass it on.
    let public_url = edge.core.options.public_url.as_ref();
    let prefix = public_url.map_or("/", |url| url.path());
    let routes = match prefix.trim_end_matches('/') {
        "" => requests(),
        prefix => requests().nest(prefix, requests()),
    };
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(edge.clone(), check_host))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(edge)
}

fn requests() -> Router<Edge> {
    Router::new()
        .route("/healthz", get(status::healthz))
        .route("/metrics", get(status::metrics))
        .route("/v1/link", post(link::link))
        .route("/v1/socket", get(socket::socket))
}

async fn check_host(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    match edge.hosts.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            edge.core.measures.refused.increment(1);
            Refusal(error).into_response()
        }
    }
}

async fn not_found() -> Response {
    let error =
        ErrorCode::MalformedFrame.with("there is nothing at this path", "see docs/PROTOCOL.md");
    (StatusCode::NOT_FOUND, Refusal(error)).into_response()
}

async fn wrong_method() -> Response {
    let error =
        ErrorCode::MalformedFrame.with("this path has another method", "see docs/PROTOCOL.md");
    (StatusCode::METHOD_NOT_ALLOWED, Refusal(error)).into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request's handler panicked");
    Refusal(ErrorCode::Internal.with("the hub failed at this request", "look at the hub's log"))
        .into_response()
}
