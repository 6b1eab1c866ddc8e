//! The HTTP API, version 1.
use crate::answer::{self, Answer};
use crate::asked::Asked;
use crate::routes::Route;
use workaday_core::explain::Problem;
pub const ROUTES: &[Route] = &[];

pub fn document(_asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer::json(axum::http::StatusCode::OK, &serde_json::json!({"openapi": "3.1.0"})))
}

/// What a token may be narrowed to. `all` is every one of them.
pub const SCOPES: [&str; 9] = ["all", "read", "metrics", "enqueue", "jobs", "tasks", "queues", "schedules", "alerts"];
