//! What is told of a schedule beside the outcome of its jobs, what is added at run time, and what a deploy would change.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::schedule::{ScheduleEntry, ScheduleSource, ScheduleState};
use workaday_engine::event::{Ended, Spent};
use workaday_engine::schedule_diff::{Stated, What, diff};
use workaday_engine::schedule_hand::{self as hand, Added};
use workaday_engine::{Event, Settings};
use workaday_store::{ByHand, StoreError};
use workaday_testkit::{TaskBuilder, World};

fn entry(schedule: Value) -> ScheduleEntry {
    let mut whole = json!({"name": "shop.report", "task": "shop.report"});
    whole.as_object_mut().expect("an object").extend(schedule.as_object().expect("an object").clone());
    serde_json::from_value(whole).expect("a declaration")
}

fn task(schedules: &[ScheduleEntry]) -> TaskEntry {
    TaskBuilder::sync("shop.report").with("schedules", json!(schedules)).with("params", json!({"type": "object", "properties": {}})).entry()
}

fn world(schedule: Value) -> World {
    let mut world = World::new(vec![]);
    world.at("2026-05-01T00:00:00Z");
    world.deploy(vec![task(&[entry(schedule)])]);
    let mut world = world.restart();
    world.run();
    world
}

fn by() -> ByHand {
    ByHand { who: "ops@shop.example".into(), why: Some("a customer asked".into()) }
}

/// The next tick is lived to, and its job runs for so long.
fn run_for(world: &mut World, at: &str, length: Length) {
    world.at(at);
    world.run();
    finish(world, length, Ended::Completed { result: Some("null".into()), mark: None });
}

fn finish(world: &mut World, length: Length, ended: Ended) {
    let (child, job) = world.sent.pop_front().expect("its job was sent");
    world.advance(length);
    let spent = Spent { ran_us: length.0, ..Spent::default() };
    world.engine.handle(Event::Outcome { child, seq: job.seq, ended, spent }, world.now);
    world.run();
}

fn message(world: &World, code: &str) -> Option<String> {
    let alerts = world.reader().alerts(false, None, 100).expect("a look");
    alerts.into_iter().find(|alert| alert.code == code).map(|alert| alert.message)
}

#[test]
fn a_run_that_goes_on_for_much_longer_than_usual_is_told_once_and_its_end_closes_it() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC"}));
    for hour in 1..=5 {
        run_for(&mut world, &format!("2026-05-01T{hour:02}:00:00Z"), Length::minutes(10));
    }
    assert_eq!(world.reader().schedule("shop.report").expect("a look").expect("it").learned.expected(), Some(Length::minutes(10)));
    world.at("2026-05-01T06:00:00Z");
    world.run();
    world.advance(Length::minutes(19));
    world.run();
    assert_eq!(world.alerts("schedule.too_long"), 0);
    let wait = world.engine.next_at(world.now) - world.now.steady;
    assert!(wait <= Length::minutes(1), "the engine wants to look again by then");
    world.advance(Length::minutes(1));
    world.run();
    world.advance(Length::minutes(5));
    world.run();
    let told = message(&world, "schedule.too_long").expect("an alert");
    assert!(told.contains("more than 20m") && told.contains("usually take up to 10m"), "{told}");
    let alerts = world.reader().alerts(false, None, 10).expect("a look");
    assert_eq!(alerts.iter().find(|alert| alert.code == "schedule.too_long").map(|alert| alert.count), Some(1));
    finish(&mut world, Length::minutes(1), Ended::Completed { result: None, mark: None });
    assert_eq!(world.alerts("schedule.too_long"), 0);
}

#[test]
fn before_the_fifth_run_nothing_is_too_long() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC"}));
    for hour in 1..=4 {
        run_for(&mut world, &format!("2026-05-01T{hour:02}:00:00Z"), Length::seconds(1));
    }
    world.at("2026-05-01T05:00:00Z");
    world.run();
    world.advance(Length::minutes(50));
    world.run();
    assert_eq!(world.alerts("schedule.too_long"), 0);
}

#[test]
fn a_run_that_is_over_too_soon_is_told_and_teaches_nothing() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC", "min_duration_us": 30_000_000}));
    run_for(&mut world, "2026-05-01T01:00:00Z", Length::seconds(40));
    assert_eq!(world.alerts("schedule.too_short"), 0);
    run_for(&mut world, "2026-05-01T02:00:00Z", Length::seconds(2));
    let told = message(&world, "schedule.too_short").expect("an alert");
    assert!(told.contains("completed after 2s; less than 30s is too short"), "{told}");
    let row = world.reader().schedule("shop.report").expect("a look").expect("it");
    assert_eq!((row.learned.runs(), row.learned.failures), (1, 1));
    run_for(&mut world, "2026-05-01T03:00:00Z", Length::seconds(40));
    assert_eq!(world.alerts("schedule.too_short"), 0, "one that takes its time closes it");
}

#[test]
fn failures_in_a_row_are_told_of_the_schedule_and_a_completed_run_ends_them() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC", "alert_after_failures": 2}));
    let discarded = || Ended::Failed { error: r#"{"type":"Boom"}"#.into(), retry: false };
    for (hour, alerts) in [(1, 0), (2, 1), (3, 1)] {
        world.at(&format!("2026-05-01T{hour:02}:00:00Z"));
        world.run();
        finish(&mut world, Length::seconds(1), discarded());
        assert_eq!(world.alerts("schedule.failing"), alerts, "after {hour}");
    }
    assert!(message(&world, "schedule.failing").expect("an alert").contains("3 runs in a row have failed"));
    run_for(&mut world, "2026-05-01T04:00:00Z", Length::seconds(1));
    assert_eq!((world.alerts("schedule.failing"), world.schedule("shop.report", "failures")), (0, "0".into()));
}

#[test]
fn a_retry_is_no_failure_of_the_schedule_yet() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC", "alert_after_failures": 1}));
    world.at("2026-05-01T01:00:00Z");
    world.run();
    world.fail();
    assert_eq!((world.alerts("schedule.failing"), world.schedule("shop.report", "failures")), (0, "0".into()));
}

#[test]
fn other_zone_data_moves_the_next_tick_and_the_same_data_does_not() {
    let mut world = world(json!({"cron": ["15 3 * * *"], "tz": "Europe/Lisbon"}));
    let right = world.schedule("shop.report", "next_at");
    world.engine.zone_data("2025a 1".into());
    world.run();
    // As if an older release of the data had put it an hour later.
    let set_wrong = |world: &mut World| {
        let cursor = world.reader().schedule("shop.report").expect("a look").expect("it").cursor;
        let wrong = Timestamp(right.parse::<i64>().expect("a number") + 3_600_000_000);
        world.write(|store| store.move_next("shop.report", cursor, Some(wrong), Timestamp(0)).map(drop));
    };
    set_wrong(&mut world);
    world.engine.zone_data("2025a 1".into());
    world.run();
    assert_ne!(world.schedule("shop.report", "next_at"), right, "the data is the one that is known");
    world.engine.zone_data("2025b 2".into());
    let turn = world.engine.turn(world.now).expect("a turn");
    let moved: Vec<_> = turn.moved.iter().map(|moved| (moved.schedule.as_str(), moved.to.map(|at| at.0.to_string()))).collect();
    assert_eq!(moved, [("shop.report", Some(right.clone()))]);
    assert_eq!(world.schedule("shop.report", "next_at"), right);
}

#[test]
fn those_who_watch_see_that_somebody_decides_and_what_waits() {
    let mut world = world(json!({"cron": ["0 * * * *"], "tz": "UTC"}));
    let health = world.reader().schedule_health(world.now.wall).expect("a look");
    assert_eq!((health.on, health.paused, health.broken, health.oldest_due_at), (1, 0, 0, None));
    assert!(health.last_turn_at.is_some(), "the heartbeat");
    world.at("2026-05-01T01:00:30Z");
    let health = world.reader().schedule_health(world.now.wall).expect("a look");
    assert_eq!(health.oldest_due_age(world.now.wall), Length::seconds(30), "nobody decided it yet");
    world.run();
    let health = world.reader().schedule_health(world.now.wall).expect("a look");
    assert_eq!((health.oldest_due_at, health.last_turn_at), (None, Some(world.now.wall)));
    world.advance(Length::minutes(3));
    world.run();
    let beat = world.reader().schedule_health(world.now.wall).expect("a look").last_turn_at;
    assert_eq!(beat, Some(world.now.wall), "also while nothing is due");
}

#[test]
fn a_schedule_added_at_run_time_ticks_and_no_deploy_touches_it() {
    let mut world = world(json!({"cron": ["0 3 * * *"], "tz": "UTC"}));
    let digest = ScheduleEntry { name: "digest:42".into(), ..entry(json!({"cron": ["30 * * * *"], "tz": "UTC"})) };
    let now = world.now.wall;
    let add = |world: &mut World, digest: &ScheduleEntry| {
        let (mut answer, digest) = (None, digest.clone());
        world.write(|store| {
            answer = Some(hand::add(store, digest, None, &by(), now).map(|(added, ..)| added));
            Ok(())
        });
        world.engine.wake();
        answer.expect("an answer")
    };
    assert_eq!(add(&mut world, &digest).expect("added"), Added::New);
    assert_eq!(add(&mut world, &digest).expect("known"), Added::Known, "a program that adds it at each start adds it once");
    let other = ScheduleEntry { cron: vec!["45 * * * *".into()], ..digest.clone() };
    let code = |error: StoreError| workaday_core::explain::Explain::problem(&error).code.to_string();
    assert_eq!(code(add(&mut world, &other).expect_err("its name is taken")), "schedule.name_taken");
    let wrong = ScheduleEntry { name: "x".into(), cron: vec!["61 * * * *".into()], ..digest.clone() };
    assert_eq!(code(add(&mut world, &wrong).expect_err("no such minute")), "schedule.invalid");
    let lost = ScheduleEntry { name: "x".into(), task: "shop.reprot".into(), ..digest.clone() };
    assert_eq!(code(add(&mut world, &lost).expect_err("no such task")), "task.unknown");
    world.run();
    world.deploy(vec![task(&[])]);
    let mut world = world.restart();
    world.live_until("2026-05-01T01:31:00Z");
    assert_eq!(world.ticks("digest:42"), ["2026-05-01T00:30:00Z job", "2026-05-01T01:30:00Z job"]);
    assert_eq!(world.schedule("shop.report", "state"), "absent", "that one the deploy took out");
}

#[test]
fn a_schedule_removed_and_added_again_decides_no_tick_twice() {
    let mut world = world(json!({"cron": ["0 3 * * *"], "tz": "UTC"}));
    let digest = ScheduleEntry { name: "digest:42".into(), ..entry(json!({"cron": ["30 * * * *"], "tz": "UTC"})) };
    let now = world.now.wall;
    world.write(|store| hand::add(store, digest.clone(), None, &by(), now).map(drop));
    world.write(|store| {
        let known = hand::find(store, "digest:42", None)?;
        hand::skip(store, &known, 2, &by(), now).map(drop)
    });
    world.write(|store| hand::remove(store, "digest:42", &by(), now));
    assert_eq!(world.schedule("digest:42", "state"), "absent");
    world.write(|store| hand::add(store, digest.clone(), None, &by(), now).map(drop));
    world.engine.wake();
    world.live_until("2026-05-01T02:31:00Z");
    assert_eq!(world.ticks("digest:42"), ["2026-05-01T00:30:00Z skipped_by_hand x2", "2026-05-01T02:30:00Z job"]);
    world.write(|store| {
        let refused = hand::remove(store, "shop.report", &by(), now).expect_err("the code states it");
        assert_eq!(workaday_core::explain::Explain::problem(&refused).code, "schedule.not_dynamic");
        let refused = hand::remove(store, "digest:43", &by(), now).expect_err("there is none");
        assert_eq!(workaday_core::explain::Explain::problem(&refused).hint.as_deref(), Some("did you mean `digest:42`?"));
        Ok(())
    });
}

#[test]
fn a_configured_schedule_without_a_task_is_told_at_once_where_nobody_can_bring_it() {
    let lost = |task: &str| ScheduleEntry { task: task.into(), ..entry(json!({"cron": ["0 3 * * *"], "tz": "UTC"})) };
    let no_app = Settings { has_app: false, schedules: vec![lost("shop.report")], ..Settings::default() };
    let mut world = World::with(vec![], no_app).restart();
    world.run();
    assert_eq!((world.schedule("shop.report", "state"), world.alerts("schedule.broken")), ("broken".into(), 1));

    let mut with_app = World::with(vec![], Settings { schedules: vec![lost("command.backup")], ..Settings::default() });
    with_app.mute = true;
    let mut world = with_app.restart();
    world.run();
    assert_eq!(world.schedule("shop.report", "state"), "broken", "commands are known before the application");
}

#[test]
fn other_dates_to_rest_on_keep_the_cursor() {
    let mut world = world(json!({"cron": ["0 3 * * *"], "tz": "UTC"}));
    run_for(&mut world, "2026-05-01T03:00:00Z", Length::seconds(1));
    let cursor = world.schedule("shop.report", "cursor");
    world.deploy(vec![task(&[entry(json!({"cron": ["0 3 * * *"], "tz": "UTC", "exclude": ["2026-05-02"]}))])]);
    let mut world = world.restart();
    world.run();
    assert_eq!(world.schedule("shop.report", "cursor"), cursor);
    world.at("2026-05-02T03:00:00Z");
    world.run();
    assert!(world.sent.is_empty(), "it rests");
    run_for(&mut world, "2026-05-03T03:00:00Z", Length::seconds(1));
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T03:00:00Z job", "2026-05-03T03:00:00Z job"]);
}

#[test]
fn a_deploy_is_told_before_it_is_done() {
    let kept = entry(json!({"cron": ["0 3 * * *"], "tz": "UTC"}));
    let named = |name: &str| ScheduleEntry { name: name.into(), ..kept.clone() };
    let stored = vec![named("same"), named("late"), named("moved"), named("gone"), named("lost")];
    let mut world = World::new(vec![]);
    world.deploy(vec![task(&stored)]);
    let mut world = world.restart();
    world.run();
    let rows = world.reader().schedules().expect("a look");
    let late = ScheduleEntry { late_after_us: Some(60_000_000), ..named("late") };
    let moved = ScheduleEntry { cron: vec!["0 4 * * *".into()], ..named("moved") };
    let lost = ScheduleEntry { task: "shop.other".into(), ..named("lost") };
    let wrong = ScheduleEntry { cron: vec!["0 25 * * *".into()], ..named("wrong") };
    let misfit = ScheduleEntry { args: json!({"store": 1}).as_object().expect("an object").clone(), ..named("misfit") };
    let code = [named("same"), late, moved, lost, wrong, misfit, named("new")];
    let tasks = BTreeMap::from([("shop.report".to_owned(), json!({"type": "object", "properties": {}, "additionalProperties": false}))]);
    let found = diff(&rows, &Stated { code: Some(&code), config: &[], tasks: &tasks, tz: None }, world.now.wall);
    let told: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.what.as_str(), one.starts_anew)).collect();
    assert_eq!(
        told,
        [
            ("gone", "absent", false),
            ("late", "changed", false),
            ("lost", "broken", false),
            ("misfit", "broken", false),
            ("moved", "changed", true),
            ("new", "added", false),
            ("same", "same", false),
            ("wrong", "broken", false),
        ]
    );
    let change = &found[1].changes[0];
    assert_eq!((change.field.as_str(), &change.from, &change.to), ("late_after_us", &Value::Null, &json!(60_000_000)));
    assert!(found.iter().all(|one| one.source == ScheduleSource::Code));
    assert_eq!(rows.iter().filter(|row| row.state == ScheduleState::Active).count(), 5);
    let unasked = diff(&rows, &Stated { code: None, config: &[], tasks: &tasks, tz: None }, world.now.wall);
    assert_eq!(unasked, [], "without code to ask, its schedules are not judged");
    assert_eq!(What::Same.as_str(), "same");
}
