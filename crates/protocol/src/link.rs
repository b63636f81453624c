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

/// The hub's answer, which a linked device keeps. The token goes into the system keyring and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LinkResponse {
    /// `baton_` and 64 hex characters.
    pub token: String,
    /// The account that the token belongs to.
    pub account: AccountId,
    /// The device or runner that the token stands for. The hub chose the role when it made the code.
    pub principal: Principal,
    /// The hub's display name.
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

/// Where a hub is and how a client recognises it. A linked device keeps it with its token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HubAddress {
    /// `host:port`.
    pub authority: String,
    /// SHA-256 of the hub's public key (its SubjectPublicKeyInfo), hex; absent: plain text on loopback, or a public path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fingerprint: Option<String>,
    /// The path under which a reverse proxy serves the hub; begins and ends with `/`. The connection uses TLS; without a fingerprint, the
    /// device's certificate store checks the certificate. Absent: the hub serves directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub public_path: Option<String>,
}

/// How a client makes sure that it speaks to the right hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HubRecognition<'a> {
    /// By its key, whose fingerprint the link carried.
    Key(&'a str),
    /// By a certificate for its name that the device's certificate store trusts.
    CertificateStore,
    /// Not at all: plain text, on loopback only.
    Loopback,
}

impl HubAddress {
    /// A hub without a reverse proxy: recognised by its key, or plain text on loopback.
    pub fn of_hub(authority: impl Into<String>, fingerprint: Option<String>) -> Self {
        Self {
            authority: authority.into(),
            fingerprint,
            public_path: None,
        }
    }

    /// How a client recognises the hub.
    pub fn recognition(&self) -> HubRecognition<'_> {
        match (&self.fingerprint, &self.public_path) {
            (Some(fingerprint), _) => HubRecognition::Key(fingerprint),
            (None, Some(_)) => HubRecognition::CertificateStore,
            (None, None) => HubRecognition::Loopback,
        }
    }

    /// The path of a request: one of the protocol's paths, such as `/v1/socket`, below the public path.
    pub fn request_path(&self, of_protocol: &str) -> String {
        let prefix = self.public_path.as_deref().unwrap_or_default();
        format!("{}{of_protocol}", prefix.trim_end_matches('/'))
    }

    /// Whether a public path can go into a link and a request without encoding: begins and ends with `/`, without `.`, `..` or an empty
    /// name.
    pub fn is_public_path(path: &str) -> bool {
        let is_plain = |name: &str| {
            !matches!(name, "" | "." | "..")
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let inner = path.strip_prefix('/').and_then(|rest| match rest {
            "" => Some(""),
            names => names.strip_suffix('/'),
        });
        path.len() <= PUBLIC_PATH_BYTES_MAX
            && inner.is_some_and(|inner| inner.is_empty() == (path == "/"))
            && inner.is_some_and(|inner| inner.is_empty() || inner.split('/').all(is_plain))
    }
}

/// Long enough for a few names.
const PUBLIC_PATH_BYTES_MAX: usize = 256;

/// A link as a person passes it on: `baton://link?hub=HOST:PORT&code=HEX[&key=HEX][&path=/PATH/]`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode {
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
    /// The text does not begin with `baton://link?`.
    #[error("this is not a Baton link: it begins with `baton://link?`")]
    NotALink,
    /// The named field is absent.
    #[error("the link has no `{0}`: copy it whole")]
    Missing(&'static str),
    /// The named field is malformed.
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
        if let Some(key) = &self.hub.fingerprint {
            write!(f, "&key={key}")?;
        }
        match &self.hub.public_path {
            Some(path) => write!(f, "&path={path}"),
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
        let public_path = field("path")
            .map(|path| {
                let is_path = HubAddress::is_public_path(path);
                let damaged = ParseLinkCodeError::Damaged("path");
                is_path.then(|| path.to_owned()).ok_or(damaged)
            })
            .transpose()?;
        Ok(Self {
            hub: HubAddress {
                authority: authority.to_owned(),
                fingerprint,
                public_path,
            },
            secret: secret.to_ascii_lowercase(),
        })
    }
}
