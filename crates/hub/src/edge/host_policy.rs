//! Which Host and Origin headers the hub serves.
//!
//! A web page in a person's browser can reach a hub on the same computer or in the same network, under a name of its own too: DNS
//! rebinding. So the hub serves names that it was told, and addresses: an address in a URL cannot be pointed elsewhere. Beyond
//! loopback the pinned key stops a browser already, unless the certificate is one that browsers trust. A request with an Origin
//! is a browser's, and is refused unless that Origin was allowed.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use baton_protocol::{ErrorBody, ErrorCode};

/// Which hosts and origins may be named in a request.
#[derive(Clone, Debug)]
pub struct HostPolicy {
    names: Vec<String>,
    addresses: Addresses,
    origins: Vec<String>,
}

/// Which addresses a Host may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Addresses {
    Loopback,
    /// A hub on a network is reached under the addresses of routers and tunnels as well, which it does not know.
    Any,
}

impl HostPolicy {
    /// Of a hub that listens at an address, under these names and `localhost`, for web pages of these origins.
    pub fn new(listening: IpAddr, mut names: Vec<String>, origins: Vec<String>) -> Self {
        names.push("localhost".to_owned());
        Self {
            names,
            addresses: if listening.is_loopback() {
                Addresses::Loopback
            } else {
                Addresses::Any
            },
            origins,
        }
    }

    /// Whether a request may be served at all. Every Host that it names must be one of the hub's.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ErrorBody> {
        let of_header = headers
            .get_all(header::HOST)
            .iter()
            .map(|host| host.to_str().ok().and_then(host_of));
        let of_uri = uri.authority().map(|authority| host_of(authority.as_str()));
        let mut hosts = of_header.chain(of_uri).peekable();
        let are_served = hosts.peek().is_some()
            && hosts.all(|host| host.is_some_and(|host| self.serves_host(&host)));
        if !are_served {
            return Err(refuse("this hub does not serve this Host"));
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if origins.any(|origin| !origin.to_str().is_ok_and(|origin| self.allows(origin))) {
            return Err(refuse("this hub serves no web pages of this Origin"));
        }
        Ok(())
    }

    fn serves_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if self.addresses == Addresses::Loopback => {
                address.to_canonical().is_loopback() || self.is_named(host)
            }
            Ok(address) => !address.is_unspecified(),
            Err(_) => self.is_named(host),
        }
    }

    fn is_named(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }

    fn allows(&self, origin: &str) -> bool {
        let mut allowed = self.origins.iter();
        allowed.any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

fn refuse(message: &str) -> ErrorBody {
    ErrorCode::OriginRefused.with(
        message,
        "connect from a Baton client by the address in its link; name other hosts with --allow-host",
    )
}

/// The host of `host[:port]`.
pub fn host_of(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok()?;
    Some(authority.host().to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const ORIGIN: &str = "https://app.example";

    fn policy(listening: &str) -> HostPolicy {
        HostPolicy::new(
            listening.parse().unwrap(),
            vec!["hub.example".into()],
            vec![ORIGIN.into()],
        )
    }

    fn serves(policy: &HostPolicy, hosts: &[&'static str], origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        policy
            .check(&Uri::from_static("/v1/socket"), &headers)
            .is_ok()
    }

    #[test]
    fn a_hub_serves_its_own_names_and_no_others() {
        let own = [
            "localhost:7420",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:7420",
            "hub.example",
        ];
        let others = [
            "evil.example",
            "127.0.0.1.evil.example:7420",
            "localhost.evil.example",
            "",
            "user@localhost@evil.example",
            "0.0.0.0:7420",
            "[::]",
        ];
        for listening in ["127.0.0.1", "::1", "0.0.0.0", "10.0.0.7"] {
            let policy = policy(listening);
            for host in own {
                assert!(serves(&policy, &[host], None), "{listening}: {host}");
            }
            for host in others {
                assert!(!serves(&policy, &[host], None), "{listening}: {host}");
            }
            assert!(!serves(&policy, &[], None));
            assert!(!serves(&policy, &["localhost", "evil.example"], None));
        }
        for host in ["10.0.0.7:7420", "[2001:db8::1]"] {
            assert!(serves(&policy("0.0.0.0"), &[host], None), "{host}");
            assert!(!serves(&policy("127.0.0.1"), &[host], None), "{host}");
        }
    }

    #[test]
    fn the_host_of_an_absolute_uri_counts_too() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/healthz");
        assert!(policy("127.0.0.1").check(&uri, &headers).is_err());
    }

    #[test]
    fn an_origin_is_refused_unless_it_is_named() {
        for listening in ["127.0.0.1", "0.0.0.0"] {
            let policy = policy(listening);
            assert!(serves(&policy, &["127.0.0.1:7420"], Some(ORIGIN)));
            for origin in [
                "http://localhost:7420",
                "null",
                "",
                "https://app.example.evil",
            ] {
                let served = serves(&policy, &["127.0.0.1:7420"], Some(origin));
                assert!(!served, "{listening}: {origin}");
            }
        }
    }
}
