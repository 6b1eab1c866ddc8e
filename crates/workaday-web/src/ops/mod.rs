//! What can be done, once: forms of pages and the API ask for the same acts in the same words.
//!
//! Every act is one synced transaction with its line in the audit: who, and why.

pub mod batch;
pub mod jobs;
pub mod schedules;
pub mod switches;

use crate::asked::Asked;
use crate::fields::Fields;
use axum::http::StatusCode;
use serde_json::Value;
use workaday_core::explain::Problem;

/// What became of an act: one sentence for people, a document for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub said: String,
    pub document: Value,
    pub status: StatusCode,
}

impl Done {
    pub fn new(said: impl Into<String>, document: Value) -> Self {
        Self { said: said.into(), document, status: StatusCode::OK }
    }
}

/// One act.
pub type Op = fn(&Asked<'_>, &Fields) -> Result<Done, Problem>;

/// `1 job`, `37 jobs`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}
