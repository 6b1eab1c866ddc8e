//! Which jobs are switched off: a task, one argument value, or a queue, with reason, owner and expiry.

use crate::clock::Timestamp;
use serde_json::Value;

/// One switch-off rule.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldRule {
    pub rule: i64,
    pub task: Option<String>,
    pub queue: Option<String>,
    /// Argument names and the values they must have; empty = every job of the task.
    pub where_args: Vec<(String, Value)>,
    pub reason: String,
    pub owner: Option<String>,
    pub until: Option<Timestamp>,
}

impl HoldRule {
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Does this rule keep a job of `task` with these arguments? Numbers compare by value: `42` is `42.0`.
    pub fn matches(&self, task: &str, args: impl FnOnce() -> Value) -> bool {
        if self.task.as_deref() != Some(task) {
            return false;
        }
        if self.where_args.is_empty() {
            return true;
        }
        let args = args();
        self.where_args.iter().all(|(name, value)| args.get(name).is_some_and(|given| same(given, value)))
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(where_args: Vec<(String, Value)>) -> HoldRule {
        HoldRule {
            rule: 1,
            task: Some("shop.send".into()),
            queue: None,
            where_args,
            reason: "r".into(),
            owner: None,
            until: Some(Timestamp(10)),
        }
    }

    #[test]
    fn a_rule_without_where_keeps_every_job_of_its_task() {
        assert!(rule(vec![]).matches("shop.send", || json!({})));
        assert!(!rule(vec![]).matches("shop.other", || json!({})));
    }

    #[test]
    fn a_rule_with_where_keeps_only_that_value() {
        let rule = rule(vec![("order_id".into(), json!(42))]);
        assert!(rule.matches("shop.send", || json!({"order_id": 42, "copy": true})));
        assert!(rule.matches("shop.send", || json!({"order_id": 42.0})));
        assert!(!rule.matches("shop.send", || json!({"order_id": 43})));
        assert!(!rule.matches("shop.send", || json!({"order_id": "42"})));
        assert!(!rule.matches("shop.send", || json!({})));
    }

    #[test]
    fn a_rule_ends_at_its_until() {
        assert!(rule(vec![]).is_active(Timestamp(9)));
        assert!(!rule(vec![]).is_active(Timestamp(10)));
    }
}
