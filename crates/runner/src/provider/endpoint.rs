//! The base URL of an OpenAI-compatible API, as people write it.

use std::net::IpAddr;

use reqwest::Url;

/// The text is not a base URL of an API.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a base URL: write something like `http://127.0.0.1:8080/v1`")]
pub struct ParseBaseUrlError(String);

/// Paths that people paste after the base.
const PASTED: [&str; 3] = ["/chat/completions", "/completions", "/models"];

/// A base URL, without a trailing slash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BaseUrl(Url);

impl BaseUrl {
    /// Parses a base URL. Without a scheme it is `http` for a host on this machine or in its network, and `https` for any other.
    pub fn parse(text: &str) -> Result<Self, ParseBaseUrlError> {
        let text = text.trim();
        let refuse = || ParseBaseUrlError(text.to_owned());
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        };
        let mut url = url.map_err(|_| refuse())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refuse());
        }
        let mut path = url.path().trim_end_matches('/');
        for pasted in PASTED {
            path = path.strip_suffix(pasted).unwrap_or(path);
        }
        let path = path.trim_end_matches('/').to_owned();
        url.set_path(&path);
        url.set_fragment(None);
        let mut base = Self(url);
        if !text.contains("://") && !base.is_near() {
            base.0.set_scheme("https").expect("http becomes https");
        }
        Ok(base)
    }

    /// The address without a trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The URLs to try for completions: as given, then below `/v1` if the base has no path.
    pub fn completions(&self) -> Vec<Url> {
        self.below("chat/completions")
    }

    /// The URLs to try for the list of models, in the same order.
    pub fn models(&self) -> Vec<Url> {
        self.below("models")
    }

    fn below(&self, name: &str) -> Vec<Url> {
        let path = self.0.path().trim_end_matches('/');
        let paths = match path {
            "" => vec![format!("/{name}"), format!("/v1/{name}")],
            path => vec![format!("{path}/{name}")],
        };
        let url = |path: String| {
            let mut url = self.0.clone();
            url.set_path(&path);
            url
        };
        paths.into_iter().map(url).collect()
    }

    /// The URL for people: without user, password and query, which may be secrets.
    pub fn shown(&self) -> String {
        shown(&self.0)
    }

    /// The parts of the URL that may be secrets.
    pub fn secrets(&self) -> Vec<String> {
        let query = self.0.query_pairs().map(|(_, value)| value.into_owned());
        let password = self.0.password().map(str::to_owned);
        query
            .chain(password)
            .filter(|secret| secret.len() >= 6)
            .collect()
    }

    /// Whether a key that is sent there can be read on the way by others outside the local network.
    pub fn shows_keys(&self) -> bool {
        self.0.scheme() == "http" && !self.is_near()
    }

    /// Whether the URL itself holds a password.
    pub fn has_password(&self) -> bool {
        self.0.password().is_some()
    }

    /// Whether the host is this machine: requests then use no proxy, whatever the environment says.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| {
                let ip = ip.to_canonical();
                ip.is_loopback() || ip.is_unspecified()
            })
    }

    /// Whether the host is this machine or in a private network: judged by its address, or by a name that no public server has.
    fn is_near(&self) -> bool {
        let host = self.host();
        let is_private = |ip: IpAddr| match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [first, second, ..] = ip.octets();
                // The last one is the range for carriers and for VPNs between one's own machines.
                ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
            }
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        let is_private_name = || {
            let suffixes = [".local", ".lan", ".internal", ".home.arpa"];
            !host.contains('.') || suffixes.iter().any(|suffix| host.ends_with(suffix))
        };
        self.is_loopback()
            || match host.parse() {
                Ok(ip) => is_private(ip),
                Err(_) => is_private_name(),
            }
    }

    fn host(&self) -> String {
        let host = self.0.host_str().expect("checked when it was parsed");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.trim_end_matches('.').to_ascii_lowercase()
    }
}

/// Whether two base URLs have the same scheme, host and port, so that a key for one may be sent to the other.
pub fn is_same_server(one: &str, other: &str) -> bool {
    match (BaseUrl::parse(one), BaseUrl::parse(other)) {
        (Ok(one), Ok(other)) => one.0.origin() == other.0.origin(),
        _ => false,
    }
}

/// The URL for people: without user, password and query, which may be secrets.
pub(super) fn shown(url: &Url) -> String {
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{}://{host}{port}{path}", url.scheme())
}

/// The target of a redirect, if a request with a key may follow it: the same host and port, or `https` from `http` there.
pub(super) fn followed(from: &Url, location: &str) -> Option<Url> {
    let to = from.join(location).ok()?;
    let is_same =
        to.scheme() == from.scheme() && to.port_or_known_default() == from.port_or_known_default();
    let is_upgrade = from.scheme() == "http"
        && to.scheme() == "https"
        && (to.port().is_none() || to.port() == from.port());
    (to.host() == from.host() && (is_same || is_upgrade)).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BaseUrl {
        BaseUrl::parse(text).expect("a base URL")
    }

    fn completions(text: &str) -> Vec<String> {
        url(text)
            .completions()
            .into_iter()
            .map(String::from)
            .collect()
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for text in [
            "http://localhost:8080/v1",
            " http://localhost:8080/v1/ ",
            "http://localhost:8080/v1//",
            "http://localhost:8080/v1/chat/completions",
            "http://localhost:8080/v1/chat/completions/",
            "http://localhost:8080/v1/models",
            "localhost:8080/v1",
            "LOCALHOST:8080/v1#x",
        ] {
            assert_eq!(
                completions(text),
                ["http://localhost:8080/v1/chat/completions"],
                "{text}"
            );
            assert_eq!(url(text).shown(), "http://localhost:8080/v1");
        }
        for (text, first) in [
            ("localhost:8080", "http://localhost:8080/chat/completions"),
            (
                "192.168.0.7:8080",
                "http://192.168.0.7:8080/chat/completions",
            ),
            ("nas.local", "http://nas.local/chat/completions"),
            (
                "api.example.com",
                "https://api.example.com/chat/completions",
            ),
            (
                "http://api.example.com",
                "http://api.example.com/chat/completions",
            ),
        ] {
            let second = first.replace("/chat", "/v1/chat");
            assert_eq!(completions(text), [first.to_owned(), second], "{text}");
        }
    }

    #[test]
    fn a_query_goes_along_and_secrets_are_not_shown() {
        let url = url("https://me:pw-of-mine@example.com/api?key=123456");
        let completions: Vec<String> = url.completions().into_iter().map(String::from).collect();
        assert_eq!(
            completions,
            ["https://me:pw-of-mine@example.com/api/chat/completions?key=123456"]
        );
        assert_eq!(url.shown(), "https://example.com/api");
        assert_eq!(url.secrets(), ["123456", "pw-of-mine"]);
    }

    #[test]
    fn this_machine_is_recognised_and_so_is_a_key_that_could_be_read_on_the_way() {
        for (text, is_loopback, shows_keys) in [
            ("http://127.0.0.1:1", true, false),
            ("http://[::1]:1/v1", true, false),
            ("http://localhost", true, false),
            ("http://localhost.", true, false),
            ("http://0.0.0.0:8080", true, false),
            ("http://192.168.0.1", false, false),
            ("http://[fd00::1]", false, false),
            ("http://100.100.1.1", false, false),
            ("http://ollama:11434", false, false),
            ("http://nas.local", false, false),
            ("http://8.8.8.8", false, true),
            ("http://localhost.example.com", false, true),
            ("http://api.example.com/v1", false, true),
            ("https://api.example.com/v1", false, false),
        ] {
            assert_eq!(url(text).is_loopback(), is_loopback, "{text}");
            assert_eq!(url(text).shows_keys(), shows_keys, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "ftp://host/",
            "file:///tmp",
            "a model server",
            "javascript:alert(1)",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redirect_is_followed_on_the_same_host_alone() {
        for (from, location, to) in [
            ("http://h/v1/x", "/v2/x", Some("http://h/v2/x")),
            ("http://h/v1/x", "https://h/v1/x", Some("https://h/v1/x")),
            (
                "http://h:8080/x",
                "http://h:8080/y",
                Some("http://h:8080/y"),
            ),
            ("https://h/x", "http://h/x", None),
            ("http://h:8080/x", "http://h:9090/x", None),
            ("http://h/x", "https://h:9443/x", None),
            ("http://h/x", "http://other/x", None),
            ("http://h/x", "//other/x", None),
            ("https://h/x", "https://h.other/x", None),
        ] {
            let from = Url::parse(from).expect("a URL");
            assert_eq!(
                followed(&from, location).map(String::from).as_deref(),
                to,
                "{location}"
            );
        }
    }

    #[test]
    fn a_key_belongs_to_one_scheme_host_and_port() {
        let kept = "https://api.example.com/v1";
        for same in [
            "https://api.example.com",
            "https://API.example.com:443/v1/",
            "api.example.com",
        ] {
            assert!(is_same_server(kept, same), "{same}");
        }
        for other in [
            "http://api.example.com/v1",
            "https://api.example.com:8443/v1",
            "https://api.example.com.evil.example/v1",
            "https://evil.example/?https://api.example.com/v1",
            "no address",
        ] {
            assert!(!is_same_server(kept, other), "{other}");
        }
        assert!(!is_same_server("no address", "no address"));
    }
}
