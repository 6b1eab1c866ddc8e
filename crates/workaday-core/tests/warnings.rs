//! The traps that are pointed out before they are stepped into.

mod common;

use std::collections::BTreeSet;

use common::{at, cron, zone};
use workaday_core::schedule::{ClockChange, DstPolicy, GapPolicy, Warning};

fn codes(expr: &str) -> Vec<&'static str> {
    cron(expr).warnings().iter().map(|warning| warning.code).collect()
}

fn changes(expr: &str, tz: &str) -> Vec<ClockChange> {
    cron(expr).clock_changes(at("2026-11-22T00:00:00Z"), &zone(tz), DstPolicy::default())
}

fn messages(expr: &str, tz: &str) -> Vec<String> {
    changes(expr, tz).into_iter().map(|change| change.warning.message).collect()
}

#[test]
fn plain_expressions_have_no_warning() {
    for expr in ["* * * * *", "*/15 9-17 * * 1-5", "15 3 1 * *", "0 */6 * * *", "0 0 L * *", "*/30 * * * * *"] {
        assert!(codes(expr).is_empty(), "{expr}: {:?}", cron(expr).warnings());
    }
}

#[test]
fn two_day_fields_are_pointed_out() {
    assert_eq!(codes("0 8 1-7 * MON"), ["cron.either_day_field"]);
    let warning = &cron("0 8 1-7 * MON").warnings()[0];
    assert_eq!(warning.message, "a day that matches `1-7` or `MON` is enough: the two are not combined");
    assert!(warning.hint.as_ref().unwrap().contains("MON#1"));
    assert_eq!(codes("0 8 */7 * MON"), ["cron.both_day_fields", "cron.step_uneven"]);
}

#[test]
fn steps_that_do_not_divide_are_pointed_out() {
    assert_eq!(codes("*/7 * * * *"), ["cron.step_uneven"]);
    assert_eq!(
        cron("*/7 * * * *").warnings()[0].message,
        "a step of 7 does not divide the hour: it begins anew each hour, 4 instead of 7 minutes after the last one"
    );
    assert_eq!(codes("0 */5 * * *"), ["cron.step_uneven"]);
    assert_eq!(codes("*/45 * * * * *"), ["cron.step_uneven"]);
    assert_eq!(codes("0 0 */2 * *"), ["cron.step_uneven"]);
    assert_eq!(codes("0 0 1 */5 *"), ["cron.step_uneven"]);
    assert_eq!(codes("0 0 * * */2"), ["cron.step_uneven"]);
    assert_eq!(codes("*/100 * * * *"), ["cron.step_past_end"]);
    assert_eq!(codes("0 0 */40 * *"), ["cron.step_past_end"]);
}

#[test]
fn every_code_is_reached() {
    let mut reached: BTreeSet<&str> = ["0 8 1-7 * MON", "0 8 */7 * MON", "*/100 * * * *"].iter().flat_map(|expr| codes(expr)).collect();
    reached.insert(changes("30 2 * * *", "Europe/Berlin")[0].warning.code);
    assert_eq!(reached, Warning::CODES.iter().copied().collect());
}

#[test]
fn a_named_time_inside_the_next_clock_changes_is_pointed_out() {
    assert_eq!(
        messages("30 2 * * *", "Europe/Berlin"),
        [
            "on 2027-03-28 the clock goes from 02:00:00 to 03:00:00 and 02:30:00 does not exist: it runs at 03:00:00",
            "on 2027-10-31 the clock goes from 03:00:00 to 02:00:00 and 02:30:00 comes twice: it runs the first time only",
        ]
    );
    assert!(messages("30 4 * * *", "Europe/Berlin").is_empty());
    assert!(messages("30 2 * * *", "UTC").is_empty());
    assert!(messages("30 2 * * MON", "Europe/Berlin").is_empty(), "the clocks change on a Sunday");
}

#[test]
fn a_rhythm_is_pointed_out_only_when_it_names_hours() {
    assert!(messages("*/30 * * * *", "Europe/Berlin").is_empty());
    assert!(messages("*/30 2 * * *", "Europe/Berlin")[0].ends_with("02:00:00 does not exist: it does not run"));
    assert!(messages("*/30 2 * * *", "Europe/Berlin")[1].ends_with("02:00:00 comes twice: it runs both times"));
}

#[test]
fn the_warning_follows_the_policy_that_was_chosen() {
    let policy = DstPolicy { gap: Some(GapPolicy::Shift), fold: None };
    let changes = cron("30 2 * * *").clock_changes(at("2026-11-22T00:00:00Z"), &zone("Europe/Berlin"), policy);
    assert!(changes[0].warning.message.ends_with("it runs by the clock as it was"));
    assert_eq!(changes[0].warning.code, "cron.clock_change");
    assert_eq!(changes[0].changes_at, at("2027-03-28T01:00:00Z"));
    assert_eq!(changes[0].nominal.to_string(), "2027-03-28T02:30:00");
}
