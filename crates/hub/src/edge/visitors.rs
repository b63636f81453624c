//! Which Host and Origin headers the hub serves.
//!
//! A web page in the user's browser can reach a hub on loopback, by its own name with a changed DNS entry too. So on loopback the Host
//! must be a loopback name, and a request with an Origin is a browser's: refused unless it was allowed by name.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use baton_protocol::{ErrorBody, ErrorCode};

/// Names of this computer for itself.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Who may visit.
#[derive(Clone, Debug)]
pub struct Visitors {
    /// Absent: any Host, for a hub that is reached under many addresses and always by TLS.
    hosts: Option<Vec<String>>,
    origins: Vec<String>,
}

impl Visitors {
    /// Of a hub that listens on loopback, and under the host of its public name, where a proxy or a tunnel has one.
    pub fn of_loopback(public_host: Option<String>, origins: Vec<String>) -> Self {
        let hosts = LOOPBACK_HOSTS
            .iter()
            .map(|host| (*host).to_owned())
            .chain(public_host);
        Self {
            hosts: Some(hosts.collect()),
            origins,
        }
    }

    /// Of a hub that listens beyond loopback.
    pub fn of_network(origins: Vec<String>) -> Self {
        Self {
            hosts: None,
            origins,
        }
    }

    /// Whether a request may be served at all.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ErrorBody> {
        if let Some(hosts) = &self.hosts {
            let named = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let host = named
                .or_else(|| uri.authority().map(Authority::as_str))
                .and_then(host_of);
            if !host.is_some_and(|host| {
                hosts
                    .iter()
                    .any(|allowed| allowed.eq_ignore_ascii_case(&host))
            }) {
                return Err(refuse("this hub does not serve this Host"));
            }
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_allowed = |origin: &str| {
            self.origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        };
        if origins.any(|origin| !origin.to_str().is_ok_and(is_allowed)) {
            return Err(refuse("this hub serves no web pages of this Origin"));
        }
        Ok(())
    }
}

fn refuse(message: &str) -> ErrorBody {
    ErrorCode::OriginRefused.with(
        message,
        "connect from a Baton client, by the address in the link code",
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

    fn allowed(visitors: &Visitors, host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        visitors
            .check(&Uri::from_static("/v1/socket"), &headers)
            .is_ok()
    }

    #[test]
    fn loopback_serves_its_own_names_only() {
        let visitors = Visitors::of_loopback(
            Some("hub.example".into()),
            vec!["https://app.example".into()],
        );
        for host in [
            "localhost:7420",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:7420",
            "hub.example",
        ] {
            assert!(allowed(&visitors, host, None), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:7420",
            "localhost.evil.example",
            "",
            "user@localhost@evil.example",
        ] {
            assert!(!allowed(&visitors, host, None), "{host}");
        }
        assert!(
            visitors
                .check(&Uri::from_static("/"), &HeaderMap::new())
                .is_err()
        );
    }

    #[test]
    fn an_origin_is_refused_unless_it_is_named() {
        for visitors in [
            Visitors::of_loopback(None, vec!["https://app.example".into()]),
            Visitors::of_network(vec!["https://app.example".into()]),
        ] {
            assert!(allowed(
                &visitors,
                "127.0.0.1:7420",
                Some("https://app.example")
            ));
            for origin in [
                "http://localhost:7420",
                "null",
                "",
                "https://app.example.evil",
            ] {
                assert!(
                    !allowed(&visitors, "127.0.0.1:7420", Some(origin)),
                    "{origin}"
                );
            }
        }
        assert!(allowed(
            &Visitors::of_network(Vec::new()),
            "10.0.0.7:7420",
            None
        ));
    }
}
