//! Rows that cannot be read: damaged by hand with the CHECKs off, or written by a newer version. Each is set aside with an
//! alert, and the rest goes on; one row must not end the service of all others.
//!
//! | row | becomes | alert |
//! |---|---|---|
//! | job, waiting or running | held as `unreadable` | `job.unreadable` |
//! | switch-off | holds its whole task or queue until it is ended: too wide is safe, ignored is not | `hold.unreadable` |
//! | schedule | broken, with its cursor | `schedule.invalid` |
//! | watch over a tick | no longer watched | `schedule.invalid` |
//!
//! Outside a transaction nothing is marked: the row is left out of the answer.

use super::{SqliteStore, rows};
use crate::error::Result;
use crate::statements::{self as sql, Statement};
use rusqlite::{Params, Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::JobKey;

/// What could be read, and for each other row what it is known by and why not.
type Sorted<T, K> = (Vec<T>, Vec<(K, String)>);

impl SqliteStore {
    /// Reads each row by itself. `known_by` reads what the row is found by; SQLite's own failures stay errors.
    pub(super) fn sorted<T, K>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        known_by: impl Fn(&Row<'_>) -> rusqlite::Result<K>,
    ) -> Result<Sorted<T, K>> {
        let mut strange = Vec::new();
        let found = self.link.list(statement, parameters, |row| match read(row) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                strange.push((known_by(row)?, error.to_string()));
                Ok(None)
            }
        })?;
        Ok((found.into_iter().flatten().collect(), strange))
    }

    pub(super) fn jobs_aside(&self, strange: Vec<(JobKey, String)>, now: Timestamp) -> Result<()> {
        if !self.link.in_transaction() {
            return Ok(());
        }
        for (key, why) in strange {
            self.link.execute(&sql::SET_JOB_ASIDE, [key.0])?;
            let message = format!("the row of job number {} cannot be read ({why}); it is held, and the other jobs go on", key.0);
            self.alert("job.unreadable", &format!("job number {}", key.0), &message, now)?;
        }
        Ok(())
    }

    pub(super) fn schedules_aside(&self, strange: Vec<(String, String)>, now: Timestamp) -> Result<()> {
        if !self.link.in_transaction() {
            return Ok(());
        }
        for (name, why) in strange {
            let reason = format!("its row cannot be read ({why})");
            self.link.execute(&sql::BREAK_SCHEDULE, params![reason, now.0, name])?;
            self.alert("schedule.invalid", &name, &format!("schedule {name} does not run: {reason}"), now)?;
        }
        Ok(())
    }

    pub(super) fn ticks_aside(&self, strange: Vec<((String, i64), String)>, now: Timestamp) -> Result<()> {
        if !self.link.in_transaction() {
            return Ok(());
        }
        for ((schedule, at), why) in strange {
            self.link.execute(&sql::SEEN_TICK, params![now.0, schedule, at])?;
            let message =
                format!("schedule {schedule}: the job of the tick of {} is not watched: its row cannot be read ({why})", Timestamp(at));
            self.alert("schedule.invalid", &schedule, &message, now)?;
        }
        Ok(())
    }

    /// Told once for each rule: every claim reads the rules anew.
    pub(super) fn holds_widened(&mut self, widened: Vec<(HoldRule, String)>, now: Timestamp) -> Result<Vec<HoldRule>> {
        let mut rules = Vec::new();
        for (rule, why) in widened {
            if self.link.in_transaction() && self.rules_told.insert(rule.rule) {
                let target = rule.task.as_deref().or(rule.queue.as_deref()).unwrap_or("nothing that can be read");
                let message = format!("switch-off {} cannot be read ({why}); until it is ended it holds all of {target}", rule.rule);
                self.alert("hold.unreadable", &format!("rule {}", rule.rule), &message, now)?;
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    fn alert(&self, code: &str, subject: &str, message: &str, now: Timestamp) -> Result<()> {
        workaday_core::reached::note(code);
        self.count_alert(code, subject, message, now)
    }
}

/// As much of a switch-off as can be read: its task or queue whole, without an end of its own.
pub(super) fn widened_hold(row: &Row<'_>) -> rusqlite::Result<HoldRule> {
    let text = |column| row.get::<_, Option<String>>(column).unwrap_or_default();
    Ok(HoldRule {
        rule: row.get(0)?,
        task: text(1),
        queue: text(2),
        where_args: Vec::new(),
        reason: text(4).unwrap_or_default(),
        owner: text(5),
        until: rows::optional_instant(row, 6).unwrap_or_default(),
    })
}
