//! One endpoint over HTTP: proxies, redirects, and addresses that lack their `/v1`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use super::endpoint::{BaseUrl, followed, shown};
use super::explain::{Refusal, retry_after};
use crate::limits;

/// One redirect is usual: from `http` to `https`, or to a path with a slash.
const REDIRECTS_MAX: usize = 3;

/// Why a request got no answer.
pub(super) enum SendError {
    Http(reqwest::Error),
    Silent,
    /// The server redirects to a host that must not get the request.
    Elsewhere(String),
}

/// Sends requests to one endpoint.
pub(super) struct Http {
    client: Client,
    authorization: Option<HeaderValue>,
    /// Index of the URL, among those to try, that the server has answered with success.
    reading: AtomicUsize,
}

impl Http {
    pub fn new(base: &BaseUrl, authorization: Option<HeaderValue>) -> Self {
        let mut client = Client::builder()
            .connect_timeout(Duration::from_millis(limits::MODEL_CONNECT_MS_MAX))
            .tcp_nodelay(true)
            // Redirects that are followed carry the key, so `send` follows them.
            .redirect(reqwest::redirect::Policy::none())
            // One request means one request, even if a server closes an idle connection at that moment.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never());
        if base.is_loopback() {
            client = client.no_proxy();
        }
        Self {
            client: client
                .build()
                .expect("an HTTP client with these options can be built"),
            authorization,
            reading: AtomicUsize::new(0),
        }
    }

    /// Sends a request to the first of these URLs that leads to an API. `make` builds the request without its key.
    pub async fn send(
        &self,
        urls: &[Url],
        limit: Duration,
        make: impl Fn(&Client, Url) -> RequestBuilder,
    ) -> Result<Response, SendError> {
        let first = self.reading.load(Ordering::Relaxed).min(urls.len() - 1);
        for (reading, url) in urls.iter().enumerate().skip(first) {
            let response = self.send_to(url.clone(), limit, &make).await?;
            if reading + 1 < urls.len() && is_no_api(&response) {
                continue;
            }
            if response.status().is_success() {
                self.reading.store(reading, Ordering::Relaxed);
            }
            return Ok(response);
        }
        unreachable!("the last address is always answered for")
    }

    async fn send_to(
        &self,
        mut url: Url,
        limit: Duration,
        make: &impl Fn(&Client, Url) -> RequestBuilder,
    ) -> Result<Response, SendError> {
        for _ in 0..=REDIRECTS_MAX {
            let mut request = make(&self.client, url.clone());
            if let Some(authorization) = &self.authorization {
                request = request.header(reqwest::header::AUTHORIZATION, authorization.clone());
            }
            let response = tokio::time::timeout(limit, request.send()).await;
            let response = response
                .map_err(|_| SendError::Silent)?
                .map_err(SendError::Http)?;
            let Some(location) = redirect(&response) else {
                return Ok(response);
            };
            url = followed(&url, &location).ok_or_else(|| {
                SendError::Elsewhere(match url.join(&location) {
                    Ok(to) => shown(&to),
                    Err(_) => "another address".to_owned(),
                })
            })?;
        }
        Err(SendError::Elsewhere("more and more addresses".to_owned()))
    }
}

/// The target of a redirect that repeats the request.
fn redirect(response: &Response) -> Option<String> {
    let moved = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !moved.contains(&response.status()) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    Some(location.to_owned())
}

/// Whether the URL seems not to lead to an API: the response is a page, or says that nothing is there.
fn is_no_api(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_absent = matches!(response.status().as_u16(), 404 | 405);
    is_absent || (is_page && response.status().is_success())
}

/// Reads the body of a refusal, up to a bound in size and time.
pub(super) async fn refusal(mut response: Response) -> Refusal {
    let status = response.status().as_u16();
    let after = retry_after(response.headers());
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            let room = limits::MODEL_REFUSAL_BYTES_MAX - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() == limits::MODEL_REFUSAL_BYTES_MAX {
                return;
            }
        }
    };
    let limit = Duration::from_millis(limits::MODEL_REFUSAL_MS_MAX);
    // After a timeout, keeps what came in time.
    let _ = tokio::time::timeout(limit, reading).await;
    Refusal {
        status,
        after,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
