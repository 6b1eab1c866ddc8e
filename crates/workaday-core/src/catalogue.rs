//! What a task says of itself: the entry that a child states at its start and the store keeps.

use crate::clock::Length;
use crate::job::Lane;
use crate::retry::RetryPolicy;
use crate::schedule::ScheduleEntry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a task is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    Sync,
    Async,
    Command,
}

/// One task of the catalogue. Unknown fields are kept by the store's JSON, not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskEntry {
    pub name: String,
    pub kind: TaskKind,
    #[serde(default = "default_queue")]
    pub queue: String,
    #[serde(default)]
    pub priority: i32,
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Stop after this long; `None` = never by itself.
    #[serde(default)]
    pub timeout_us: Option<i64>,
    /// Stop above this resident size; its jobs then run alone in a process.
    #[serde(default)]
    pub memory_bytes: Option<i64>,
    #[serde(default)]
    pub at_most_once: bool,
    /// May it run twice? `None` = the owner has not said.
    #[serde(default)]
    pub retry_safe: Option<bool>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub expects: Option<String>,
    /// From being due to being done; later is `unexpected`.
    #[serde(default)]
    pub expects_within_us: Option<i64>,
    #[serde(default)]
    pub rollback: Option<String>,
    #[serde(default)]
    pub doc: Option<String>,
    /// JSON Schema of the arguments: an object with one property a parameter.
    #[serde(default)]
    pub params: Value,
    /// Who hears outside that it began and how it ended: a URL with a secret in it. Commands only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<String>,
    /// When it is due by itself.
    #[serde(default)]
    pub schedules: Vec<ScheduleEntry>,
}

fn default_queue() -> String {
    "default".to_owned()
}

impl TaskEntry {
    /// The lane its jobs start in.
    pub fn lane(&self) -> Lane {
        match self.kind {
            TaskKind::Command => Lane::Command,
            _ if self.at_most_once || self.memory_bytes.is_some() => Lane::Solo,
            TaskKind::Sync => Lane::Sync,
            TaskKind::Async => Lane::Async,
        }
    }

    /// The lane of a job that may have to run alone. A command is alone in its process in any case.
    pub fn lane_when(&self, alone: bool) -> Lane {
        if alone && self.kind != TaskKind::Command { Lane::Solo } else { self.lane() }
    }

    pub fn timeout(&self) -> Option<Length> {
        self.timeout_us.map(Length)
    }

    /// Attempts in all. `at_most_once` has one, whatever else is written.
    pub fn attempts(&self) -> u32 {
        if self.at_most_once { 1 } else { self.retry.attempts.max(1) }
    }
}
