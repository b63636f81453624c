//! `POST /v1/link`: a one-time code becomes a token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use baton_protocol::{ErrorBody, ErrorCode, LinkRequest, LinkResponse, limits};
use tokio::time::Instant;

use super::Edge;
use super::refusal::Refusal;
use super::serve::Visit;
use crate::actor::{AccountFact, record_access_later};
use crate::bucket::TokenBucket;
use crate::config::{LINK_ATTEMPTS_BURST, LINK_ATTEMPTS_PER_SECOND};
use crate::credentials::{Linked, RedeemLinkCodeError};

/// Addresses whose failures are remembered; beyond it nobody new may try for a moment.
const ADDRESSES_MAX: usize = 4_096;

/// Exchanges the code.
pub async fn link(
    State(edge): State<Edge>,
    Extension(visit): Extension<Visit>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LinkResponse>, Refusal> {
    edge.attempts.take(visit.peer.ip())?;
    let request = read(body)?;
    let linked = redeem(&edge, request).await?;
    edge.attempts.give_back(visit.peer.ip());
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

fn read(body: Result<Bytes, BytesRejection>) -> Result<LinkRequest, Refusal> {
    let malformed = |message: String| {
        Refusal(ErrorCode::MalformedFrame.with(message, "send `{code, name}` as JSON"))
    };
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal(ErrorCode::TooLarge.with("the body is too large", "send `{code, name}` only"))
        }
        _ => malformed("the body cannot be read".to_owned()),
    })?;
    let request: LinkRequest = serde_json::from_slice(&body)
        .map_err(|error| malformed(format!("the body does not fit: {error}")))?;
    check_name(&request.name).map_err(Refusal)?;
    Ok(request)
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

type Attempts = TokenBucket<LINK_ATTEMPTS_BURST, LINK_ATTEMPTS_PER_SECOND>;

/// Failed attempts by address.
#[derive(Default)]
pub struct LinkAttempts {
    buckets: Mutex<HashMap<IpAddr, Attempts>>,
}

impl LinkAttempts {
    fn take(&self, address: IpAddr) -> Result<(), Refusal> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX {
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        let is_known = buckets.contains_key(&address);
        let has_room = is_known || buckets.len() < ADDRESSES_MAX;
        let new = || Attempts::new(now);
        if has_room && buckets.entry(address).or_insert_with(new).take(now) {
            return Ok(());
        }
        Err(Refusal(ErrorCode::RateLimited.with(
            "too many link attempts failed",
            "wait a few seconds, then try again",
        )))
    }

    /// The attempt was a good one: it does not count.
    fn give_back(&self, address: IpAddr) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&address) {
            bucket.give_back();
        }
    }
}
