//! Explains to the person who asked what went wrong with a model, without revealing the key.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::redact::redacted;
use super::stream::{StreamFault, words};
use super::{ModelEnd, ReadModelError, StartModelError};
use crate::limits;

/// Knows the server and model that the errors are about, and which words are secret.
#[derive(Clone)]
pub(super) struct Explainer {
    pub server: String,
    pub model: String,
    pub secrets: Vec<String>,
}

/// An HTTP response without success.
pub(super) struct Refusal {
    pub status: u16,
    pub after: Option<Duration>,
    /// Possibly only its beginning.
    pub body: String,
}

impl Explainer {
    /// The server answered with an error status.
    pub fn refusal(&self, refusal: &Refusal) -> StartModelError {
        let server = self.server.clone();
        let said = self.said(&words::of_body(&refusal.body));
        let after = refusal.after;
        match refusal.status {
            400 | 422 if refusal.body.contains("stream_options") => {
                StartModelError::OptionRefused { server, said }
            }
            status @ 401 => StartModelError::KeyRefused {
                server,
                status,
                said,
            },
            403 => StartModelError::Forbidden { server, said },
            404 => StartModelError::ModelUnknown {
                server,
                model: self.model.clone(),
                said,
            },
            429 if refusal.body.contains("insufficient_quota") => {
                StartModelError::NoCredit { server, said }
            }
            429 => StartModelError::RateLimited {
                server,
                said,
                after,
            },
            status => StartModelError::Refused {
                server,
                status,
                said,
                after,
            },
        }
    }

    /// The request could not be sent, or got no response.
    pub fn not_sent(&self, error: &reqwest::Error) -> StartModelError {
        let server = self.server.clone();
        if let Some(said) = certificate_problem(error) {
            let said = self.said(&said);
            return StartModelError::Untrusted { server, said };
        }
        match error.is_connect() {
            true => StartModelError::Unreachable { server },
            false => StartModelError::Closed { server },
        }
    }

    /// The server sent nothing for too long, before the first piece.
    pub fn silent(&self) -> StartModelError {
        StartModelError::Silent {
            server: self.server.clone(),
            minutes: silence_minutes(),
        }
    }

    /// The server redirects to another host.
    pub fn elsewhere(&self, to: String) -> StartModelError {
        let server = self.server.clone();
        StartModelError::Elsewhere { server, to }
    }

    /// Explains a fault before the first piece of the answer.
    pub fn start(&self, fault: StreamFault) -> StartModelError {
        match fault {
            StreamFault::Unreadable { words } => StartModelError::Unreadable {
                server: self.server.clone(),
                said: self.said(&words),
            },
            fault => StartModelError::Broken(self.read(fault)),
        }
    }

    /// Explains a fault in the middle of the answer, or at its end.
    pub fn read(&self, fault: StreamFault) -> ReadModelError {
        let server = self.server.clone();
        match fault {
            StreamFault::Reported { words, status } => ReadModelError::Reported {
                server,
                said: self.said(&words),
                status,
            },
            StreamFault::Cut { words } => ReadModelError::Cut {
                server,
                said: self.said(&words),
            },
            StreamFault::Empty { end, words } => ReadModelError::Empty {
                server,
                why: match end {
                    ModelEnd::Whole => "",
                    ModelEnd::LengthLimit => ": it reached the length limit at once",
                    ModelEnd::ContentFilter => ": its content filter held everything back",
                    ModelEnd::Refusal => ": it declined",
                },
                said: self.said(&words),
            },
            StreamFault::ToolCalled { tool } => ReadModelError::ToolCalled {
                server,
                tool: match tool.is_empty() {
                    true => tool,
                    false => format!(" (`{}`)", self.shown(&tool)),
                },
            },
            StreamFault::Unreadable { words } => ReadModelError::Unreadable {
                server,
                said: self.said(&words),
            },
            StreamFault::TooLong => ReadModelError::TooLong { server },
        }
    }

    /// The server stopped sending in the middle of an answer.
    pub fn silent_in_the_middle(&self) -> ReadModelError {
        ReadModelError::Silent {
            server: self.server.clone(),
            minutes: silence_minutes(),
        }
    }

    /// `: …`, or empty.
    fn said(&self, words: &str) -> String {
        match self.shown(words) {
            words if words.is_empty() => words,
            words => format!(": {words}"),
        }
    }

    /// The words on one line, without keys and cut to a maximum length.
    fn shown(&self, words: &str) -> String {
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = redacted(&line, &self.secrets);
        line.chars()
            .filter(|char| !char.is_control())
            .take(limits::MODEL_MESSAGE_CHARS_MAX)
            .collect()
    }
}

fn silence_minutes() -> u64 {
    limits::MODEL_SILENCE_MS_MAX / 60_000
}

/// How long a server asks to wait: given in milliseconds, in seconds or as a date. A date is compared with the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |value: &reqwest::header::HeaderValue| Some(value.to_str().ok()?.trim().to_owned());
    let milliseconds = headers.get("retry-after-ms").and_then(text);
    if let Some(milliseconds) = milliseconds.and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1_000.0).ok();
    }
    let after = headers.get(RETRY_AFTER).and_then(text)?;
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(&after).ok()?;
    let date = headers.get(DATE).and_then(text);
    let now = date.and_then(|date| httpdate::parse_http_date(&date).ok());
    let now = now.unwrap_or_else(SystemTime::now);
    Some(at.duration_since(now).unwrap_or_default())
}

/// What the TLS library says about a certificate that it does not accept.
fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        cause = error.source();
        if cause.is_none() && words.to_ascii_lowercase().contains("certificate") {
            return Some(words);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_pause_is_read_in_every_form() {
        let after = |fields: &[(&'static str, &str)]| {
            let field = |(name, value): &(&'static str, &str)| {
                (
                    name.parse().expect("a name"),
                    value.parse().expect("a value"),
                )
            };
            retry_after(&fields.iter().map(field).collect::<HeaderMap>())
        };
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[("retry-after", "soon")]), None);
        assert_eq!(after(&[("retry-after", "-1")]), None);
        assert_eq!(
            after(&[("retry-after", " 7 ")]),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            after(&[("retry-after", "1.5")]),
            Some(Duration::from_millis(1_500))
        );
        let ms = [("retry-after-ms", "250"), ("retry-after", "1")];
        assert_eq!(after(&ms), Some(Duration::from_millis(250)));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(after(&[date, later]), Some(Duration::from_secs(30)));
        assert_eq!(after(&[later]), Some(Duration::ZERO));
    }
}
