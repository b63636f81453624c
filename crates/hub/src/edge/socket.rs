//! `GET /v1/socket`: a token lets a WebSocket in.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use baton_protocol::{ErrorBody, ErrorCode};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::Edge;
use super::refusal::{Refusal, stopping};
use super::serve::Visit;
use crate::authorize::revoked;
use crate::connection::Guest;
use crate::credentials::PrincipalRecord;
use crate::tasks::TaskGroup;

/// Upgrades. Every refusal comes before, as an HTTP answer.
pub async fn socket(
    State(edge): State<Edge>,
    Extension(visit): Extension<Visit>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let record = admit(&edge, request.headers()).await?;
    let response = create_response_with_body(&request, Body::empty).map_err(|error| {
        Refusal(ErrorCode::MalformedFrame.with(
            format!("this is no WebSocket upgrade: {error}"),
            "connect with a WebSocket client",
        ))
    })?;
    let core = edge.core;
    if visit.door.closing.is_cancelled() {
        return Err(stopping());
    }
    let permit = visit.permit.authenticate().ok_or_else(|| {
        Refusal(ErrorCode::RateLimited.with(
            "the connection had to make room for another one",
            "connect again",
        ))
    })?;
    let grant = core
        .grants
        .hold(&record)
        .ok_or_else(|| Refusal(revoked()))?;
    let upgrade = hyper::upgrade::on(&mut request);
    let closing = visit.door.closing.clone();
    let mut guest = Guest::new(Arc::clone(&core), record, grant, closing);
    let serving = async move {
        let _permit = permit;
        match upgrade.await {
            Ok(upgraded) => guest.serve(upgraded).await,
            Err(error) => tracing::debug!(%error, "a client went away during its upgrade"),
        }
    };
    core.tasks
        .spawn(TaskGroup::Edge, "connection", visit.door.hold(serving));
    Ok(response)
}

/// Who a request is from, by its bearer token: the one credential parser.
pub async fn admit(edge: &Edge, headers: &HeaderMap) -> Result<PrincipalRecord, Refusal> {
    let refuse = |error: ErrorBody| {
        edge.core.measures.refused.increment(1);
        Refusal(error)
    };
    let token = bearer(headers).map_err(refuse)?;
    let found = edge
        .core
        .credentials
        .by_token(token)
        .await
        .map_err(|error| {
            tracing::error!(%error, "a token could not be looked up");
            refuse(
                ErrorCode::StorageUnavailable
                    .with("the hub cannot look up tokens now", "try again in a moment"),
            )
        })?;
    match found {
        None => Err(refuse(
            ErrorCode::Unauthenticated
                .with("this hub does not know this token", "link the device again"),
        )),
        Some(record) if record.revoked_at.is_some() => Err(refuse(revoked())),
        Some(record) => Ok(record),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, ErrorBody> {
    let missing = || {
        ErrorCode::Unauthenticated.with(
            "no token came with this request",
            "send `Authorization: Bearer …`",
        )
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing());
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(missing())
    }
}
