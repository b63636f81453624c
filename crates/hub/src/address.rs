//! The address under which others find the hub: what link codes contain.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;

use axum::http::Uri;
use baton_protocol::HubAddress;

/// Where a reverse proxy serves the hub: `https://example.org/baton/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicUrl {
    host: String,
    authority: String,
    path: String,
}

/// A text is no public address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParsePublicUrlError {
    /// Tokens would go over the network in plain text.
    #[error(
        "the public address begins with `https://`: without TLS no client would show a token there"
    )]
    NotHttps,
    /// Something is in it that a link cannot carry.
    #[error(
        "`{0}` is no public address such as `https://example.org/baton/`: a host, a port, and a path of plain letters and digits"
    )]
    Malformed(String),
}

impl FromStr for PublicUrl {
    type Err = ParsePublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParsePublicUrlError::Malformed(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        if uri.scheme_str() != Some("https") {
            return Err(ParsePublicUrlError::NotHttps);
        }
        let authority = uri.authority().ok_or_else(malformed)?;
        let mut path = uri.path().to_owned();
        if !path.ends_with('/') {
            path.push('/');
        }
        let is_plain = !authority.as_str().contains('@') && uri.query().is_none();
        if !is_plain || authority.host().is_empty() || !HubAddress::is_public_path(&path) {
            return Err(malformed());
        }
        let host = authority.host().to_ascii_lowercase();
        let port = authority.port_u16().unwrap_or(443);
        Ok(Self {
            authority: format!("{host}:{port}"),
            host,
            path,
        })
    }
}

impl PublicUrl {
    /// The name that the proxy passes on as `Host`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// From `/` to `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What link codes contain.
    pub fn address(&self) -> HubAddress {
        HubAddress {
            authority: self.authority.clone(),
            fingerprint: None,
            public_path: Some(self.path.clone()),
        }
    }
}

/// Addresses that are never asked, only routed to: one for documentation and one of each private range.
const ROUTE_PROBES: [&str; 4] = [
    "192.0.2.1:9",
    "10.255.255.254:9",
    "172.31.255.254:9",
    "192.168.255.254:9",
];

/// `host:port` for link codes: the public name, with the port that is listened on where it has none; else the address itself.
/// None where the hub listens on every address and none of them leads anywhere.
pub fn authority(public_name: Option<&str>, listening: SocketAddr) -> Option<String> {
    match public_name {
        Some(name) if has_port(name) => Some(name.to_owned()),
        Some(name) => Some(format!("{name}:{}", listening.port())),
        None if listening.ip().is_unspecified() => {
            let address = first_routed_address().ok().flatten()?;
            Some(SocketAddr::new(address, listening.port()).to_string())
        }
        None => Some(listening.to_string()),
    }
}

fn has_port(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.ends_with(':') && port.parse::<u16>().is_ok()
    })
}

/// The address from which this computer would speak to a network. Nothing is sent.
fn first_routed_address() -> io::Result<Option<IpAddr>> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let routed = ROUTE_PROBES
        .iter()
        .filter(|probe| socket.connect(probe).is_ok());
    let mut addresses = routed
        .filter_map(|_| socket.local_addr().ok())
        .map(|local| local.ip());
    Ok(addresses.find(|address| !address.is_loopback() && !address.is_unspecified()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_https_with_a_host_and_a_plain_path() {
        for (text, authority, path) in [
            ("https://example.org/baton/", "example.org:443", "/baton/"),
            ("https://Example.org/baton", "example.org:443", "/baton/"),
            ("https://example.org", "example.org:443", "/"),
            ("https://example.org:8443/", "example.org:8443", "/"),
            ("https://[2001:db8::1]/a/b/", "[2001:db8::1]:443", "/a/b/"),
        ] {
            let address = text.parse::<PublicUrl>().unwrap().address();
            assert_eq!(address.authority, authority, "{text}");
            assert_eq!(address.public_path.as_deref(), Some(path), "{text}");
            assert_eq!(address.fingerprint, None);
        }
        for text in [
            "http://example.org/",
            "example.org",
            "",
            "https://",
            "/baton/",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        for text in [
            "https://u@example.org/",
            "https://example.org/?a",
            "https://example.org/a%20b/",
        ] {
            let parsed = text.parse::<PublicUrl>();
            assert!(
                matches!(parsed, Err(ParsePublicUrlError::Malformed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_public_name_gets_the_port_unless_it_has_one() {
        let listening: SocketAddr = "0.0.0.0:7420".parse().unwrap();
        let named = |name| authority(Some(name), listening).unwrap();
        assert_eq!(named("hub.example"), "hub.example:7420");
        assert_eq!(named("hub.example:443"), "hub.example:443");
        assert_eq!(named("[2001:db8::1]"), "[2001:db8::1]:7420");
        assert_eq!(named("[2001:db8::1]:443"), "[2001:db8::1]:443");
        assert_eq!(
            authority(None, "127.0.0.1:80".parse().unwrap()).unwrap(),
            "127.0.0.1:80"
        );
    }
}
