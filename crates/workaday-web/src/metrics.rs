//! For Prometheus.
use crate::answer::{self, Answer};
use crate::asked::Asked;
use axum::http::StatusCode;
use workaday_core::explain::Problem;

pub fn scrape(_asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer::text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", ""))
}
