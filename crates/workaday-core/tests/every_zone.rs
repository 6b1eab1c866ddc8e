//! Every IANA zone, around every clock change from 1970 to 2037.
//!
//! The normal run takes a part of the zones and a few hours around each change. `WORKADAY_TEST_LONG=1` takes all of
//! them, a day on either side, and walks twenty years of minutes in three zones.

mod common;

use common::{at, cron, zone};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use workaday_core::schedule::{DstPolicy, ExcludedDates, FoldPolicy, GapPolicy, Tick, Walk};

fn long() -> bool {
    std::env::var_os("WORKADAY_TEST_LONG").is_some()
}

/// Every zone by name; a part of them that changes with nothing in the normal run.
fn zones() -> Vec<(String, TimeZone)> {
    let database = TimeZoneDatabase::bundled();
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let wanted = |(place, _): &(usize, &String)| long() || place % 7 == 0;
    let wanted: Vec<&String> = names.iter().enumerate().filter(wanted).map(|(_, name)| name).collect();
    assert!(wanted.len() > 60, "the zone data is missing");
    wanted.into_iter().map(|name| (name.clone(), zone(name))).collect()
}

/// The instants at which the zone's offset changes, 1970 to 2037.
fn changes(zone: &TimeZone) -> Vec<Timestamp> {
    let end = at("2038-01-01T00:00:00Z");
    let all = zone.following(Timestamp::UNIX_EPOCH).take_while(|change| change.timestamp() < end);
    let moves = |at: &Timestamp| zone.to_offset(*at - SignedDuration::from_secs(1)) != zone.to_offset(*at);
    all.map(|change| change.timestamp()).filter(moves).collect()
}

#[test]
fn no_two_changes_are_so_near_that_one_reaches_the_other() {
    for (name, zone) in zones() {
        let changes = changes(&zone);
        for (one, next) in changes.iter().zip(changes.iter().skip(1)) {
            let size = |at: &Timestamp| {
                let before = zone.to_offset(*at - SignedDuration::from_secs(1)).seconds();
                SignedDuration::from_secs((zone.to_offset(*at).seconds() - before).unsigned_abs().into())
            };
            assert!(*one + size(one) + size(next) < *next, "{name}: {one} and {next}");
        }
    }
}

#[test]
fn minutely_ticks_are_every_minute_of_real_time_and_strictly_increase() {
    let around = SignedDuration::from_hours(if long() { 26 } else { 4 });
    let every_minute = cron("* * * * *");
    for (name, zone) in zones() {
        for change in changes(&zone) {
            // Offsets with odd seconds make the minute of the clock another than the minute of UTC.
            if [change, change - SignedDuration::from_secs(1)].iter().any(|at| zone.to_offset(*at).seconds() % 60 != 0) {
                continue;
            }
            let mut last = change - around;
            let ticks = every_minute.ticks(last, &zone).take_while(|tick| tick.due_at < change + around);
            for tick in ticks {
                assert_eq!(tick.due_at.duration_since(last).as_secs(), 60, "{name}: {tick}");
                last = tick.due_at;
            }
        }
    }
}

#[test]
fn a_named_time_runs_once_for_every_day_of_the_calendar() {
    let around = SignedDuration::from_hours(72);
    for (name, zone) in zones() {
        for change in changes(&zone) {
            for expr in ["30 2 * * *", "0 0 * * *", "59 23 * * *"] {
                let ticks: Vec<Tick> = cron(expr).ticks(change - around, &zone).take_while(|tick| tick.due_at < change + around).collect();
                for pair in ticks.windows(2) {
                    assert!(pair[0].due_at < pair[1].due_at, "{name}: {} then {}", pair[0], pair[1]);
                    let days = pair[1].nominal.date() - pair[0].nominal.date();
                    // A tick that merged with one of a missing day stands for both days.
                    assert_eq!(days.get_days(), 1 + pair[0].merged as i32, "{name}: {} then {}", pair[0], pair[1]);
                }
            }
        }
    }
}

#[test]
fn years_of_minutes_strictly_increase() {
    let years = if long() { 20 } else { 1 };
    for name in ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"] {
        let (zone, every_minute) = (zone(name), cron("* * * * *"));
        let (from, minutes) = (at("2010-01-01T00:00:00Z"), years * 365 * 24 * 60);
        let mut last = from;
        for tick in every_minute.ticks(from, &zone).take(minutes) {
            assert_eq!(tick.due_at.duration_since(last).as_secs(), 60, "{name}: {tick}");
            last = tick.due_at;
        }
        assert_eq!(last, from + SignedDuration::from_mins(minutes as i64));
        assert_eq!(every_minute.in_zone(&zone).count(from, last), minutes as u64);
    }
}

/// A zone, one of its changes, and an instant within three days of it.
fn places() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let all: Vec<(TimeZone, Vec<Timestamp>)> = zones().into_iter().map(|(_, zone)| (zone.clone(), changes(&zone))).collect();
    (0..all.len(), any::<prop::sample::Index>(), -260_000_i64..260_000).prop_map(move |(place, change, seconds)| {
        let (zone, changes) = &all[place];
        let near = if changes.is_empty() { Timestamp::UNIX_EPOCH } else { changes[change.index(changes.len())] };
        (zone.clone(), near + SignedDuration::from_secs(seconds))
    })
}

fn expressions() -> impl Strategy<Value = String> {
    let second = prop_oneof![4 => Just(""), 1 => Just("0 "), 1 => Just("*/20 "), 1 => Just("7,59 ")];
    let minute = prop_oneof![Just("*"), Just("30"), Just("0,15,45"), Just("*/10"), Just("5-20/5"), Just("59")];
    let hour = prop_oneof![Just("*"), Just("0"), Just("2"), Just("1-3"), Just("*/2"), Just("23"), Just("0-23")];
    let days = prop_oneof![
        6 => Just("* * *"), 1 => Just("* * SUN"), 1 => Just("L * *"), 1 => Just("1-7 * MON"), 1 => Just("*/2 * SAT,SUN"),
        1 => Just("15W * *"), 1 => Just("* * MON#1,FRIL")
    ];
    (second, minute, hour, days).prop_map(|(s, m, h, d)| format!("{s}{m} {h} {d}"))
}

fn policies() -> impl Strategy<Value = DstPolicy> {
    let gap = prop_oneof![3 => Just(None), 1 => Just(Some(GapPolicy::RunAfter)), 1 => Just(Some(GapPolicy::Skip)),
        1 => Just(Some(GapPolicy::Shift))];
    let fold = prop_oneof![3 => Just(None), 1 => Just(Some(FoldPolicy::First)), 1 => Just(Some(FoldPolicy::Second)),
        1 => Just(Some(FoldPolicy::Both))];
    (gap, fold).prop_map(|(gap, fold)| DstPolicy { gap, fold })
}

proptest! {
    #![proptest_config(common::cases(if long() { 20_000 } else { 600 }))]

    #[test]
    fn forwards_backwards_and_counting_agree((zone, from) in places(), expr in expressions(), dst in policies()) {
        let expr = cron(&expr);
        let none = ExcludedDates::NONE;
        let walk = Walk::new(&expr, &zone, dst, &none);
        let ticks: Vec<Tick> = walk.ticks(from).take(200).collect();
        let mut before = from;
        for (place, tick) in ticks.iter().enumerate() {
            prop_assert!(tick.due_at > before, "{tick} is not after {before}");
            prop_assert_eq!(walk.next(before), Some(*tick));
            prop_assert_eq!(walk.latest(tick.due_at), Some(*tick));
            prop_assert_eq!(walk.count(from, tick.due_at), place as u64 + 1);
            let just_before = tick.due_at - SignedDuration::from_nanos(1);
            prop_assert_eq!(walk.count(from, just_before), place as u64);
            if place > 0 {
                prop_assert_eq!(walk.latest(just_before), Some(ticks[place - 1]));
            }
            before = tick.due_at;
        }
    }
}
