//! Why there is no answer, or only a part of one, in words for the person who asked. The words never contain a key.

use std::time::Duration;

/// A server that asks for a longer pause than this is not retried: the message tells the person when to come back.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Why there is no answer. `server` is the base URL without secrets; `said` is what the server says, after a colon, or empty.
#[derive(Debug, thiserror::Error)]
pub enum StartModelError {
    /// The server refuses connections, has no address, or accepts none in time.
    #[error("the model server at {server} does not answer: is it running?")]
    Unreachable { server: String },
    /// This computer does not trust the server's certificate.
    #[error(
        "the model server at {server} has a certificate that this computer does not trust{said}"
    )]
    Untrusted { server: String, said: String },
    /// The server took the request and sent nothing.
    #[error("the model server at {server} was silent for {minutes} minutes")]
    Silent { server: String, minutes: u64 },
    /// The connection ended before there was an answer.
    #[error("the model server at {server} closed the connection before it answered")]
    Closed { server: String },
    /// The server redirects requests to another host, which must not get the key.
    #[error(
        "the model server at {server} sends requests on to {to}: enter that address in the settings if it is the right one"
    )]
    Elsewhere { server: String, to: String },
    /// The key is missing or wrong.
    #[error(
        "the model server at {server} does not accept the API key (HTTP {status}): check it in the settings{said}"
    )]
    KeyRefused {
        server: String,
        status: u16,
        said: String,
    },
    /// The server knows the caller and forbids the request.
    #[error(
        "the model server at {server} does not allow this (HTTP 403): check what the API key may do{said}"
    )]
    Forbidden { server: String, said: String },
    /// The server has no such model, or the URL does not lead to an API.
    #[error(
        "the model server at {server} knows no model `{model}` (HTTP 404): check the model's name and the base URL{said}"
    )]
    ModelUnknown {
        server: String,
        model: String,
        said: String,
    },
    /// Too many requests, or the credit is used up. `after` is the server's `Retry-After`.
    #[error(
        "the model server at {server} takes no more requests for now (HTTP 429): wait {} and retry{said}",
        pause(*after)
    )]
    RateLimited {
        server: String,
        said: String,
        after: Option<Duration>,
    },
    /// The credit is used up: waiting does not help.
    #[error("the model server at {server} has no credit left for this API key (HTTP 429){said}")]
    NoCredit { server: String, said: String },
    /// Any other refusal. `after` is the server's `Retry-After`.
    #[error("the model server at {server} refused the request (HTTP {status}){said}{}", come_back(*after))]
    Refused {
        server: String,
        status: u16,
        said: String,
        after: Option<Duration>,
    },
    /// The server refuses an optional field of the request. The provider leaves it out from now on.
    #[error("the model server at {server} refused an option of the request{said}")]
    OptionRefused { server: String, said: String },
    /// Something other than an answer came back.
    #[error(
        "the model server at {server} gave no answer that can be read: is the base URL right?{said}"
    )]
    Unreadable { server: String, said: String },
    /// The answer began with an error.
    #[error(transparent)]
    Broken(#[from] ReadModelError),
}

impl StartModelError {
    /// Whether and when to retry. `None` if the same request would fail again, if the server asks for a pause beyond
    /// [`RETRY_AFTER_MAX`], and after minutes of silence: a slow machine would begin again with the same prompt.
    pub fn retry(&self) -> Option<RetryAdvice> {
        let (why, after) = match self {
            Self::Unreachable { .. } => (RetryReason::Unreachable, None),
            Self::RateLimited { after, .. } => (RetryReason::Busy, *after),
            Self::Refused { status, after, .. } if is_busy(*status) => (RetryReason::Busy, *after),
            Self::Broken(ReadModelError::Reported {
                status: Some(status),
                ..
            }) if is_busy(*status) => (RetryReason::Busy, None),
            Self::OptionRefused { .. } => (RetryReason::OptionRefused, Some(Duration::ZERO)),
            _ => return None,
        };
        let is_soon = after.is_none_or(|after| after <= RETRY_AFTER_MAX);
        is_soon.then_some(RetryAdvice { after, why })
    }
}

/// Whether a status says that the same request may succeed later.
fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// How to retry a call that gave nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryAdvice {
    /// How long the server asks to wait (`Retry-After`), at most [`RETRY_AFTER_MAX`]. `None` if it does not say.
    pub after: Option<Duration>,
    pub why: RetryReason,
}

/// Why a retry of a call may succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryReason {
    /// The server says that it cannot answer now.
    Busy,
    /// The server refuses connections, or cannot be reached.
    Unreachable,
    /// The server refused an optional field of the request. The provider leaves it out from now on: ask again at once.
    OptionRefused,
}

/// Why an answer broke off. `server` and `said` are those of [`StartModelError`].
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The connection ended before the end of the answer.
    #[error("the model server at {server} broke off in the middle of the answer{said}")]
    Cut { server: String, said: String },
    /// The server was silent for too long.
    #[error(
        "the model server at {server} was silent for {minutes} minutes in the middle of the answer"
    )]
    Silent { server: String, minutes: u64 },
    /// The server reported an error in the stream, possibly with an HTTP status.
    #[error("the model server at {server} reported an error{said}")]
    Reported {
        server: String,
        said: String,
        status: Option<u16>,
    },
    /// The answer ended and was empty. `why` says what is known about the reason.
    #[error("the model at {server} gave an answer without any text{why}{said}")]
    Empty {
        server: String,
        why: &'static str,
        said: String,
    },
    /// The model called a tool instead of answering.
    #[error("the model at {server} called a tool{tool}, and this agent has none")]
    ToolCalled { server: String, tool: String },
    /// The server sent something that the API does not define.
    #[error("the model server at {server} sent something that cannot be read{said}")]
    Unreadable { server: String, said: String },
    /// One piece exceeds the reader's limit.
    #[error("the model server at {server} sent a piece of more than 8 MiB")]
    TooLong { server: String },
}

/// `a little`, or a number of seconds, minutes or hours.
fn pause(after: Option<Duration>) -> String {
    let Some(after) = after else {
        return "a little".to_owned();
    };
    let seconds = after.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// When to come back, if the pause is too long for this run to wait.
fn come_back(after: Option<Duration>) -> String {
    match after.filter(|after| *after > RETRY_AFTER_MAX) {
        Some(after) => format!(": retry in {}", pause(Some(after))),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, after: Option<u64>) -> StartModelError {
        StartModelError::Refused {
            server: "s".to_owned(),
            status,
            said: String::new(),
            after: after.map(Duration::from_secs),
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [408, 429, 500, 502, 503, 529] {
            let advice = refused(status, Some(3)).retry().expect("a retry");
            assert_eq!(
                (advice.after, advice.why),
                (Some(Duration::from_secs(3)), RetryReason::Busy)
            );
        }
        for status in [400, 402, 404, 413, 422] {
            assert_eq!(refused(status, None).retry(), None, "{status}");
        }
        let reported = |status| {
            StartModelError::Broken(ReadModelError::Reported {
                server: String::new(),
                said: String::new(),
                status,
            })
        };
        assert!(reported(Some(503)).retry().is_some());
        assert!(reported(Some(400)).retry().is_none() && reported(None).retry().is_none());
    }

    #[test]
    fn a_pause_beyond_a_minute_ends_the_run_and_is_said() {
        assert!(refused(503, Some(60)).retry().is_some());
        assert_eq!(refused(503, Some(61)).retry(), None);
        let text = refused(503, Some(600)).to_string();
        assert!(text.ends_with("(HTTP 503): retry in 10 minutes"), "{text}");
        for (seconds, words) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (121, "3 minutes"),
            (86_400, "24 hours"),
        ] {
            assert_eq!(pause(Some(Duration::from_secs(seconds))), words);
        }
    }
}
