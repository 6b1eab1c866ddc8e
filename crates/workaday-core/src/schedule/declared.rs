//! A schedule as it is declared, and what it means: text from code or `workaday.toml` becomes a timetable and policies.
//!
//! Parsing is lenient (any JSON object with a name), reading is strict: one schedule that cannot be read says so by
//! name and never keeps its neighbours from running.

use super::calendar::Calendar;
use super::civil::{DstPolicy, FoldPolicy, GapPolicy};
use super::cron::CronExpr;
use super::error::CronError;
use super::excluded::ExcludedDates;
use super::interval::Interval;
use super::policy::{CatchUp, FAILURES_ALERT, Overlap, Policies, SKIPS_ALERT};
use super::timetable::{Rule, Timetable};
use crate::clock::{Length, Timestamp, format_length, parse_length};
use crate::explain::{Problem, RetryAdvice};
use crate::values;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One schedule, as a catalogue entry or `workaday.toml` states it. Exactly one of `cron`, `every`, `at` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleEntry {
    /// Stable: the cursor hangs on it.
    pub name: String,
    pub task: String,
    pub args: Map<String, Value>,
    pub cron: Vec<String>,
    pub every: Option<String>,
    pub at: Option<String>,
    pub tz: Option<String>,
    /// Where its jobs wait; the task's own queue if none is named.
    pub queue: Option<String>,
    pub owner: Option<String>,
    /// Dates (`2026-12-25`) on which it rests, those of `holidays` among them.
    #[serde(alias = "except_on")]
    pub exclude: Vec<String>,
    /// The file of dates that was read into `exclude`, as its author wrote it.
    pub holidays: Option<String>,
    /// Why that file could not be read. Then the schedule does not run: a holiday overlooked is a job run on a holiday.
    pub holidays_error: Option<String>,
    pub gap: Option<String>,
    pub fold: Option<String>,
    pub catch_up: Option<String>,
    pub catch_up_limit: Option<u32>,
    pub catch_up_window_us: Option<i64>,
    pub overlap: Option<String>,
    pub jitter_us: i64,
    pub late_after_us: Option<i64>,
    /// The job of a tick should have finished this long after it.
    pub finish_within_us: Option<i64>,
    pub skips_alert: Option<u32>,
    /// A run that completes in less time is told: it most likely did nothing.
    pub min_duration_us: Option<i64>,
    /// Runs that fail in a row, each with all its attempts, before somebody is told of the schedule.
    pub alert_after_failures: Option<u32>,
    /// Who hears outside that a run began and how it ended: a URL with a secret in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping: Option<String>,
}

words! {
    /// Who states a schedule. Each is reconciled with its own statements only.
    ScheduleSource {
        Code = "code",
        Config = "config",
        /// Made at run time, by API or command line.
        Dynamic = "dynamic",
    }
}

words! {
    /// Can a schedule tick?
    ScheduleState {
        Active = "active",
        /// No longer declared; kept with its history.
        Absent = "absent",
        /// Cannot run as it stands; its cursor waits.
        Broken = "broken",
    }
}

/// What a declaration means.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub timetable: Timetable,
    pub zone_name: String,
    pub policies: Policies,
}

impl ScheduleEntry {
    /// Reads the declaration. `anchor`: where its intervals start; `tz_default`: `[schedules] tz`, for one without a zone.
    pub fn plan(&self, anchor: Timestamp, tz_default: Option<&str>) -> Result<Plan, Problem> {
        let zone_name = self.tz.as_deref().or(tz_default);
        let zone = self.zone(zone_name.unwrap_or("UTC"))?;
        let rule = self.rule(anchor, zone_name.is_some())?;
        let excluded = self.excluded(zone_name.is_some())?;
        let rule = match rule {
            Rule::Cron(calendar) => Rule::Cron(Calendar { excluded: excluded.clone(), ..calendar }),
            rule => rule,
        };
        let zone_name = zone_name.unwrap_or("UTC").to_owned();
        Ok(Plan { timetable: Timetable { excluded, ..Timetable::new(rule, zone) }, zone_name, policies: self.policies()? })
    }

    /// Can the task be called with the arguments of this schedule? Else each of its runs would be held, one after the other.
    pub fn fits(&self, params: &Value) -> Result<(), Problem> {
        let args = Value::Object(self.args.clone()).to_string();
        values::check_args(params, &args).map(drop).map_err(|misfit| {
            let what = misfit.problem(&self.task);
            let found = what.message.rsplit_once(" was not enqueued: ").map_or(what.message.as_str(), |(_, found)| found);
            Problem::new("schedule.invalid", format!("schedule {} does not run: its `args` do not fit `{}`: {found}", self.name, self.task))
                .expected(what.expected.clone())
                .retry(RetryAdvice::SafeAfterFix, NOT_STARTED)
        })
    }

    /// When it is due, in the words of its author: `15 3 * * *`, `every 90m`, `at 2030-01-01T00:00:00Z`.
    pub fn due_shown(&self) -> String {
        match (&self.every, &self.at) {
            (Some(every), _) => format!("every {}", in_large_units(every).as_deref().unwrap_or(every)),
            (None, Some(at)) => format!("at {at}"),
            (None, None) => self.cron.join(" | "),
        }
    }

    /// The part that decides when it is due. A change here starts its timetable anew; any other change does not, nor do
    /// other dates to rest on: they only say which of the ticks to come there are.
    pub fn same_timing(&self, other: &Self) -> bool {
        let timing = |entry: &Self| {
            (entry.cron.clone(), entry.every.clone(), entry.at.clone(), entry.tz.clone(), entry.gap.clone(), entry.fold.clone())
        };
        timing(self) == timing(other)
    }

    fn rule(&self, anchor: Timestamp, has_zone: bool) -> Result<Rule, Problem> {
        match (self.cron.as_slice(), self.every.as_deref(), self.at.as_deref()) {
            ([], Some(every), None) => {
                let interval = Interval::parse(every, jiff_of(anchor));
                interval.map(Rule::Every).map_err(|error| self.refused("every", every, error.expected))
            }
            ([], None, Some(at)) => {
                let instant = at.parse::<jiff::Timestamp>();
                instant.map(Rule::At).map_err(|_| self.refused("at", at, "an instant with its offset, such as 2030-01-01T00:00:00Z"))
            }
            ([_, ..], None, None) => self.calendar(has_zone).map(Rule::Cron),
            _ => Err(self.refused("due", &self.due_shown(), "exactly one of cron, every, at")),
        }
    }

    fn calendar(&self, has_zone: bool) -> Result<Calendar, Problem> {
        let expressions: Result<Vec<CronExpr>, Problem> =
            self.cron.iter().map(|text| CronExpr::parse(text).map_err(|error| self.bad_cron(text, &error))).collect();
        let expressions = expressions?;
        if let Some(expr) = expressions.iter().find(|expr| expr.names_hour() && !has_zone) {
            return Err(self
                .without_zone(
                    &format!("`{}` names an hour", expr.as_str()),
                    "a time zone beside an expression that names an hour, such as Europe/Lisbon or UTC",
                )
                .hint("give the schedule tz=, or set `tz` under [schedules] in workaday.toml"));
        }
        Ok(Calendar { expressions, dst: self.dst()?, excluded: ExcludedDates::NONE })
    }

    /// The dates on which it rests.
    fn excluded(&self, has_zone: bool) -> Result<ExcludedDates, Problem> {
        if let Some(error) = &self.holidays_error {
            let file = self.holidays.as_deref().unwrap_or_default();
            return Err(self.refused("holidays", &format!("{file}: {error}"), "a readable file with a date such as 2026-12-25 a line"));
        }
        if self.exclude.is_empty() {
            return Ok(ExcludedDates::NONE);
        }
        if self.at.is_some() {
            return Err(self.refused("exclude", &self.exclude.join(", "), "dates beside cron or every; `at` is due once"));
        }
        if !has_zone {
            return Err(self
                .without_zone("dates to rest on need one", "a time zone beside dates to rest on: a day begins where the clock says so")
                .hint("give the schedule tz=, or set `tz` under [schedules] in workaday.toml"));
        }
        ExcludedDates::parse(&self.exclude.join("\n")).map_err(|error| self.refused("exclude", &error.value, "dates such as 2026-12-25"))
    }

    fn dst(&self) -> Result<DstPolicy, Problem> {
        let gap = match self.gap.as_deref() {
            None => None,
            Some("run_after") => Some(GapPolicy::RunAfter),
            Some("skip") => Some(GapPolicy::Skip),
            Some("shift") => Some(GapPolicy::Shift),
            Some(other) => return Err(self.refused("gap", other, "`run_after`, `skip` or `shift`")),
        };
        let fold = match self.fold.as_deref() {
            None => None,
            Some("first") => Some(FoldPolicy::First),
            Some("second") => Some(FoldPolicy::Second),
            Some("both") => Some(FoldPolicy::Both),
            Some(other) => return Err(self.refused("fold", other, "`first`, `second` or `both`")),
        };
        Ok(DstPolicy { gap, fold })
    }

    fn policies(&self) -> Result<Policies, Problem> {
        let catch_up = match (self.catch_up.as_deref().unwrap_or("latest"), self.catch_up_limit) {
            ("none", None) => CatchUp::None,
            ("latest", None) => CatchUp::Latest,
            ("all", Some(limit)) if limit > 0 => CatchUp::All { limit },
            ("all", _) => {
                return Err(self.refused(
                    "catch_up",
                    "all",
                    "a limit of 1 or more beside it: how many ticks may run at once after a silence",
                ));
            }
            ("none" | "latest", Some(limit)) => {
                return Err(self.refused("catch_up_limit", &limit.to_string(), "a limit beside catch_up = `all` only"));
            }
            (other, _) => return Err(self.refused("catch_up", other, CatchUp::WORDS)),
        };
        let word = self.overlap.as_deref().unwrap_or("skip");
        let overlap = Overlap::parse(word).ok_or_else(|| self.refused("overlap", word, Overlap::WORDS))?;
        Ok(Policies {
            catch_up,
            window: self.catch_up_window_us.map(Length),
            overlap,
            jitter: Length(self.jitter_us.max(0)),
            late_after: self.late_after_us.map(Length),
            skips_alert: self.skips_alert.unwrap_or(SKIPS_ALERT).max(1),
            min_duration: self.min_duration_us.map(Length),
            failures_alert: self.alert_after_failures.unwrap_or(FAILURES_ALERT).max(1),
        })
    }

    fn zone(&self, name: &str) -> Result<TimeZone, Problem> {
        TimeZone::get(name).map_err(|_| {
            let problem = self.refused("tz", name, "a name of the IANA database, such as Europe/Lisbon or UTC");
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            problem.meant(name, names.iter().map(String::as_str))
        })
    }

    fn bad_cron(&self, text: &str, error: &CronError) -> Problem {
        let what = error.to_string();
        let what = what.split(": expected ").next().unwrap_or(&what).to_owned();
        let problem = Problem::new("schedule.invalid", format!("schedule {} does not run: in `{text}`, {what}", self.name))
            .expected(error.expected.clone())
            .got(error.value.clone())
            .retry(RetryAdvice::SafeAfterFix, NOT_STARTED);
        match &error.hint {
            Some(hint) => problem.hint(hint.clone()),
            None => problem,
        }
    }

    fn without_zone(&self, why: &str, expected: &str) -> Problem {
        Problem::new("schedule.invalid", format!("schedule {} does not run: it has no `tz`, and {why}", self.name))
            .expected(expected)
            .got("no time zone")
            .retry(RetryAdvice::SafeAfterFix, NOT_STARTED)
    }

    fn refused(&self, field: &str, got: &str, expected: &str) -> Problem {
        Problem::new("schedule.invalid", format!("schedule {} does not run: its `{field}` is `{got}`", self.name))
            .expected(expected)
            .got(got)
            .retry(RetryAdvice::SafeAfterFix, NOT_STARTED)
    }
}

const NOT_STARTED: &str = "safe once it is mended; the ticks until then are decided by its catch-up";

/// The instant as the timetable takes it; one that is out of its range becomes the nearest.
pub(super) fn jiff_of(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
}

pub(super) fn core_of(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_microsecond())
}

/// `3600s` as `1h`: lengths of workaday.toml arrive in seconds, which is nobody's word for an hour. Only when nothing is lost.
fn in_large_units(seconds: &str) -> Option<String> {
    let digits = seconds.strip_suffix('s')?;
    let length = parse_length(seconds).filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(format_length(length)).filter(|short| parse_length(short) == Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_shown_in_the_largest_units_that_say_it_whole() {
        for (every, shown) in
            [("3600s", "every 1h"), ("5400s", "every 1h30m"), ("90m", "every 90m"), ("93784s", "every 93784s"), ("soon", "every soon")]
        {
            let entry = ScheduleEntry { every: Some(every.to_owned()), ..ScheduleEntry::default() };
            assert_eq!(entry.due_shown(), shown);
        }
    }
}
