//! Linking: a one-time code for a token.

use std::time::Duration;

use baton_protocol::{ErrorBody, LinkCode, LinkRequest, LinkResponse};

use super::tls::{Trust, is_key_mismatch, pinned_config, trust};
use crate::limits::{LINK_RESPONSE_BYTES_MAX, LINK_TIMEOUT_MS};

/// Why a device was not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The hub beyond this machine has no key in the link.
    #[error("the link has no key, and the hub is not on this machine: make a new link at the hub")]
    NoKey,
    /// Another machine answers.
    #[error(
        "the hub's key differs from the one in the link: nothing was sent to it. Make a new link at the hub and use it from here"
    )]
    KeyMismatch,
    /// Nothing answers.
    #[error(
        "the hub cannot be reached at `{authority}`: check that it runs and that this device can reach it"
    )]
    Unreachable {
        /// The address in the link.
        authority: String,
    },
    /// The hub says no.
    #[error("{}: {}", .0.message, .0.hint)]
    Refused(ErrorBody),
    /// Something answers that is no hub.
    #[error("what answers at `{authority}` is no Baton hub")]
    NotAHub {
        /// The address in the link.
        authority: String,
    },
}

/// Exchanges a link's code for this device's token.
///
/// # Errors
/// Where the hub cannot be reached, is another one than the link says, or refuses the code.
pub async fn link(code: &LinkCode, name: &str) -> Result<LinkResponse, LinkError> {
    let authority = || code.hub.authority.clone();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_millis(LINK_TIMEOUT_MS));
    let builder = match trust(&code.hub) {
        Trust::None => return Err(LinkError::NoKey),
        Trust::Loopback => builder,
        Trust::Pinned(fingerprint) => {
            let config = pinned_config(fingerprint).map_err(|_| LinkError::NotAHub {
                authority: authority(),
            })?;
            builder.tls_backend_preconfigured(config)
        }
    };
    let failed = |error: reqwest::Error| {
        if is_key_mismatch(&error) {
            LinkError::KeyMismatch
        } else {
            LinkError::Unreachable {
                authority: authority(),
            }
        }
    };
    let request = LinkRequest {
        code: code.secret.clone(),
        name: name.to_owned(),
    };
    let client = builder.build().map_err(failed)?;
    let mut response = client
        .post(code.hub.link_url())
        .json(&request)
        .send()
        .await
        .map_err(failed)?;
    let accepted = response.status().is_success();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > LINK_RESPONSE_BYTES_MAX {
            return Err(LinkError::NotAHub {
                authority: authority(),
            });
        }
    }
    let not_a_hub = |_| LinkError::NotAHub {
        authority: authority(),
    };
    if accepted {
        serde_json::from_slice(&body).map_err(not_a_hub)
    } else {
        let error = serde_json::from_slice(&body).map_err(not_a_hub)?;
        Err(LinkError::Refused(error))
    }
}
