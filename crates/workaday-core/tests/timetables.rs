//! Schedules as the scheduler asks for them: next, latest, how many, in a given time.

mod common;

use common::{at, cron, shown, zone};
use jiff::{SignedDuration, civil::date};
use proptest::prelude::*;
use workaday_core::schedule::{Calendar, ExcludedDates, Interval, Rule, Tick, Timetable, from_micros};

fn calendar(expressions: &[&str]) -> Calendar {
    let expressions = expressions.iter().map(|text| cron(text)).collect();
    Calendar { expressions, dst: Default::default(), excluded: ExcludedDates::NONE }
}

fn berlin(calendar: Calendar) -> Timetable {
    Timetable::new(Rule::Cron(calendar), zone("Europe/Berlin"))
}

#[test]
fn a_year_down_with_a_tick_each_second_is_decided_without_walking() {
    let seconds = berlin(calendar(&["* * * * * *"]));
    let (down, up) = (at("2025-06-01T00:00:00Z"), at("2026-06-01T00:00:00Z"));
    assert_eq!(seconds.count(down, up), 365 * 86_400);
    assert_eq!(seconds.latest(up).unwrap().due_at, up);
    assert_eq!(
        shown(seconds.last_between(down, up, 3)),
        ["2026-06-01T01:59:58+02:00", "2026-06-01T01:59:59+02:00", "2026-06-01T02:00:00+02:00"]
    );
}

#[test]
fn several_expressions_are_one_schedule_without_doubles() {
    let both = berlin(calendar(&["0 9 * * MON-FRI", "0 9,18 * * FRI", "0 11 * * SAT"]));
    let after = at("2026-11-20T00:00:00Z");
    assert_eq!(
        shown(both.ticks(after).take(4)),
        ["2026-11-20T09:00:00+01:00", "2026-11-20T18:00:00+01:00", "2026-11-21T11:00:00+01:00", "2026-11-23T09:00:00+01:00"]
    );
    assert_eq!(both.next(after).unwrap().merged, 0, "one time named twice is no merger");
}

#[test]
fn an_excluded_date_has_no_tick_and_is_tested_by_its_nominal_date() {
    let mut rests = calendar(&["30 23 * * SAT", "0 12 * * *"]);
    rests.excluded = ExcludedDates::parse("2025-03-29 # the date that is named, not the one the clock shows").unwrap();
    let rests = Timetable::new(Rule::Cron(rests), zone("America/Scoresbysund"));
    assert_eq!(
        shown(rests.ticks(at("2025-03-28T15:00:00Z")).take(1)),
        ["2025-03-30T12:00:00-01:00"],
        "23:30 on the 29th would have run at 00:00 on the 30th"
    );
}

#[test]
fn start_and_end_bound_every_answer() {
    let mut table = berlin(calendar(&["0 12 * * *"]));
    table.starts_at = Some(at("2026-01-10T11:00:00Z"));
    table.ends_at = Some(at("2026-01-12T11:00:00Z"));
    assert_eq!(
        shown(table.ticks(at("2000-01-01T00:00:00Z"))),
        ["2026-01-10T12:00:00+01:00", "2026-01-11T12:00:00+01:00"],
        "the start is inside, the end is not"
    );
    assert_eq!(table.count(at("2000-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")), 2);
    assert_eq!(table.latest(at("2030-01-01T00:00:00Z")).unwrap().to_string(), "2026-01-11T12:00:00+01:00");
    assert_eq!(table.latest(at("2026-01-10T10:00:00Z")), None);
}

#[test]
fn an_interval_and_a_one_off_answer_the_same_questions() {
    let anchor = at("2026-03-28T23:00:00Z");
    let every = Timetable::new(Rule::Every(Interval::parse("12h", anchor).unwrap()), zone("Europe/Berlin"));
    let (after, until) = (at("2026-03-29T00:00:00Z"), at("2026-03-30T23:30:00Z"));
    assert_eq!(
        shown(every.first_between(after, until, 10)),
        ["2026-03-29T13:00:00+02:00", "2026-03-30T01:00:00+02:00", "2026-03-30T13:00:00+02:00", "2026-03-31T01:00:00+02:00"]
    );
    assert_eq!(every.count(after, until), 4);
    assert_eq!(every.last_between(after, until, 1), [every.latest(until).unwrap()]);

    let once = Timetable::new(Rule::At(anchor), zone("Europe/Berlin"));
    assert_eq!(shown(once.ticks(at("2026-01-01T00:00:00Z"))), ["2026-03-29T00:00:00+01:00"]);
    assert_eq!((once.next(anchor), once.count(anchor, until)), (None, 0));
    assert_eq!(once.count(at("2026-01-01T00:00:00Z"), anchor), 1);
}

#[test]
fn ticks_go_to_the_store_and_back_as_microseconds() {
    let tick = berlin(calendar(&["15 3 * * *"])).next(at("2026-11-22T00:00:00Z")).unwrap();
    assert_eq!(from_micros(tick.due_micros()), Some(tick.due_at));
    assert_eq!(from_micros(i64::MAX), None);
}

fn a_few_expressions() -> impl Strategy<Value = Vec<&'static str>> {
    let one = prop_oneof![
        Just("0 9 * * MON-FRI"),
        Just("*/30 * * * *"),
        Just("30 2 * * *"),
        Just("0,30 0-3 * * *"),
        Just("0 */2 L * *"),
        Just("0 12 1,15 * SUN"),
        Just("15 0 0 * * *"),
        Just("*/15 0 3 * * *"),
    ];
    prop::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(common::cases(60))]

    #[test]
    fn counting_agrees_with_walking(
        expressions in a_few_expressions(),
        tz in prop_oneof![Just("Europe/Berlin"), Just("Pacific/Apia"), Just("Australia/Lord_Howe"), Just("UTC")],
        start in 0_i64..86_400 * 400,
        length in 0_i64..86_400 * 60,
        rests in any::<bool>(),
    ) {
        let mut calendar = calendar(&expressions);
        if rests {
            calendar.excluded = (1..28).map(|day| date(2011, 4, day)).chain([date(2011, 12, 30)]).collect();
        }
        let table = Timetable::new(Rule::Cron(calendar), zone(tz));
        let from = at("2011-01-01T00:00:00Z") + SignedDuration::from_secs(start);
        let until = from + SignedDuration::from_secs(length);
        let ticks: Vec<Tick> = table.ticks(from).take_while(|tick| tick.due_at <= until).collect();
        prop_assert_eq!(table.count(from, until), ticks.len() as u64);
        prop_assert!(ticks.windows(2).all(|pair| pair[0].due_at < pair[1].due_at));
        let newest = table.last_between(from, until, 5);
        prop_assert_eq!(&newest, &ticks[ticks.len() - newest.len()..]);
    }
}
