//! Switch-offs: rules, the marks they leave on jobs, and how marks are cleared again in steps.

use super::aside::widened_hold;
use super::{SqliteStore, rows};
use crate::error::Result;
use crate::statements as sql;
use crate::store::ByHand;
use rusqlite::params;
use serde_json::{Map, Value};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::hold::HoldRule;
use workaday_core::job::{HeldCode, JobKey};

impl SqliteStore {
    pub(super) fn active_holds(&mut self, now: Timestamp) -> Result<Vec<HoldRule>> {
        let (mut rules, strange) = self.sorted(&sql::ACTIVE_HOLDS, [now.0], rows::hold, widened_hold)?;
        rules.extend(self.holds_widened(strange, now)?);
        Ok(rules)
    }

    pub(super) fn mark_held(&self, key: JobKey, code: HeldCode, rule: Option<i64>) -> Result<()> {
        self.link.writing()?.execute(&sql::HOLD_JOB, params![code.as_str(), rule, key.0]).map(|_| ())
    }

    /// Rules that have ended and still mark jobs; only the first when one is enough.
    pub(super) fn marking_rules(&self, now: Timestamp, first_only: bool) -> Result<Vec<i64>> {
        let (mut ended, mut after) = (Vec::new(), i64::MIN);
        while let Some((rule, has_ended)) =
            self.link.first(&sql::MARKING_RULE, params![now.0, after], |row| Ok((row.get(0)?, row.get::<_, bool>(1)?)))?
        {
            if has_ended {
                ended.push(rule);
                if first_only {
                    break;
                }
            }
            after = rule;
        }
        Ok(ended)
    }

    pub(super) fn lift_ended(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.link.writing()?;
        let mut lifted = 0;
        for rule in self.marking_rules(now, false)? {
            lifted += self.link.execute(&sql::LIFT_RULE, params![rule, (limit - lifted) as i64])?;
            if lifted >= limit {
                break;
            }
        }
        Ok(lifted)
    }

    pub(super) fn lift_task(&self, task: &str, codes: &[HeldCode], limit: usize) -> Result<usize> {
        self.link.writing()?;
        let mut lifted = 0;
        for code in codes {
            lifted += self.link.execute(&sql::LIFT_TASK, params![code.as_str(), task, (limit - lifted) as i64])?;
        }
        Ok(lifted)
    }

    pub(super) fn write_hold(&self, rule: &HoldRule, by: &ByHand, now: Timestamp) -> Result<i64> {
        if rule.task.is_some() == rule.queue.is_some() {
            return Err(Problem::new("hold.target_unclear", "a hold names a task or a queue, one of the two")
                .expected("a task, with argument values if it must be narrower, or a queue")
                .retry(RetryAdvice::SafeAfterFix, "nothing was stored")
                .into());
        }
        let where_args = where_text(&rule.where_args);
        let parameters = params![rule.task, rule.queue, where_args, rule.reason, rule.owner, rule.until.map(|at| at.0), now.0];
        self.link.writing()?.execute(&sql::WRITE_HOLD, parameters)?;
        let number = self.link.connection().last_insert_rowid();
        let detail =
            serde_json::json!({"rule": number, "where": rule.where_args.iter().cloned().collect::<Map<_, _>>(), "until": rule.until});
        self.audit(by, "pause", &target(rule.task.as_deref(), rule.queue.as_deref()), Some(&detail.to_string()), now)?;
        Ok(number)
    }

    pub(super) fn end_holds(
        &self,
        task: Option<&str>,
        queue: Option<&str>,
        where_args: Option<&str>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<usize> {
        let wanted = where_args.map(parse_where).transpose()?.unwrap_or_default();
        self.link.writing()?;
        let (mut rules, strange) = self.sorted(&sql::UNRELEASED_HOLDS, params![task, queue], rows::hold, widened_hold)?;
        rules.extend(strange.into_iter().map(|(rule, _)| rule));
        let matching = rules.iter().filter(|rule| rule.where_args.iter().cloned().collect::<Map<_, _>>() == wanted);
        let mut released = 0;
        for rule in matching {
            released += self.link.execute(&sql::END_HOLD, params![now.0, rule.rule])?;
        }
        if released > 0 {
            let detail = serde_json::json!({"where": wanted, "rules": released});
            self.audit(by, "resume", &target(task, queue), Some(&detail.to_string()), now)?;
        }
        Ok(released)
    }
}

fn where_text(where_args: &[(String, Value)]) -> Option<String> {
    (!where_args.is_empty()).then(|| Value::Object(where_args.iter().cloned().collect()).to_string())
}

fn parse_where(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        Problem::new("hold.where_invalid", format!("the argument values of a hold are no JSON object: {error}"))
            .expected("a JSON object, argument name to value")
            .got(text)
            .retry(RetryAdvice::SafeAfterFix, "nothing was changed")
            .into()
    })
}

fn target(task: Option<&str>, queue: Option<&str>) -> String {
    match (task, queue) {
        (Some(task), _) => format!("task {task}"),
        (None, queue) => format!("queue {}", queue.unwrap_or("?")),
    }
}
