//! Error codes, the same in receipts, frames, HTTP responses and close reasons.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An error as a client receives it: branch on `code`, show `message` and `hint`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
#[error("{message}")]
pub struct ErrorBody {
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, http $http:literal, close $close:literal, $retry:ident;)*) => {
        /// Why something was refused. On the wire in snake_case.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
        #[ts(export)]
        pub enum ErrorCode { $($(#[$doc])* #[serde(rename = $text)] $variant,)* }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code's name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => error_codes!(@retry $retry),)* }
            }

            /// The HTTP status of a response with this code.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http,)* }
            }

            /// The WebSocket close code for this error. Several errors share a number.
            pub const fn close_code(self) -> u16 {
                match self { $(Self::$variant => $close,)* }
            }
        }
    };
    (@retry retry) => { true };
    (@retry final) => { false };
}

error_codes! {
    /// The frame or body does not follow the protocol.
    MalformedFrame = "malformed_frame", http 400, close 4400, final;
    /// More bytes than a named limit allows.
    TooLarge = "too_large", http 413, close 4413, final;
    /// The client speaks another protocol version.
    UnsupportedProtocol = "unsupported_protocol", http 400, close 4406, final;
    /// No token, or one that the hub does not know.
    Unauthenticated = "unauthenticated", http 401, close 4401, final;
    /// The token was revoked.
    Revoked = "revoked", http 401, close 4403, final;
    /// The token is valid but does not give access to this.
    Forbidden = "forbidden", http 403, close 4403, final;
    /// The log does not exist, or belongs to another account.
    LogNotFound = "log_not_found", http 404, close 4404, final;
    /// Too many requests in a short time.
    RateLimited = "rate_limited", http 429, close 4429, retry;
    /// The other side was silent for too long.
    HeartbeatMissed = "heartbeat_missed", http 408, close 4408, retry;
    /// The hub is stopping; try again in a moment.
    HubStopping = "hub_stopping", http 503, close 1012, retry;
    /// The log cannot be written right now.
    StorageUnavailable = "storage_unavailable", http 503, close 4503, retry;
    /// A fault in the hub.
    Internal = "internal", http 500, close 4500, retry;
    /// The Host or Origin header is not one that the hub serves.
    OriginRefused = "origin_refused", http 403, close 4403, final;
    /// The hub does not know the link code.
    LinkCodeUnknown = "link_code_unknown", http 404, close 4404, final;
    /// The link code is older than five minutes.
    LinkCodeExpired = "link_code_expired", http 410, close 4410, final;
    /// The link code was already used.
    LinkCodeUsed = "link_code_used", http 410, close 4410, final;
    /// The command id was already used with another body.
    CommandConflict = "command_conflict", http 409, close 4409, final;
    /// The command is not for this kind of log.
    WrongLog = "wrong_log", http 400, close 4400, final;
    /// A session with this id already exists.
    SessionExists = "session_exists", http 409, close 4409, final;
    SessionNotFound = "session_not_found", http 404, close 4404, final;
    /// A required text is empty.
    TextEmpty = "text_empty", http 400, close 4400, final;
    /// A text is longer than its limit.
    TextTooLong = "text_too_long", http 413, close 4413, final;
    /// The session's queue is full.
    QueueFull = "queue_full", http 429, close 4429, retry;
    /// No such prompt in this session.
    PromptNotFound = "prompt_not_found", http 404, close 4404, final;
    /// A run has already taken the prompt.
    PromptAlreadyTaken = "prompt_already_taken", http 409, close 4409, final;
    /// No such run in this session.
    RunNotFound = "run_not_found", http 404, close 4404, final;
    /// The run's state does not allow a retry.
    RunNotRetryable = "run_not_retryable", http 409, close 4409, final;
    /// The session is not idle, as the command requires: something runs or waits.
    SessionBusy = "session_busy", http 409, close 4409, retry;
    /// No such approval in this session.
    ApprovalNotFound = "approval_not_found", http 404, close 4404, final;
    /// Another answer came first, or the run that asked has ended.
    ApprovalAnswered = "approval_answered", http 409, close 4409, final;
    /// The answer names a different call from the one that waits.
    ApprovalMismatch = "approval_mismatch", http 409, close 4409, final;
    /// Another device is editing the prompt.
    PromptBeingEdited = "prompt_being_edited", http 409, close 4409, retry;
    /// Another device saved a newer draft.
    DraftConflict = "draft_conflict", http 409, close 4409, final;
    FolderNotFound = "folder_not_found", http 404, close 4404, final;
    /// No such standing approval.
    GrantNotFound = "grant_not_found", http 404, close 4404, final;
    /// More items of a kind than a named limit allows.
    TooMany = "too_many", http 429, close 4429, final;
    /// The writer's lease has ended, or another writer holds it.
    LeaseFenced = "lease_fenced", http 409, close 4409, final;
    /// The runner's producer count has a gap; it must resume from what the hub has.
    ProducerGap = "producer_gap", http 409, close 4409, retry;
    /// The batch does not continue what the session has of the other hub's log.
    ImportMismatch = "import_mismatch", http 409, close 4409, final;
    /// A write does not fit the run's state.
    InvalidRunWrite = "invalid_run_write", http 400, close 4400, final;
}

/// What a client does after the hub closed its connection, or refused to open one, with a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterClose {
    /// It reconnects on its own, later.
    ConnectAgain,
    /// It reconnects, but does not resend what it sent last: the hub would refuse that every time.
    SetAside,
    /// It waits until a person acts.
    StayAway,
}

impl ErrorCode {
    /// What a client does after a close, or a refused upgrade, with this code. Devices, runners and tools all use this classification.
    pub const fn after_close(self) -> AfterClose {
        match self {
            Self::UnsupportedProtocol
            | Self::Unauthenticated
            | Self::Revoked
            | Self::Forbidden
            | Self::OriginRefused
            | Self::LinkCodeUnknown
            | Self::LinkCodeExpired
            | Self::LinkCodeUsed
            // Another process uses the same token: if both reconnected, they would displace each other endlessly.
            | Self::LeaseFenced => AfterClose::StayAway,
            Self::MalformedFrame
            | Self::TooLarge
            | Self::WrongLog
            | Self::TextEmpty
            | Self::TextTooLong
            | Self::CommandConflict
            | Self::InvalidRunWrite
            | Self::ImportMismatch
            | Self::TooMany => AfterClose::SetAside,
            Self::LogNotFound
            | Self::RateLimited
            | Self::HeartbeatMissed
            | Self::HubStopping
            | Self::StorageUnavailable
            | Self::Internal
            | Self::SessionExists
            | Self::SessionNotFound
            | Self::QueueFull
            | Self::PromptNotFound
            | Self::PromptAlreadyTaken
            | Self::RunNotFound
            | Self::RunNotRetryable
            | Self::SessionBusy
            | Self::ApprovalNotFound
            | Self::ApprovalAnswered
            | Self::ApprovalMismatch
            | Self::PromptBeingEdited
            | Self::DraftConflict
            | Self::FolderNotFound
            | Self::GrantNotFound
            | Self::ProducerGap => AfterClose::ConnectAgain,
        }
    }

    /// The code of a WebSocket close: the word before the colon in a reason `code: message`, else the first code with that number.
    pub fn of_close(number: u16, reason: &str) -> Option<Self> {
        let word = reason.split_once(':').map_or(reason, |(word, _)| word);
        let named = || Self::ALL.iter().find(|code| code.as_str() == word);
        let numbered = || Self::ALL.iter().find(|code| code.close_code() == number);
        named().or_else(numbered).copied()
    }

    /// Makes an error body from the code, a message and a hint.
    pub fn with(self, message: impl Into<String>, hint: impl Into<String>) -> ErrorBody {
        ErrorBody {
            code: self,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_may_succeed_later_never_keeps_a_client_away_or_costs_what_it_sent() {
        for code in ErrorCode::ALL {
            let is_later = code.after_close() == AfterClose::ConnectAgain;
            assert!(!code.is_retryable() || is_later, "{}", code.as_str());
        }
    }

    #[test]
    fn a_close_is_known_by_its_word_and_else_by_its_number() {
        let of = ErrorCode::of_close;
        assert_eq!(
            of(4409, "lease_fenced: another one"),
            Some(ErrorCode::LeaseFenced)
        );
        assert_eq!(of(4413, "no word of ours"), Some(ErrorCode::TooLarge));
        assert_eq!(of(4400, ""), Some(ErrorCode::MalformedFrame));
        assert_eq!(of(1000, ""), None);
    }
}
