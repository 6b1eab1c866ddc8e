//! Answers: documents, JSON, problems, ways back. A problem is told in the same words as everywhere.

use crate::frame;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use std::time::Duration;
use workaday_core::explain::{Problem, RetryAdvice};

pub type Answer = Response<Body>;

pub const HTML: &str = "text/html; charset=utf-8";
pub const JSON: &str = "application/json; charset=utf-8";
pub const PROBLEM_JSON: &str = "application/problem+json; charset=utf-8";

pub fn text(status: StatusCode, content_type: &str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(content_type) {
        answer.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    answer
}

pub fn html(status: StatusCode, document: String) -> Answer {
    text(status, HTML, document)
}

pub fn json(status: StatusCode, value: &Value) -> Answer {
    text(status, JSON, value.to_string())
}

/// After an act: GET this.
pub fn see_other(path: &str) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    // A path that is no header value cannot be one of ours.
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::LOCATION, location);
    answer
}

pub fn with_cookie(mut answer: Answer, cookie: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}

/// The status of a problem, by the area and kind of its code.
pub fn status(problem: &Problem) -> StatusCode {
    let (area, what) = problem.code.split_once('.').unwrap_or((&problem.code, ""));
    match (area, what) {
        ("web", "not_found" | "no_such_page" | "release_unknown") => StatusCode::NOT_FOUND,
        ("web", "method_unknown") => StatusCode::METHOD_NOT_ALLOWED,
        ("web", "host_unknown") => StatusCode::MISDIRECTED_REQUEST,
        ("web", "login_needed" | "login_failed") => StatusCode::UNAUTHORIZED,
        ("web", "role_too_low" | "scope_missing" | "foreign_origin") => StatusCode::FORBIDDEN,
        ("web", "too_large") => StatusCode::PAYLOAD_TOO_LARGE,
        ("web", "too_slow") => StatusCode::REQUEST_TIMEOUT,
        ("web", "too_many") => StatusCode::TOO_MANY_REQUESTS,
        ("web", "too_busy") => StatusCode::SERVICE_UNAVAILABLE,
        ("web", "content_type") => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ("web", "request_invalid") => StatusCode::BAD_REQUEST,
        ("web", "undo_too_late" | "batch_too_large") => StatusCode::CONFLICT,
        ("web", "value_invalid") | ("args" | "usage" | "cron", _) => StatusCode::UNPROCESSABLE_ENTITY,
        ("job", "id_invalid" | "id_ambiguous") => StatusCode::UNPROCESSABLE_ENTITY,
        ("store", "busy" | "full" | "missing" | "older_schema" | "newer_schema") => StatusCode::SERVICE_UNAVAILABLE,
        (_, "not_found" | "unknown" | "no_such_tick") => StatusCode::NOT_FOUND,
        (_, "unique_taken" | "id_taken" | "state_refuses" | "moved_on" | "absent" | "broken" | "exists" | "held") => StatusCode::CONFLICT,
        (_, "invalid" | "value" | "where_invalid" | "option_invalid" | "target_unclear") => StatusCode::UNPROCESSABLE_ENTITY,
        _ if problem.retry == RetryAdvice::SafeAfterFix => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem, for a person or for a program. `id` is in the log beside what is not said here.
pub fn problem(problem: &Problem, for_people: bool, id: &str) -> Answer {
    let status = status(problem);
    if for_people {
        return html(status, frame::problem(problem, status, id));
    }
    let mut value = problem.to_json();
    value["status"] = status.as_u16().into();
    value["id"] = id.into();
    let mut answer = text(status, PROBLEM_JSON, value.to_string());
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// With the time after which another try has a chance, in whole seconds.
pub fn after(mut answer: Answer, wait: Duration) -> Answer {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    answer
}

/// Eight digits by which the log finds a request.
pub fn request_id() -> String {
    let mut bytes = [0_u8; 4];
    // An id of zeros in a log is no harm.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value in a request that does not read.
pub fn invalid(what: impl Into<String>, expected: impl Into<String>) -> Problem {
    Problem::new("web.value_invalid", what)
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe after the value is fixed; nothing was changed")
}
