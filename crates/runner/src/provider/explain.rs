//! What went wrong with a model, in words for the person who asked, and without the key.

use std::error::Error as _;
use std::sync::Arc;

use genai::webc::StreamTimeout;
use serde_json::Value;

use super::{ReadModelError, StartModelError};
use crate::limits;

/// Knows whom the errors are about.
#[derive(Clone)]
pub(super) struct Explainer {
    server: String,
    model: String,
    api_key: Option<Arc<str>>,
}

impl Explainer {
    pub fn new(server: String, model: String, api_key: Option<Arc<str>>) -> Self {
        Self {
            server,
            model,
            api_key,
        }
    }

    /// Before the first piece of the answer.
    pub fn start(&self, error: &genai::Error) -> StartModelError {
        let server = self.server.clone();
        let Some((status, body)) = http_refusal(error) else {
            return match transport(error) {
                Transport::NotConnected => StartModelError::Unreachable { server },
                Transport::Silent => StartModelError::Silent {
                    server,
                    minutes: silence_minutes(),
                },
                Transport::Cut | Transport::None => StartModelError::Broken(self.read(error)),
            };
        };
        let said = self.said(body);
        match status {
            401 | 403 => StartModelError::KeyRefused { server, status },
            404 => StartModelError::ModelUnknown {
                server,
                model: self.model.clone(),
                said,
            },
            429 => StartModelError::RateLimited { server, said },
            _ => StartModelError::Refused {
                server,
                status,
                said,
            },
        }
    }

    /// In the middle of the answer.
    pub fn read(&self, error: &genai::Error) -> ReadModelError {
        let server = self.server.clone();
        match (error, transport(error)) {
            (_, Transport::Silent) => ReadModelError::Silent {
                server,
                minutes: silence_minutes(),
            },
            (_, Transport::Cut | Transport::NotConnected) => ReadModelError::Cut { server },
            (genai::Error::ChatResponse { body, .. }, _) => ReadModelError::Reported {
                server,
                said: self.said_value(body),
            },
            _ => ReadModelError::Unreadable { server },
        }
    }

    /// The answer ended without its end marker.
    pub fn cut(&self) -> ReadModelError {
        ReadModelError::Cut {
            server: self.server.clone(),
        }
    }

    /// The answer ended before it began.
    pub fn unreadable(&self) -> StartModelError {
        StartModelError::Unreadable {
            server: self.server.clone(),
        }
    }

    fn said(&self, body: &str) -> String {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => self.said_value(&value),
            // A page of HTML helps nobody.
            Err(_) => String::new(),
        }
    }

    /// `: …`, or nothing.
    fn said_value(&self, body: &Value) -> String {
        let places = [
            body.pointer("/error/message"),
            body.get("message"),
            body.get("error"),
            body.get("detail"),
            Some(body),
        ];
        let Some(message) = places.into_iter().flatten().find_map(Value::as_str) else {
            return String::new();
        };
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match &self.api_key {
            Some(key) => line.replace(&**key, "[key]"),
            None => line,
        };
        let short: String = line.chars().take(limits::MODEL_MESSAGE_CHARS_MAX).collect();
        if short.is_empty() {
            short
        } else {
            format!(": {short}")
        }
    }
}

fn silence_minutes() -> u64 {
    limits::MODEL_SILENCE_MS_MAX / 60_000
}

/// The status and the body of an HTTP answer that was no success.
fn http_refusal(error: &genai::Error) -> Option<(u16, &str)> {
    match error {
        genai::Error::HttpError { status, body, .. } => Some((status.as_u16(), body)),
        genai::Error::WebStream { error, .. } => {
            http_refusal(error.downcast_ref::<genai::Error>()?)
        }
        _ => None,
    }
}

enum Transport {
    None,
    NotConnected,
    Silent,
    Cut,
}

fn transport(error: &genai::Error) -> Transport {
    let genai::Error::WebStream { error, .. } = error else {
        return Transport::None;
    };
    if error.downcast_ref::<StreamTimeout>().is_some() {
        return Transport::Silent;
    }
    match error.downcast_ref::<reqwest::Error>() {
        Some(error) if error.is_connect() => Transport::NotConnected,
        Some(error) if error.is_timeout() => Transport::Silent,
        Some(error)
            if error.is_body()
                || error.is_decode()
                || error.is_request()
                || error.source().is_some() =>
        {
            Transport::Cut
        }
        _ => Transport::None,
    }
}
