//! What one attempt did besides running, as its child counted it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Statements told of one attempt at most.
const STATEMENTS_MAX: usize = 8;
/// Characters of a statement kept.
const STATEMENT_CHARS_MAX: usize = 500;

/// The body of the wire's frame 9, and JSON in the attempt's row. What is left out is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    #[serde(skip_serializing_if = "is_zero")]
    pub db_calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub db_us: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub http_calls: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub http_us: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_hits: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_misses: u64,
    /// Statements, literals stripped, that this one attempt called ten times or more: suspects of an N+1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub statements: BTreeMap<String, u64>,
    /// The result is not what `expects=` says: why. Has a column of its own in the row.
    #[serde(skip_serializing)]
    pub unexpected: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Evidence {
    /// From the frame. What cannot be read is no evidence; nothing of the outcome depends on it.
    pub fn read(json: &str) -> Option<Evidence> {
        let mut evidence: Evidence = serde_json::from_str(json).ok()?;
        while evidence.statements.len() > STATEMENTS_MAX {
            evidence.statements.pop_last();
        }
        evidence.statements =
            evidence.statements.into_iter().map(|(text, calls)| (text.chars().take(STATEMENT_CHARS_MAX).collect(), calls)).collect();
        Some(evidence)
    }

    /// For the attempt's row; `None` when nothing was counted.
    pub fn json(&self) -> Option<String> {
        let text = serde_json::to_string(self).ok()?;
        (text != "{}").then_some(text)
    }
}
