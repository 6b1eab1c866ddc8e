//! What becomes of ticks when the clocks change: the rules one by one, at changes that really took place.

mod common;

use common::{at, cron, shown, zone};
use workaday_core::schedule::{DstPolicy, ExcludedDates, FoldPolicy, GapPolicy, Landing, Tick, Walk};

fn ticks(expr: &str, tz: &str, after: &str, n: usize) -> Vec<Tick> {
    cron(expr).ticks(at(after), &zone(tz)).take(n).collect()
}

fn by_policy(expr: &str, after: &str, gap: Option<GapPolicy>, fold: Option<FoldPolicy>) -> Vec<Tick> {
    let (expr, berlin) = (cron(expr), zone("Europe/Berlin"));
    Walk::new(&expr, &berlin, DstPolicy { gap, fold }, &ExcludedDates::NONE).ticks(at(after)).take(4).collect()
}

const BEFORE_GAP: &str = "2025-03-30T00:00:00Z";
const BEFORE_FOLD: &str = "2025-10-25T23:00:00Z";

#[test]
fn a_named_time_in_the_spring_gap_runs_once_right_after_it() {
    let ticks = ticks("30 2 * * *", "Europe/Berlin", BEFORE_GAP, 2);
    assert_eq!(shown(ticks.clone()), ["2025-03-30T03:00:00+02:00", "2025-03-31T02:30:00+02:00"]);
    assert_eq!(ticks[0].landing, Landing::AfterGap);
    assert_eq!(ticks[0].nominal.to_string(), "2025-03-30T02:30:00", "the tick still knows which time it stands for");
    assert_eq!(ticks[1].landing, Landing::Regular);
}

#[test]
fn all_times_of_a_gap_and_the_one_at_its_end_are_one_tick() {
    let ticks = ticks("0,30 2,3 * * *", "Europe/Berlin", BEFORE_GAP, 2);
    assert_eq!(shown(ticks.clone()), ["2025-03-30T03:00:00+02:00", "2025-03-30T03:30:00+02:00"]);
    assert_eq!(ticks[0].merged, 2, "02:00 stands for 02:30 and the regular 03:00 too");
    assert_eq!(ticks[0].nominal.to_string(), "2025-03-30T02:00:00");
}

#[test]
fn a_rhythm_passes_over_the_gap() {
    assert_eq!(
        shown(ticks("*/30 * * * *", "Europe/Berlin", "2025-03-30T00:15:00Z", 3)),
        ["2025-03-30T01:30:00+01:00", "2025-03-30T03:00:00+02:00", "2025-03-30T03:30:00+02:00"]
    );
}

#[test]
fn a_named_time_in_the_autumn_fold_runs_the_first_time_only() {
    let ticks = ticks("30 2 * * *", "Europe/Berlin", BEFORE_FOLD, 2);
    assert_eq!(shown(ticks.clone()), ["2025-10-26T02:30:00+02:00", "2025-10-27T02:30:00+01:00"]);
    assert_eq!(ticks[0].landing, Landing::FirstPass);
}

#[test]
fn a_search_from_inside_the_second_pass_finds_nothing_of_it() {
    assert_eq!(shown(ticks("0,30 2 * * *", "Europe/Berlin", "2025-10-26T01:10:00Z", 1)), ["2025-10-27T02:00:00+01:00"]);
}

#[test]
fn a_rhythm_runs_through_both_passes_in_real_order() {
    let ticks = ticks("*/30 2 * * *", "Europe/Berlin", BEFORE_FOLD, 4);
    assert_eq!(
        shown(ticks.clone()),
        ["2025-10-26T02:00:00+02:00", "2025-10-26T02:30:00+02:00", "2025-10-26T02:00:00+01:00", "2025-10-26T02:30:00+01:00"]
    );
    let landings: Vec<Landing> = ticks.iter().map(|tick| tick.landing).collect();
    assert_eq!(landings, [Landing::FirstPass, Landing::FirstPass, Landing::SecondPass, Landing::SecondPass]);
}

#[test]
fn a_star_in_the_seconds_makes_a_rhythm_of_a_named_minute() {
    assert_eq!(shown(ticks("*/30 30 2 * * *", "Europe/Berlin", BEFORE_GAP, 1)), ["2025-03-31T02:30:00+02:00"]);
    assert_eq!(shown(ticks("*/30 30 2 * * *", "Europe/Berlin", BEFORE_FOLD, 3))[2], "2025-10-26T02:30:00+01:00");
}

#[test]
fn a_leading_zero_of_seconds_changes_nothing() {
    for (five, six) in [("30 2 * * *", "0 30 2 * * *"), ("*/20 * * * *", "0 */20 * * * *")] {
        for after in [BEFORE_GAP, BEFORE_FOLD] {
            assert_eq!(ticks(five, "Europe/Berlin", after, 9), ticks(six, "Europe/Berlin", after, 9));
        }
    }
}

#[test]
fn a_day_that_never_was_runs_at_its_end() {
    // Samoa left out 30 December 2011: after 23:59:59 of the 29th came 00:00 of the 31st.
    let ticks = ticks("15 6,18 30 * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2);
    assert_eq!(shown(ticks.clone()), ["2011-12-31T00:00:00+14:00", "2012-01-30T06:15:00+14:00"]);
    assert_eq!((ticks[0].nominal.to_string().as_str(), ticks[0].merged), ("2011-12-30T06:15:00", 1));
    assert_eq!(
        shown(cron("0 */12 * * *").ticks(at("2011-12-29T12:00:00Z"), &zone("Pacific/Apia")).take(3)),
        ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]
    );
}

#[test]
fn the_day_is_tested_on_the_nominal_date_even_if_the_gap_ends_on_the_next() {
    // In Scoresbysund 23:00 on Saturday 29 March 2025 was followed by 00:00 on Sunday.
    let saturday = ticks("30 23 * * SAT", "America/Scoresbysund", "2025-03-29T12:00:00Z", 1);
    assert_eq!(shown(saturday.clone()), ["2025-03-30T00:00:00-01:00"]);
    assert_eq!(saturday[0].nominal.to_string(), "2025-03-29T23:30:00");
    let sunday = ticks("30 23 * * SUN", "America/Scoresbysund", "2025-03-29T12:00:00Z", 1);
    assert_eq!(shown(sunday), ["2025-03-30T23:30:00-01:00"]);
}

#[test]
fn offset_changes_of_any_size_follow_the_same_rules() {
    // Half an hour, two hours, three hours back.
    assert_eq!(shown(ticks("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T12:00:00Z", 1)), ["2025-10-05T02:30:00+11:00"]);
    assert_eq!(
        shown(ticks("30 1,2 * * *", "Antarctica/Troll", "2024-03-31T00:45:00Z", 2)),
        ["2024-03-31T03:00:00+02:00", "2024-04-01T01:30:00+02:00"]
    );
    assert_eq!(
        shown(ticks("30 23 * * *", "Antarctica/Casey", "2010-03-04T10:00:00Z", 2)),
        ["2010-03-04T23:30:00+11:00", "2010-03-05T23:30:00+08:00"]
    );
}

#[test]
fn a_change_against_the_yearly_rule_is_not_overlooked() {
    // Ciudad Juarez went an hour back at the end of November 2022, in the month in which its yearly rule does too.
    assert_eq!(
        shown(ticks("59 23 * * *", "America/Ciudad_Juarez", "2022-11-29T12:00:00Z", 2)),
        ["2022-11-29T23:59:00-06:00", "2022-11-30T23:59:00-07:00"]
    );
}

#[test]
fn a_schedule_may_choose_otherwise_for_gaps() {
    let gap = |policy| shown(by_policy("30 2 * * *", BEFORE_GAP, Some(policy), None))[0].clone();
    assert_eq!(gap(GapPolicy::RunAfter), "2025-03-30T03:00:00+02:00");
    assert_eq!(gap(GapPolicy::Shift), "2025-03-30T03:30:00+02:00");
    assert_eq!(gap(GapPolicy::Skip), "2025-03-31T02:30:00+02:00");
}

#[test]
fn a_shifted_time_keeps_its_place_among_the_regular_ones() {
    let ticks = by_policy("30 2,3 * * *", BEFORE_GAP, Some(GapPolicy::Shift), None);
    assert_eq!(
        shown(ticks.clone()),
        ["2025-03-30T03:30:00+02:00", "2025-03-31T02:30:00+02:00", "2025-03-31T03:30:00+02:00", "2025-04-01T02:30:00+02:00"]
    );
    assert_eq!((ticks[0].landing, ticks[0].merged), (Landing::Shifted, 1));
}

#[test]
fn a_schedule_may_choose_otherwise_for_folds() {
    let fold = |expr, policy| shown(by_policy(expr, BEFORE_FOLD, None, Some(policy)));
    assert_eq!(fold("30 2 * * *", FoldPolicy::First)[..2], ["2025-10-26T02:30:00+02:00", "2025-10-27T02:30:00+01:00"]);
    assert_eq!(fold("30 2 * * *", FoldPolicy::Second)[..2], ["2025-10-26T02:30:00+01:00", "2025-10-27T02:30:00+01:00"]);
    assert_eq!(fold("30 2 * * *", FoldPolicy::Both)[..2], ["2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00"]);
    assert_eq!(fold("*/30 2 * * *", FoldPolicy::First)[2], "2025-10-27T02:00:00+01:00");
}

#[test]
fn a_fraction_of_a_second_neither_repeats_nor_loses_a_tick() {
    let utc = jiff::tz::TimeZone::UTC;
    let next = |after| cron("* * * * * *").next(at(after), &utc).unwrap().to_string();
    assert_eq!(next("2025-01-01T00:00:00.999999999Z"), "2025-01-01T00:00:01+00:00");
    assert_eq!(next("1960-01-01T00:00:00.5Z"), "1960-01-01T00:00:01+00:00");
    let latest = |before| cron("* * * * * *").latest(at(before), &utc).unwrap().to_string();
    assert_eq!(latest("1960-01-01T00:00:00.5Z"), "1960-01-01T00:00:00+00:00");
}

#[test]
fn an_offset_with_seconds_is_written_in_full() {
    let tick = ticks("0 12 * * *", "Africa/Monrovia", "1971-01-01T00:00:00Z", 1)[0];
    assert_eq!(tick.to_string(), "1971-01-01T12:00:00-00:44:30");
}

#[test]
fn rare_days_are_found_years_ahead_and_the_end_of_time_is_none() {
    assert_eq!(
        shown(ticks("0 0 29 2 */7", "Europe/Berlin", "2076-03-01T00:00:00Z", 2)),
        ["2088-02-29T00:00:00+01:00", "2128-02-29T00:00:00+01:00"]
    );
    assert_eq!(cron("* * * * *").next(jiff::Timestamp::MAX, &zone("Europe/Berlin")), None);
    assert_eq!(cron("* * * * *").latest(jiff::Timestamp::MIN, &zone("Europe/Berlin")), None);
}
