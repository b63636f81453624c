//! An error as an HTTP answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use baton_protocol::{ErrorBody, ErrorCode};

/// The error's own status, and the error as JSON.
pub struct Refusal(pub ErrorBody);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = StatusCode::from_u16(error.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = error.code;
        let mut response = (status, Json(error)).into_response();
        if code == ErrorCode::Unauthenticated {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if code == ErrorCode::RateLimited {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The hub stops before it can do what was asked.
pub fn stopping() -> Refusal {
    Refusal(ErrorCode::HubStopping.with("the hub is stopping", "come back in a moment"))
}
