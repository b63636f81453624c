//! The address of an OpenAI-compatible API, as people write it.

use reqwest::Url;

/// The text is no address of an API.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a base URL: write something like `http://127.0.0.1:8080/v1`")]
pub struct ParseBaseUrlError(String);

/// A base URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BaseUrl(Url);

impl BaseUrl {
    pub fn parse(text: &str) -> Result<Self, ParseBaseUrlError> {
        let refuse = || ParseBaseUrlError(text.to_owned());
        let mut url = Url::parse(text.trim()).map_err(|_| refuse())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refuse());
        }
        // Joining replaces what stands behind the last slash.
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Where completions are asked for.
    pub fn completions(&self) -> String {
        let mut url = self
            .0
            .join("chat/completions")
            .expect("a relative path joins a base with a host");
        url.set_query(self.0.query());
        url.to_string()
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// For people: without user, password and query, which may be secrets.
    pub fn shown(&self) -> String {
        let port = self
            .0
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let host = self.0.host_str().expect("checked when it was parsed");
        format!(
            "{}://{host}{port}{}",
            self.0.scheme(),
            self.0.path().trim_end_matches('/')
        )
    }

    /// Whether it is on this machine: no proxy stands in between then, whatever the environment says.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().expect("checked when it was parsed");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BaseUrl {
        BaseUrl::parse(text).expect("a base URL")
    }

    #[test]
    fn the_path_is_kept_with_and_without_a_slash() {
        for text in ["http://localhost:8080/v1", "http://localhost:8080/v1/"] {
            assert_eq!(
                url(text).completions(),
                "http://localhost:8080/v1/chat/completions"
            );
            assert_eq!(url(text).shown(), "http://localhost:8080/v1");
        }
        assert_eq!(
            url("https://example.com").completions(),
            "https://example.com/chat/completions"
        );
    }

    #[test]
    fn a_query_goes_along_and_secrets_are_not_shown() {
        let url = url("https://me:pw@example.com/api?key=1");
        assert_eq!(
            url.completions(),
            "https://me:pw@example.com/api/chat/completions?key=1"
        );
        assert_eq!(url.shown(), "https://example.com/api");
    }

    #[test]
    fn this_machine_is_recognised() {
        for (text, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost", true),
            ("http://192.168.0.1", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(url(text).is_loopback(), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "localhost:8080", "ftp://host/", "file:///tmp"] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
