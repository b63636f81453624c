//! Linking a device or a runner to a hub.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{AccountId, Principal};

/// `POST /v1/link`: exchanges a one-time code for a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LinkRequest {
    /// The code's secret, 32 hex characters.
    pub code: String,
    /// The name that other devices show, 1 to [`crate::limits::DEVICE_NAME_CHARS_MAX`] characters.
    pub name: String,
}

/// What a linked device keeps. The token goes into the system keyring and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LinkResponse {
    /// `baton_` and 64 hex characters.
    pub token: String,
    /// Whose it is.
    pub account: AccountId,
    /// What it is: the hub chose the role when it made the code.
    pub principal: Principal,
    /// The hub's name for people.
    pub hub_name: String,
}

impl fmt::Debug for LinkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LinkResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkResponse")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Where a hub is and how it is recognised. Kept by a linked device beside its token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HubAddress {
    /// `host:port`.
    pub authority: String,
    /// SHA-256 of the hub's public key (its SubjectPublicKeyInfo), hex; absent: plain text on loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fingerprint: Option<String>,
}

impl HubAddress {
    /// `ws://…/v1/socket` or `wss://…/v1/socket`.
    pub fn socket_url(&self) -> String {
        format!(
            "{}://{}/v1/socket",
            if self.fingerprint.is_some() {
                "wss"
            } else {
                "ws"
            },
            self.authority
        )
    }

    /// `http://…/v1/link` or `https://…/v1/link`.
    pub fn link_url(&self) -> String {
        format!(
            "{}://{}/v1/link",
            if self.fingerprint.is_some() {
                "https"
            } else {
                "http"
            },
            self.authority
        )
    }
}

/// A link as a person passes it on: `baton://link?hub=HOST:PORT&code=HEX[&key=HEX]`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode {
    /// The hub.
    pub hub: HubAddress,
    /// The one-time secret, 32 hex characters (128 bits).
    pub secret: String,
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkCode")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

/// Why a text is not a link.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseLinkCodeError {
    /// Something else was pasted.
    #[error("this is not a Baton link: it begins with `baton://link?`")]
    NotALink,
    /// A part is absent.
    #[error("the link has no `{0}`: copy it whole")]
    Missing(&'static str),
    /// A part is not what it must be.
    #[error("the link's `{0}` is damaged: copy it again")]
    Damaged(&'static str),
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "baton://link?hub={}&code={}",
            self.hub.authority, self.secret
        )?;
        match &self.hub.fingerprint {
            Some(key) => write!(f, "&key={key}"),
            None => Ok(()),
        }
    }
}

impl FromStr for LinkCode {
    type Err = ParseLinkCodeError;

    fn from_str(text: &str) -> Result<Self, ParseLinkCodeError> {
        let query = text
            .trim()
            .strip_prefix("baton://link?")
            .ok_or(ParseLinkCodeError::NotALink)?;
        let field = |name: &'static str| {
            query
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|(_, value)| value)
        };
        let is_hex = |value: &str, length: usize| {
            value.len() == length && value.bytes().all(|b| b.is_ascii_hexdigit())
        };

        let authority = field("hub").ok_or(ParseLinkCodeError::Missing("hub"))?;
        let (host, port) = authority
            .rsplit_once(':')
            .ok_or(ParseLinkCodeError::Damaged("hub"))?;
        let host_fits = !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
        if !host_fits || port.parse::<u16>().is_err() {
            return Err(ParseLinkCodeError::Damaged("hub"));
        }
        let secret = field("code").ok_or(ParseLinkCodeError::Missing("code"))?;
        if !is_hex(secret, 32) {
            return Err(ParseLinkCodeError::Damaged("code"));
        }
        let fingerprint = field("key")
            .map(|key| {
                if is_hex(key, 64) {
                    Ok(key.to_ascii_lowercase())
                } else {
                    Err(ParseLinkCodeError::Damaged("key"))
                }
            })
            .transpose()?;
        Ok(Self {
            hub: HubAddress {
                authority: authority.to_owned(),
                fingerprint,
            },
            secret: secret.to_ascii_lowercase(),
        })
    }
}
