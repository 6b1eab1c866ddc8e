//! Every tick is decided exactly once: a job, or a reason. Against an oracle that walks tick by tick.

mod common;

use common::{at, cases};
use proptest::prelude::*;
use serde_json::json;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::schedule::{Decided, ON_TIME, Pause, Plan, Reason, ScheduleEntry, Standing, decide, silence};

fn plan(entry: serde_json::Value) -> Plan {
    let mut entry: ScheduleEntry = serde_json::from_value(entry).expect("an entry");
    entry.name = "test".into();
    let anchor = core("2026-01-01T00:00:00Z");
    entry.plan(anchor, Some("UTC")).unwrap_or_else(|problem| panic!("{problem}"))
}

fn core(text: &str) -> Timestamp {
    Timestamp(at(text).as_microsecond())
}

fn standing(cursor: &str) -> Standing {
    Standing { cursor: core(cursor), pause: Pause::No, active: 0, queued: 0, skips: 0 }
}

fn due(decided: &Decided) -> Vec<String> {
    decided.fires.iter().map(|fire| fire.tick.due_at.to_string()).collect()
}

fn reasons(decided: &Decided) -> Vec<(Reason, u64)> {
    decided.silences.iter().map(|silence| (silence.reason, silence.count)).collect()
}

#[test]
fn a_tick_on_time_becomes_one_job() {
    let plan = plan(json!({"cron": ["15 3 * * *"]}));
    let decided = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-01T03:15:00.002Z"));
    assert_eq!(due(&decided), ["2026-05-01T03:15:00Z"]);
    assert!(!decided.fires[0].late && !decided.fires[0].waits && decided.silences.is_empty());
    assert_eq!(decided.next_at, Some(core("2026-05-02T03:15:00Z")));
}

#[test]
fn a_tick_is_late_from_the_first_moment_after_what_counts_as_on_time() {
    let plan = plan(json!({"cron": ["15 3 * * *"]}));
    for (after, late) in [(ON_TIME, false), (Length(ON_TIME.0 + 1), true)] {
        let decided = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-01T03:15:00Z") + after);
        assert_eq!(decided.fires.iter().map(|fire| fire.late).collect::<Vec<_>>(), [late], "{after:?} after");
    }
}

#[test]
fn the_same_moment_again_decides_nothing() {
    let plan = plan(json!({"cron": ["15 3 * * *"]}));
    let now = core("2026-05-01T03:15:00Z");
    let first = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), now);
    let again = decide(&plan, "s", &Standing { cursor: first.cursor, ..standing("2026-05-01T00:00:00Z") }, now);
    assert!(again.fires.is_empty() && again.silences.is_empty());
}

#[test]
fn a_clock_that_stepped_back_fires_nothing_again() {
    let plan = plan(json!({"cron": ["* * * * * *"]}));
    let first = decide(&plan, "s", &standing("2026-05-01T03:14:59Z"), core("2026-05-01T03:15:00Z"));
    for now in ["2026-05-01T03:14:00Z", "2026-05-01T03:15:00.9Z"] {
        let back = decide(&plan, "s", &Standing { cursor: first.cursor, ..standing("2026-05-01T00:00:00Z") }, core(now));
        assert!(back.fires.is_empty() && back.silences.is_empty(), "{now}");
        assert_eq!(back.next_at, Some(core("2026-05-01T03:15:01Z")));
    }
}

#[test]
fn a_year_of_silence_with_a_tick_each_second_is_one_row() {
    let plan = plan(json!({"cron": ["* * * * * *"], "catch_up": "none"}));
    let decided = decide(&plan, "s", &standing("2025-06-01T00:00:00Z"), core("2026-06-01T00:00:00Z"));
    assert_eq!(reasons(&decided), [(Reason::Missed, 365 * 86_400 - 1)]);
    assert_eq!(due(&decided), ["2026-06-01T00:00:00Z"]);
}

#[test]
fn the_latest_missed_tick_runs_late_within_its_window_and_supersedes_the_others() {
    let plan = plan(json!({"cron": ["15 3 * * *"]}));
    let decided = decide(&plan, "s", &standing("2026-05-01T03:15:00Z"), core("2026-05-04T09:00:00Z"));
    assert_eq!(due(&decided), ["2026-05-04T03:15:00Z"]);
    assert!(decided.fires[0].late);
    assert_eq!(reasons(&decided), [(Reason::Superseded, 2)]);
}

#[test]
fn a_tick_older_than_the_window_is_missed() {
    let plan = plan(json!({"cron": ["0 8 * * MON"], "catch_up_window_us": Length::hours(6).0}));
    let decided = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-04T14:00:01Z"));
    assert_eq!((due(&decided).len(), reasons(&decided)), (0, vec![(Reason::Missed, 1)]));
    // A week between two ticks: 24 hours at most are caught up.
    let weekly = self::plan(json!({"cron": ["0 8 * * MON"]}));
    assert_eq!(due(&decide(&weekly, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-05T08:00:00Z"))).len(), 1);
    assert_eq!(due(&decide(&weekly, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-05T08:00:01Z"))).len(), 0);
}

#[test]
fn all_runs_the_newest_up_to_its_limit_one_after_the_other() {
    let plan = plan(json!({"cron": ["0 * * * *"], "catch_up": "all", "catch_up_limit": 3}));
    let decided = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-01T10:30:00Z"));
    assert_eq!(due(&decided), ["2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z"]);
    assert_eq!(decided.fires.iter().map(|fire| fire.waits).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(reasons(&decided), [(Reason::Missed, 7)]);
}

#[test]
fn the_overlap_matrix() {
    let now = core("2026-05-01T03:15:00Z");
    // policy, active, queued -> jobs, waits, cancels, reasons, skips afterwards
    for (policy, active, queued, jobs, waits, cancels, skipped, skips) in [
        ("skip", 0, 0, 1, false, false, 0, 0),
        ("skip", 1, 0, 0, false, false, 1, 3),
        ("queue", 0, 0, 1, false, false, 0, 0),
        ("queue", 1, 0, 1, true, false, 0, 0),
        ("queue", 1, 1, 0, false, false, 1, 3),
        ("cancel_running", 0, 0, 1, false, false, 0, 0),
        ("cancel_running", 1, 0, 1, true, true, 0, 0),
        ("cancel_running", 1, 1, 1, true, true, 0, 0),
        ("allow", 3, 0, 1, false, false, 0, 0),
    ] {
        let plan = plan(json!({"cron": ["15 3 * * *"], "overlap": policy}));
        let standing = Standing { active, queued, skips: 2, ..standing("2026-05-01T00:00:00Z") };
        let decided = decide(&plan, "s", &standing, now);
        let what = format!("{policy} active {active} queued {queued}");
        assert_eq!(decided.fires.len(), jobs, "{what}");
        assert!(decided.fires.iter().all(|fire| fire.waits == waits), "{what}");
        assert_eq!(decided.cancels, cancels, "{what}");
        let overlaps = decided.silences.iter().filter(|one| one.reason == Reason::SkippedOverlap).count();
        assert_eq!((overlaps, decided.skips), (skipped, skips), "{what}");
    }
}

#[test]
fn what_comes_in_a_pause_is_one_row_and_the_tick_at_its_end_runs() {
    let plan = plan(json!({"cron": ["0 * * * *"]}));
    let until = core("2026-05-01T06:00:00Z");
    let paused = Standing { pause: Pause::Until(until), ..standing("2026-05-01T00:00:00Z") };
    let during = decide(&plan, "s", &paused, core("2026-05-01T03:00:00Z"));
    assert_eq!((during.next_at, during.cursor, during.silences.len()), (Some(until), paused.cursor, 0));
    let after = decide(&plan, "s", &paused, until);
    assert_eq!((due(&after), reasons(&after)), (vec!["2026-05-01T06:00:00Z".into()], vec![(Reason::Paused, 5)]));
    assert_eq!(decide(&plan, "s", &Standing { pause: Pause::Open, ..paused }, until).next_at, None);
}

#[test]
fn jitter_moves_the_job_and_never_the_tick() {
    let plan = plan(json!({"cron": ["* * * * *"], "jitter_us": Length::minutes(5).0}));
    let decided = decide(&plan, "s", &standing("2026-05-01T00:00:00Z"), core("2026-05-01T00:01:00Z"));
    let fire = decided.fires[0];
    assert_eq!(fire.tick.due_at, at("2026-05-01T00:01:00Z"));
    assert!(fire.run_at >= core("2026-05-01T00:01:00Z") && fire.run_at < core("2026-05-01T00:02:00Z"), "before the next tick");
}

#[test]
fn a_night_without_half_past_two_runs_once_and_names_the_time_it_meant() {
    let plan = plan(json!({"cron": ["0,30 2 * * *"], "tz": "Europe/Berlin"}));
    let decided = decide(&plan, "s", &standing("2026-03-28T12:00:00Z"), core("2026-03-29T01:00:00Z"));
    assert_eq!(due(&decided), ["2026-03-29T01:00:00Z"]);
    assert_eq!((decided.fires[0].tick.nominal.to_string(), decided.fires[0].tick.merged), ("2026-03-29T02:00:00".into(), 1));
}

#[test]
fn a_bad_declaration_names_the_field_and_what_was_expected() {
    for (entry, field, expected) in [
        (json!({"cron": ["61 3 * * *"], "tz": "UTC"}), "minute", "0"),
        (json!({"cron": ["0 3 * * *"]}), "tz", "a time zone"),
        (json!({"cron": ["0 3 * * *"], "tz": "Europe/Lisbonn"}), "tz", "IANA"),
        (json!({"every": "fast"}), "every", "90m"),
        (json!({"every": "90m", "at": "2030-01-01T00:00:00Z"}), "due", "exactly one"),
        (json!({}), "due", "exactly one"),
        (json!({"every": "90m", "catch_up": "all"}), "catch_up", "limit"),
        (json!({"every": "90m", "overlap": "never"}), "overlap", "skip"),
        (json!({"cron": ["* * * * *"], "gap": "jump"}), "gap", "run_after"),
    ] {
        let declared: ScheduleEntry = serde_json::from_value(entry.clone()).expect("lenient");
        let problem = declared.plan(Timestamp(0), None).expect_err(&entry.to_string());
        assert_eq!(problem.code, "schedule.invalid");
        assert!(problem.message.contains(field) && problem.expected.contains(expected), "{entry}: {problem}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_tick_is_decided_exactly_once_for_any_sequence_of_looks(
        rule in prop_oneof![Just(json!({"cron": ["*/7 * * * *"]})), Just(json!({"cron": ["30 1,2,3 * * *"], "tz": "Europe/Berlin"})),
            Just(json!({"every": "13m"})), Just(json!({"cron": ["0 */2 * * *"], "tz": "Australia/Lord_Howe"}))],
        catch_up in prop_oneof![Just(("none", None)), Just(("latest", None)), Just(("all", Some(4)))],
        overlap in prop_oneof![Just("skip"), Just("queue"), Just("cancel_running"), Just("allow")],
        start in 0i64..400, steps in proptest::collection::vec((-3_000i64..90_000, 0u32..2, 0u32..2, 0u8..8), 1..12),
    ) {
        let mut entry = rule;
        entry["catch_up"] = json!(catch_up.0);
        entry["catch_up_limit"] = json!(catch_up.1);
        entry["overlap"] = json!(overlap);
        let plan = plan(entry);
        let begin = core("2026-01-02T00:00:00Z") + Length::days(start);
        let (mut now, mut cursor, mut newest) = (begin, begin, begin);
        let mut ledger: Vec<(Timestamp, Timestamp, u64)> = Vec::new();
        for (seconds, active, queued, pause) in steps {
            now = now + Length::seconds(seconds);
            let pause = match pause { 0 => Pause::Open, 1 => Pause::Until(now - Length::hours(1)), 2 => Pause::Until(now + Length::hours(1)), _ => Pause::No };
            let decided = decide(&plan, "s", &Standing { cursor, pause, active, queued, skips: 0 }, now);
            let micros = |at: jiff::Timestamp| Timestamp(at.as_microsecond());
            let mut rows: Vec<_> = decided.silences.iter().map(|s| (micros(s.first.due_at), micros(s.last.due_at), s.count)).collect();
            rows.extend(decided.fires.iter().map(|f| (micros(f.tick.due_at), micros(f.tick.due_at), 1)));
            rows.sort();
            ledger.extend(rows);
            prop_assert!(decided.cursor >= cursor, "a cursor only rises");
            prop_assert!(decided.next_at.is_none_or(|at| at > now || decided.cursor < at));
            cursor = decided.cursor;
            newest = newest.max(cursor);
        }
        // The oracle: walk every tick, and take the ledger's rows one by one.
        let mut ticks = plan.timetable.ticks(jiff::Timestamp::from_microsecond(begin.0).unwrap()).map(|t| Timestamp(t.due_at.as_microsecond())).peekable();
        for (first, last, count) in ledger {
            prop_assert_eq!(ticks.peek().copied(), Some(first), "no tick left out, none twice");
            let mut seen = 0;
            while ticks.peek().is_some_and(|tick| *tick <= last) { ticks.next(); seen += 1; }
            prop_assert_eq!(seen, count);
        }
        prop_assert!(ticks.next().is_none_or(|tick| tick > newest));
    }
}

#[test]
fn a_range_is_nothing_when_no_tick_lies_in_it() {
    let plan = plan(json!({"cron": ["0 3 * * *"]}));
    assert_eq!(silence(&plan.timetable, Reason::Paused, core("2026-05-01T04:00:00Z"), core("2026-05-01T05:00:00Z")), None);
}
