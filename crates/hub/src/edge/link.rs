//! `POST /v1/link`: a one-time code becomes a token.

use axum::Json;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Extension, Request, State};
use baton_protocol::{ErrorBody, ErrorCode, LinkRequest, LinkResponse, limits};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::Edge;
use super::address_block::AddressBlock;
use super::door::Door;
use super::forwarded::client_address;
use super::refusal::{Refusal, stopping};
use super::serve::Visit;
use crate::actor::{AccountFact, record_access_later};
use crate::config::LINK_BODY_BYTES_MAX;
use crate::credentials::{Linked, RedeemLinkCodeError};
use crate::tasks::TaskGroup;

/// Exchanges the code. The attempt counts before the first byte of the body is waited for.
pub async fn link(
    State(edge): State<Edge>,
    Extension(visit): Extension<Visit>,
    request: Request,
) -> Result<Json<LinkResponse>, Refusal> {
    let proxies = &edge.core.options.trusted_proxies;
    let client = client_address(visit.peer, request.headers(), proxies);
    let block = AddressBlock::of(client);
    edge.attempts.take(block)?;
    let request = parse(&read(&visit.door, request.into_body()).await?)?;
    let tasks = &edge.core.tasks;
    let steps = exchange(edge.clone(), block, request);
    let exchanged = tasks.finish(TaskGroup::Edge, "link", steps).await;
    exchanged.unwrap_or_else(|| {
        let message = "the hub failed at this request";
        Err(Refusal(
            ErrorCode::Internal.with(message, "look at the hub's log"),
        ))
    })
}

/// From the code to the account's log. A client that leaves meanwhile is listed all the same, so that its access can be taken away.
async fn exchange(
    edge: Edge,
    block: AddressBlock,
    request: LinkRequest,
) -> Result<Json<LinkResponse>, Refusal> {
    let linked = redeem(&edge, request).await?;
    edge.attempts.give_back(block);
    let record = &linked.record;
    let fact = AccountFact::Linked {
        principal: record.principal.clone(),
        name: record.name.clone(),
    };
    if let Err(error) = edge.core.accounts.record(record.account, fact).await {
        // The code is used up and the token is good: whoever has the code gets it, and the list follows.
        tracing::warn!(principal.id = record.id(), %error, "a link is not in the account's log yet");
        record_access_later(&edge.core, record.clone());
    }
    tracing::info!(principal.id = record.id(), role = ?record.role, "linked");
    Ok(Json(linked.into_response(&edge.core.name)))
}

/// The whole body, unless it is too large or the hub stops first.
async fn read(door: &Door, body: Body) -> Result<Bytes, Refusal> {
    let too_large =
        || Refusal(ErrorCode::TooLarge.with("the body is too large", "send `{code, name}` only"));
    if body.size_hint().lower() > LINK_BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let whole = tokio::select! {
        whole = Limited::new(body, LINK_BODY_BYTES_MAX).collect() => whole,
        () = door.closing.cancelled() => return Err(stopping()),
    };
    match whole {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(malformed("the body cannot be read".to_owned())),
    }
}

fn parse(body: &[u8]) -> Result<LinkRequest, Refusal> {
    let request: LinkRequest = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("the body does not fit: {error}")))?;
    check_name(&request.name).map_err(Refusal)?;
    Ok(request)
}

fn malformed(message: String) -> Refusal {
    Refusal(ErrorCode::MalformedFrame.with(message, "send `{code, name}` as JSON"))
}

fn check_name(name: &str) -> Result<(), ErrorBody> {
    if name.trim().is_empty() {
        return Err(ErrorCode::TextEmpty.with(
            "the name is empty",
            "give the device a name that you will recognise",
        ));
    }
    if name.chars().count() > limits::DEVICE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message = format!(
            "a name has at most {} characters and no control characters",
            limits::DEVICE_NAME_CHARS_MAX
        );
        return Err(ErrorCode::TextTooLong.with(message, "give it a shorter name"));
    }
    Ok(())
}

async fn redeem(edge: &Edge, request: LinkRequest) -> Result<Linked, Refusal> {
    let now = edge.core.clock.now();
    let redeemed = edge
        .core
        .credentials
        .redeem(request.code, request.name.trim().to_owned(), now)
        .await;
    redeemed.map_err(|error| {
        edge.core.measures.refused.increment(1);
        let again = "make a new link code on the hub";
        Refusal(match error {
            RedeemLinkCodeError::Unknown => {
                ErrorCode::LinkCodeUnknown.with("this link code is not known here", again)
            }
            RedeemLinkCodeError::Expired => {
                ErrorCode::LinkCodeExpired.with("this link code is older than five minutes", again)
            }
            RedeemLinkCodeError::Used => {
                ErrorCode::LinkCodeUsed.with("this link code was used before", again)
            }
            RedeemLinkCodeError::Credentials(error) => {
                tracing::error!(%error, "a link code could not be exchanged");
                ErrorCode::StorageUnavailable.with(
                    "the hub cannot use its credentials now",
                    "try again in a moment",
                )
            }
        })
    })
}
