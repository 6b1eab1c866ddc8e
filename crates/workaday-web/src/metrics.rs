//! For Prometheus: what the store and this process say of themselves, in the text format. Each metric is declared once.

use crate::answer::{self, Answer};
use crate::asked::Asked;
use crate::health::{self, Size};
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;
use workaday_core::clock::Length;
use workaday_core::explain::{Explain, Problem};
use workaday_core::job::State;
use workaday_core::measure::SeriesKind;

/// Name, type, help.
pub const METRICS: &[(&str, &str, &str)] = &[
    ("workaday_info", "gauge", "Always 1; version and release stand in its labels."),
    ("workaday_jobs", "gauge", "Jobs in the store, by state."),
    ("workaday_jobs_held", "gauge", "Jobs that are held."),
    ("workaday_jobs_finished_last_minute", "gauge", "Jobs that finished in the last minute, of any state."),
    ("workaday_jobs_finished_per_minute", "gauge", "Jobs that finished in a minute, mean of the last five."),
    ("workaday_jobs_discarded_last_day", "gauge", "Jobs discarded in the last 24 hours."),
    ("workaday_last_discarded_timestamp_seconds", "gauge", "When a job was last discarded, in Unix time; absent while none is kept."),
    ("workaday_queue_available", "gauge", "Jobs that are ready, by queue."),
    ("workaday_queue_running", "gauge", "Jobs that run, by queue."),
    ("workaday_queue_scheduled", "gauge", "Jobs that are due later, by queue."),
    ("workaday_queue_retryable", "gauge", "Jobs that wait for another attempt, by queue."),
    ("workaday_queue_oldest_waiting_seconds", "gauge", "For how long the oldest ready job has waited, by queue."),
    ("workaday_queue_paused", "gauge", "1 when the queue is switched off."),
    ("workaday_attempt_wait_seconds", "gauge", "How long completed jobs of the last five minutes waited: quantiles of at most 1000."),
    ("workaday_attempt_run_seconds", "gauge", "How long completed jobs of the last five minutes ran: quantiles of at most 1000."),
    ("workaday_runs_total", "counter", "Attempts of tasks, responses of routes, streams and websockets, by kind and name."),
    ("workaday_runs_failed_total", "counter", "Attempts that failed; responses of 500 and above, or broken off."),
    ("workaday_runs_unexpected_total", "counter", "Attempts that succeeded, but not as `expects=` says."),
    ("workaday_runs_refused_total", "counter", "Responses of 400 to 499."),
    ("workaday_run_seconds_total", "counter", "How long all of them ran, until the last byte."),
    ("workaday_run_database_calls_total", "counter", "Database statements in them."),
    ("workaday_run_database_seconds_total", "counter", "Time spent waiting for these."),
    ("workaday_run_http_calls_total", "counter", "Outgoing HTTP calls in them."),
    ("workaday_run_cache_hits_total", "counter", "Values found in a cache."),
    ("workaday_run_cache_misses_total", "counter", "Values looked for in a cache in vain."),
    ("workaday_measures_lost_total", "counter", "Measures that were lost on their way to the store."),
    ("workaday_workers", "gauge", "Processes that live, by kind."),
    ("workaday_engine_silence_seconds", "gauge", "Since the engine was last heard of; it says so every 30 s."),
    ("workaday_schedules", "gauge", "Schedules, by state."),
    ("workaday_schedules_late", "gauge", "Schedules that are past their time and not decided."),
    ("workaday_schedule_oldest_due_seconds", "gauge", "For how long the earliest undecided tick has been due; 0: none is."),
    ("workaday_scheduler_silence_seconds", "gauge", "Since the scheduler last looked for due ticks; it notes so within 90 s."),
    ("workaday_backup_age_seconds", "gauge", "Since the newest backup that still stands was made."),
    ("workaday_backup_proof_age_seconds", "gauge", "Since a backup was last proved to restore."),
    ("workaday_alerts_open", "gauge", "Alerts that are open."),
    ("workaday_store_bytes", "gauge", "Size of the store's file."),
    ("workaday_store_wal_bytes", "gauge", "Size of its write-ahead log."),
    ("workaday_disk_free_bytes", "gauge", "Free on its file system."),
    ("workaday_disk_size_bytes", "gauge", "Size of its file system."),
    ("workaday_dashboard_viewers", "gauge", "Pages that follow what happens."),
    ("workaday_dashboard_failures_total", "counter", "Answers that failed by our own mistake."),
    ("process_resident_memory_bytes", "gauge", "Memory of the supervisor's process."),
    ("process_cpu_seconds_total", "counter", "Processor time of the supervisor's process."),
];

/// Values of each metric, in the order of the table.
#[derive(Default)]
struct Page(BTreeMap<&'static str, Vec<(String, f64)>>);

impl Page {
    fn put(&mut self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        debug_assert!(METRICS.iter().any(|(known, ..)| *known == name), "{name} is not declared");
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let shown = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0.entry(name).or_default().push((shown, value));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, kind, help) in METRICS {
            let Some(values) = self.0.get(name) else { continue };
            // Writing into a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        text
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub fn scrape(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let mut page = Page::default();
    let release = asked.window.options.release.as_deref().unwrap_or_default();
    page.put("workaday_info", &[("version", env!("CARGO_PKG_VERSION")), ("release", release)], 1.0);
    jobs(asked, &mut page)?;
    attempts(asked, &mut page)?;
    measured(asked, &mut page)?;
    parts(asked, &mut page)?;
    files(asked, &mut page);
    page.put("workaday_dashboard_viewers", &[], asked.window.live.viewers() as f64);
    page.put("workaday_dashboard_failures_total", &[], asked.window.failures.load(Ordering::Relaxed) as f64);
    process(&mut page);
    Ok(answer::text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.text()))
}

fn jobs(asked: &Asked<'_>, page: &mut Page) -> Result<(), Problem> {
    let status = asked.window.counts.status(asked.reader, asked.now)?;
    for (state, count) in &status.by_state {
        page.put("workaday_jobs", &[("state", state.as_str())], *count as f64);
    }
    page.put("workaday_jobs_held", &[], status.held as f64);
    page.put("workaday_jobs_finished_last_minute", &[], status.finished_last_minute as f64);
    page.put("workaday_jobs_finished_per_minute", &[], status.finished_per_minute);
    page.put("workaday_jobs_discarded_last_day", &[], status.discarded_last_day as f64);
    if let Some(at) = asked.reader.last_ended(State::Discarded).map_err(|error| error.problem())? {
        page.put("workaday_last_discarded_timestamp_seconds", &[], at.0 as f64 / 1e6);
    }
    page.put("workaday_alerts_open", &[], status.alerts_open as f64);
    for queue in &status.queues {
        let label = [("queue", queue.queue.as_str())];
        page.put("workaday_queue_available", &label, queue.available as f64);
        page.put("workaday_queue_running", &label, queue.running as f64);
        page.put("workaday_queue_scheduled", &label, queue.scheduled as f64);
        page.put("workaday_queue_retryable", &label, queue.retryable as f64);
        let waited = queue.oldest_waiting_at.map_or(0.0, |oldest| (asked.now - oldest).0.max(0) as f64 / 1e6);
        page.put("workaday_queue_oldest_waiting_seconds", &label, waited);
        page.put("workaday_queue_paused", &label, f64::from(u8::from(queue.paused)));
    }
    Ok(())
}

fn attempts(asked: &Asked<'_>, page: &mut Page) -> Result<(), Problem> {
    let runs = asked.reader.recent_runs(asked.now - Length::minutes(5), asked.now, 1_000).map_err(|error| error.problem())?;
    let mut waited: Vec<i64> = runs.iter().filter_map(|run| run.waited_us).collect();
    let mut ran: Vec<i64> = runs.iter().filter_map(|run| run.ran_us).collect();
    for (name, values) in [("workaday_attempt_wait_seconds", &mut waited), ("workaday_attempt_run_seconds", &mut ran)] {
        values.sort_unstable();
        for (label, share) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
            if let Some(value) = quantile(values, share) {
                page.put(name, &[("quantile", label)], value as f64 / 1e6);
            }
        }
    }
    Ok(())
}

/// What was never seen of a series has no line, so that a wide catalogue makes no wide page; runs and failures always do,
/// since a rise is seen only from a zero.
fn measured(asked: &Asked<'_>, page: &mut Page) -> Result<(), Problem> {
    let mut lost = 0;
    let seconds = |us: u64| us as f64 / 1e6;
    for ((kind, name), sum) in asked.window.measured.sums(asked.reader, asked.now).map_err(|error| error.problem())? {
        if kind == SeriesKind::Dropped {
            lost += sum.count;
            continue;
        }
        let labels = [("kind", kind.as_str()), ("name", name.as_str())];
        page.put("workaday_runs_total", &labels, sum.count as f64);
        page.put("workaday_runs_failed_total", &labels, sum.errors as f64);
        page.put("workaday_run_seconds_total", &labels, seconds(sum.run_us));
        let seen = [
            ("workaday_runs_unexpected_total", sum.unexpected as f64),
            ("workaday_runs_refused_total", sum.refused as f64),
            ("workaday_run_database_calls_total", sum.db_calls as f64),
            ("workaday_run_database_seconds_total", seconds(sum.db_us)),
            ("workaday_run_http_calls_total", sum.http_calls as f64),
            ("workaday_run_cache_hits_total", sum.cache_hits as f64),
            ("workaday_run_cache_misses_total", sum.cache_misses as f64),
        ];
        for (metric, value) in seen.into_iter().filter(|(_, value)| *value > 0.0) {
            page.put(metric, &labels, value);
        }
    }
    page.put("workaday_measures_lost_total", &[], lost as f64);
    Ok(())
}

/// The smallest value that so large a share of the values does not exceed.
fn quantile(sorted: &[i64], share: f64) -> Option<i64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn parts(asked: &Asked<'_>, page: &mut Page) -> Result<(), Problem> {
    let workers = asked.reader.workers(false, 1_000).map_err(|error| error.problem())?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for worker in &workers {
        *kinds.entry(&worker.kind).or_default() += 1;
    }
    for (kind, count) in kinds {
        page.put("workaday_workers", &[("kind", kind)], count as f64);
    }
    if let Some(silence) = health::silence(asked)? {
        page.put("workaday_engine_silence_seconds", &[], silence);
    }
    let schedules = asked.reader.schedules().map_err(|error| error.problem())?;
    let mut states: BTreeMap<&str, usize> = [("active", 0), ("paused", 0), ("broken", 0), ("absent", 0)].into();
    for row in &schedules {
        use workaday_core::schedule::ScheduleState;
        let state = match row.state {
            ScheduleState::Active if row.paused_at.is_some() => "paused",
            ScheduleState::Active => "active",
            ScheduleState::Broken => "broken",
            ScheduleState::Absent => "absent",
        };
        *states.entry(state).or_default() += 1;
    }
    for (state, count) in states {
        page.put("workaday_schedules", &[("state", state)], count as f64);
    }
    page.put("workaday_schedules_late", &[], health::late_schedules(asked)?.0 as f64);
    let (ticks, backups) = (health::schedules(asked)?, health::backups(asked)?);
    page.put("workaday_schedule_oldest_due_seconds", &[], ticks.oldest_due);
    let known = [
        ("workaday_scheduler_silence_seconds", ticks.silence),
        ("workaday_backup_age_seconds", backups.age),
        ("workaday_backup_proof_age_seconds", backups.proof_age),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            page.put(name, &[], value);
        }
    }
    Ok(())
}

fn files(asked: &Asked<'_>, page: &mut Page) {
    let size = Size::of(asked);
    let known = [
        ("workaday_store_bytes", size.store),
        ("workaday_store_wal_bytes", size.wal),
        ("workaday_disk_free_bytes", size.free),
        ("workaday_disk_size_bytes", size.whole),
    ];
    for (name, bytes) in known {
        if let Some(bytes) = bytes {
            page.put(name, &[], bytes as f64);
        }
    }
}

/// From /proc/self: elsewhere these are left out.
fn process(page: &mut Page) {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let resident = read("/proc/self/statm").and_then(|text| text.split_whitespace().nth(1)?.parse::<f64>().ok());
    if let Some(pages) = resident {
        page.put("process_resident_memory_bytes", &[], pages * rustix::param::page_size() as f64);
    }
    // The name of the process stands in parentheses and may hold anything; user and system time are the 12th and 13th word after it.
    let times = read("/proc/self/stat").and_then(|text| {
        let mut words = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        Some(words.next()?.parse::<f64>().ok()? + words.next()?.parse::<f64>().ok()?)
    });
    if let Some(ticks) = times {
        page.put("process_cpu_seconds_total", &[], ticks / rustix::param::clock_ticks_per_second() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words in a text that are names of metrics, or want to be.
    fn named(text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.filter(|word| (word.starts_with("workaday_") || word.starts_with("process_")) && word.len() > 9).collect()
    }

    #[test]
    fn the_ready_made_dashboard_and_rules_name_only_metrics_that_exist() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
        for file in ["grafana-dashboard.json", "alert-rules.yaml"] {
            let text = std::fs::read_to_string(folder.join(file)).expect(file);
            let names = named(&text);
            assert!(names.len() > 5, "{file} names metrics");
            for name in names {
                assert!(METRICS.iter().any(|(known, ..)| *known == name), "{file} names {name}");
            }
        }
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.99), Some(7));
        assert_eq!(quantile(&[1, 2, 3, 4], 0.5), Some(2));
        assert_eq!(quantile(&[1, 2, 3, 4], 0.95), Some(4));
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        let mut page = Page::default();
        page.put("workaday_queue_available", &[("queue", "a\"b\\c\nd")], 1.0);
        assert!(page.text().ends_with("workaday_queue_available{queue=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }
}
