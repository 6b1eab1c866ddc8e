//! Is it well?
use crate::answer::{self, Answer};
use crate::asked::Asked;
use axum::http::StatusCode;
use serde_json::json;
use workaday_core::explain::Problem;

pub fn live(_asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer::json(StatusCode::OK, &json!({"status": "ok"})))
}
pub fn ready(asked: &Asked<'_>) -> Result<Answer, Problem> {
    live(asked)
}
pub fn deep(asked: &Asked<'_>) -> Result<Answer, Problem> {
    live(asked)
}
