//! A second Rust program asked the same questions: croner 4.0.3.
//!
//! Where it reads expressions as we do, every answer must be the same. Where it does not, the difference is written
//! down here and pinned on both sides, so that a new version of either shows up.

mod common;

use std::str::FromStr;

use common::{at, cron, zone};
use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn croner_next(expr: &str, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let found = Cron::from_str(expr).ok()?.find_next_occurrence(&after.to_zoned(zone.clone()), false);
    found.ok().map(|found| found.timestamp())
}

fn ours(expr: &str, after: Timestamp, zone: &TimeZone) -> Timestamp {
    cron(expr).next(after, zone).expect("every expression has a tick").due_at
}

/// Values of one field, in the forms that both programs know.
fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        (low..=high).prop_map(|value| value.to_string()),
        (low..=high, low..=high).prop_map(|(one, two)| format!("{}-{}", one.min(two), one.max(two))),
        (low..=high, low..=high, 1..9_u32).prop_map(|(one, two, step)| format!("{}-{}/{step}", one.min(two), one.max(two))),
    ];
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (2..high).prop_map(|step| format!("*/{step}")),
        4 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")),
    ]
}

/// Day of month and day of week; croner does not know Debian's rule for `*/n`, so one of them is left open.
fn days() -> impl Strategy<Value = (String, String)> {
    let day = prop_oneof![5 => field(1, 28), 1 => Just("L".to_owned()), 1 => (1..28_u32).prop_map(|day| format!("{day}W"))];
    let weekday = prop_oneof![5 => field(0, 6), 1 => (0..7_u32, 1..5_u32).prop_map(|(day, n)| format!("{day}#{n}")),
        1 => (0..7_u32).prop_map(|day| format!("{day}L"))];
    let open = || Just("*".to_owned());
    prop_oneof![2 => (open(), open()), 1 => (day, open()), 1 => (open(), weekday)]
}

fn expressions() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![3 => Just(String::new()), 1 => field(0, 59).prop_map(|field| field + " ")];
    (seconds, field(0, 59), field(0, 23), days(), field(1, 12))
        .prop_map(|(second, minute, hour, (day, weekday), month)| format!("{second}{minute} {hour} {day} {month} {weekday}"))
}

proptest! {
    #![proptest_config(common::cases(2000))]

    #[test]
    fn without_clock_changes_every_answer_is_the_same(expr in expressions(), start in 0_i64..2_000_000_000) {
        let mut after = Timestamp::from_second(start).unwrap();
        for _ in 0..4 {
            let next = ours(&expr, after, &TimeZone::UTC);
            prop_assert_eq!(Some(next), croner_next(&expr, after, &TimeZone::UTC), "{} after {}", expr, after);
            after = next;
        }
    }

    #[test]
    fn one_named_time_a_day_is_the_same_at_clock_changes(
        minute in 0..60_u32, hour in 0..5_u32, days in -2_i64..2,
        place in prop_oneof![
            Just(("Europe/Berlin", "2025-03-30T01:00:00Z")), Just(("Europe/Berlin", "2025-10-26T01:00:00Z")),
            Just(("America/New_York", "2025-03-09T07:00:00Z")), Just(("America/New_York", "2025-11-02T06:00:00Z")),
            Just(("Australia/Lord_Howe", "2025-10-04T15:30:00Z")), Just(("Antarctica/Troll", "2024-03-31T01:00:00Z")),
        ],
    ) {
        let (zone, expr) = (zone(place.0), format!("{minute} {hour} * * *"));
        let after = at(place.1) + SignedDuration::from_hours(24 * days);
        prop_assert_eq!(Some(ours(&expr, after, &zone)), croner_next(&expr, after, &zone), "{} after {}", expr, after);
    }
}

struct Difference {
    expr: &'static str,
    zone: &'static str,
    after: &'static str,
    ours: &'static str,
    /// Nothing where croner gives an error.
    croners: Option<&'static str>,
    why_ours: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        expr: "0,30 2 * * *",
        zone: "Europe/Berlin",
        after: "2025-03-30T00:00:00Z",
        ours: "2025-03-30T01:00:00Z",
        croners: Some("2025-03-31T00:00:00Z"),
        why_ours: "a list of named times is still named times: not lost in the gap",
    },
    Difference {
        expr: "0,30 2 * * *",
        zone: "Europe/Berlin",
        after: "2025-10-26T00:30:00Z",
        ours: "2025-10-27T01:00:00Z",
        croners: Some("2025-10-26T01:00:00Z"),
        why_ours: "a list of named times is still named times: not run twice in the fold",
    },
    Difference {
        expr: "0 8 */2 * MON",
        zone: "UTC",
        after: "2026-11-23T09:00:00Z",
        ours: "2026-12-07T08:00:00Z",
        croners: Some("2026-11-25T08:00:00Z"),
        why_ours: "Debian's rule: a day field that begins with `*` must match as well",
    },
    Difference {
        expr: "0 12 30 12 *",
        zone: "Pacific/Apia",
        after: "2011-12-29T12:00:00Z",
        ours: "2011-12-30T10:00:00Z",
        croners: None,
        why_ours: "a whole day may be missing",
    },
];

#[test]
fn the_known_differences_are_these() {
    for Difference { expr, zone: name, after, ours: our_next, croners, why_ours } in DIFFERENCES {
        let (zone, after) = (zone(name), at(after));
        assert_eq!(ours(expr, after, &zone), at(our_next), "{expr}: {why_ours}");
        assert_eq!(croner_next(expr, after, &zone), croners.map(at), "croner on {expr}: {why_ours}");
    }
}

#[test]
fn croner_lets_typing_mistakes_pass_that_are_refused_here() {
    for text in ["1, * * * *", "5,,10 * * * *", "0 0 1 JANFEB *", "0 0 30 2 *"] {
        assert!(Cron::from_str(text).is_ok(), "croner refuses {text} by now");
        assert!(workaday_core::schedule::CronExpr::parse(text).is_err(), "{text}");
    }
}
