//! Schedules on a real store: every tick decided once, whatever restarts, pauses and clocks do.

use serde_json::{Value, json};
use workaday_core::clock::Length;
use workaday_store::ByHand;
use workaday_testkit::{TaskBuilder, World};

fn task(schedule: Value) -> workaday_core::catalogue::TaskEntry {
    let mut schedule = schedule;
    schedule["name"] = json!("shop.report");
    schedule["task"] = json!("shop.report");
    TaskBuilder::sync("shop.report").with("schedules", json!([schedule])).entry()
}

/// A world in which the schedule was first seen at this time.
fn world_at(wall: &str, schedule: Value) -> World {
    let mut world = World::new(vec![]);
    world.at(wall);
    world.deploy(vec![task(schedule)]);
    let mut world = world.restart();
    world.run();
    world
}

fn daily() -> Value {
    json!({"cron": ["15 3 * * *"], "tz": "UTC"})
}

#[test]
fn a_new_schedule_begins_now_and_its_first_tick_becomes_a_job_with_its_time() {
    let mut world = world_at("2026-05-01T03:20:00Z", daily());
    assert!(world.ticks("shop.report").is_empty(), "enabling one runs nothing of the past");
    world.at("2026-05-02T03:15:00Z");
    world.run();
    let (_, frame) = world.sent.pop_front().expect("its job was sent");
    assert_eq!((frame.task.as_str(), frame.args.as_str()), ("shop.report", "{}"));
    let tick: Value = serde_json::from_str(&frame.tick.expect("the tick goes with it")).expect("JSON");
    assert_eq!((&tick["nominal"], &tick["zone"], &tick["schedule"]), (&json!("2026-05-02T03:15:00"), &json!("UTC"), &json!("shop.report")));
    assert_eq!(world.ticks("shop.report"), ["2026-05-02T03:15:00Z job"]);
}

#[test]
fn the_engine_wants_to_be_woken_exactly_when_a_tick_is_due() {
    let mut world = world_at("2026-05-01T03:14:59Z", daily());
    world.advance(Length::millis(1));
    let wait = world.engine.next_at(world.now) - world.now.steady;
    assert_eq!(wait, Length::millis(999));
}

#[test]
fn a_supervisor_killed_after_the_tick_decides_it_no_second_time() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    world.at("2026-05-01T03:15:00Z");
    world.run();
    for _ in 0..3 {
        world = world.restart();
    }
    assert_eq!((world.sent.len(), world.ticks("shop.report").len()), (1, 1));
}

#[test]
fn a_deploy_over_the_tick_runs_it_late_and_says_so() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    world.at("2026-05-01T03:17:00Z");
    let mut world = world.restart();
    world.live_until("2026-05-01T03:18:00Z");
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T03:15:00Z job late"]);
}

#[test]
fn a_year_without_a_supervisor_is_one_row_and_an_alert() {
    let mut world = world_at("2025-05-01T00:00:00Z", json!({"cron": ["* * * * * *"], "catch_up": "none"}));
    world.at("2026-05-01T00:00:00Z");
    let world = world.restart();
    assert_eq!(world.ticks("shop.report"), ["2025-05-01T00:00:01Z missed x31535999", "2026-05-01T00:00:00Z job"]);
    assert_eq!(world.alerts("schedule.missed"), 1);
}

#[test]
fn each_second_of_ten_has_one_job_with_restarts_in_between() {
    let mut world =
        world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * * *"], "catch_up": "all", "catch_up_limit": 60, "overlap": "allow"}));
    for second in [3, 4, 9] {
        world.at(&format!("2026-05-01T00:00:{second:02}.4Z"));
        world = world.restart();
    }
    world.at("2026-05-01T00:00:10Z");
    world.run();
    let expected: Vec<String> = (1..=10).map(|second| format!("2026-05-01T00:00:{second:02}Z job")).collect();
    assert_eq!(world.ticks("shop.report"), expected);
}

#[test]
fn a_clock_stepped_back_runs_nothing_twice_and_one_stepped_forward_is_downtime() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["0 * * * *"]}));
    world.live_until("2026-05-01T03:00:00Z");
    world.at("2026-05-01T01:30:00Z");
    world.live_until("2026-05-01T03:30:00Z");
    assert_eq!(world.ticks("shop.report").len(), 3, "01:00, 02:00 and 03:00, each once");
    world.at("2026-05-01T08:10:00Z");
    world.live_until("2026-05-01T08:10:01Z");
    assert_eq!(world.ticks("shop.report")[3..], ["2026-05-01T04:00:00Z superseded x4".to_owned(), "2026-05-01T08:00:00Z job late".into()]);
}

#[test]
fn the_night_the_clock_leaps_runs_once_and_the_night_it_falls_back_too() {
    for (start, end, expected) in [
        ("2026-03-28T22:00:00Z", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z job"),
        ("2026-10-24T22:00:00Z", "2026-10-25T03:00:00Z", "2026-10-25T00:30:00Z job"),
    ] {
        let mut world = world_at(start, json!({"cron": ["30 2 * * *"], "tz": "Europe/Berlin"}));
        world.live_until(end);
        assert_eq!(world.ticks("shop.report"), [expected]);
    }
}

#[test]
fn an_interval_keeps_its_anchor_however_often_the_supervisor_restarts() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"every": "90m"}));
    for minute in [40, 80, 89] {
        world.at(&format!("2026-05-01T{:02}:{:02}:00Z", minute / 60, minute % 60));
        world = world.restart();
    }
    world.live_until("2026-05-01T01:30:00Z");
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T01:30:00Z job"]);
}

#[test]
fn a_run_still_going_has_the_next_tick_skipped_and_three_in_a_row_told() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * *"]}));
    for minute in 1..=4 {
        world.at(&format!("2026-05-01T00:{minute:02}:00Z"));
        world.run();
    }
    let ticks = world.ticks("shop.report");
    assert_eq!(ticks[0], "2026-05-01T00:01:00Z job");
    assert!(ticks[1..].iter().all(|tick| tick.ends_with("skipped_overlap")), "{ticks:?}");
    assert_eq!(world.alerts("schedule.skipping"), 1);
    world.complete();
    world.at("2026-05-01T00:05:00Z");
    world.run();
    assert_eq!((world.sent.len(), world.alerts("schedule.skipping")), (1, 0));
}

#[test]
fn a_queued_tick_waits_for_the_run_before_it_and_starts_when_that_ends() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * *"], "overlap": "queue"}));
    for minute in 1..=3 {
        world.at(&format!("2026-05-01T00:{minute:02}:00Z"));
        world.run();
    }
    assert_eq!(world.sent.len(), 1, "the second waits, the third is skipped");
    assert!(world.ticks("shop.report")[2].ends_with("skipped_overlap"));
    world.complete();
    assert_eq!(world.sent.len(), 1, "the second starts with the end of the first");
    let mut world = world.restart();
    assert_eq!(world.sent.len(), 1, "and again after a crash");
    world.complete();
    assert!(world.sent.is_empty());
}

#[test]
fn cancel_running_stops_the_run_before_it_and_starts_when_that_has_ended() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * *"], "overlap": "cancel_running"}));
    world.at("2026-05-01T00:01:00Z");
    world.run();
    world.at("2026-05-01T00:02:00Z");
    world.run();
    let asked = world.said.iter().any(|command| matches!(command, workaday_engine::Command::Stop { .. }));
    assert!(asked && world.sent.len() == 1, "asked to stop; its successor waits");
    world.answer(workaday_engine::event::Ended::Cancelled { error: None });
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.ticks("shop.report").iter().filter(|tick| tick.ends_with("job")).count(), 2);
}

#[test]
fn a_paused_schedule_is_silent_and_the_pause_is_one_row_at_its_end() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * *"]}));
    let (now, until) = (world.now.wall, world.now.wall + Length::minutes(30));
    let by = ByHand { who: "ops".into(), why: Some("the mail server moves".into()) };
    world.write(|store| store.pause_schedule("shop.report", Some(until), &by, now));
    world.engine.wake();
    world.live_until("2026-05-01T00:10:00Z");
    assert!(world.ticks("shop.report").is_empty());
    world.live_until("2026-05-01T00:31:00Z");
    let ticks = world.ticks("shop.report");
    assert_eq!(ticks, ["2026-05-01T00:01:00Z paused x29", "2026-05-01T00:30:00Z job", "2026-05-01T00:31:00Z job"]);
    assert_eq!(world.schedule("shop.report", "paused_at"), "-");
}

#[test]
fn a_copied_store_does_not_tick() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["* * * * *"]}));
    world.engine.claims_stopped = Some("this store is a copy".into());
    world.live_until("2026-05-01T00:10:00Z");
    assert!(world.ticks("shop.report").is_empty());
}

#[test]
fn a_renamed_task_leaves_its_schedule_broken_with_an_alert_and_its_return_decides_what_waited() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    world.deploy(vec![TaskBuilder::sync("shop.renamed").entry()]);
    let mut world = world.restart();
    assert_eq!((world.schedule("shop.report", "state").as_str(), world.alerts("schedule.broken")), ("broken", 1));
    assert!(world.schedule("shop.report", "broken_reason").contains("no such task `shop.report`"));
    world.at("2026-05-01T04:00:00Z");
    world.run();
    world.deploy(vec![task(daily())]);
    let mut world = world.restart();
    world.live_until("2026-05-01T04:00:01Z");
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T03:15:00Z job late"]);
    assert_eq!(world.alerts("schedule.broken"), 0);
}

#[test]
fn a_schedule_taken_out_of_the_code_is_kept_and_starts_anew_when_it_is_back() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    world.deploy(vec![TaskBuilder::sync("shop.report").entry()]);
    let mut world = world.restart();
    assert_eq!(world.schedule("shop.report", "state"), "absent");
    world.at("2026-05-03T04:00:00Z");
    world.deploy(vec![task(daily())]);
    let mut world = world.restart();
    world.live_until("2026-05-03T04:00:01Z");
    assert!(world.ticks("shop.report").is_empty(), "what came while nobody wanted it does not run");
}

#[test]
fn a_bad_expression_is_an_alert_that_names_the_field_and_stops_no_other_schedule() {
    let bad = json!({"name": "shop.bad", "task": "shop.report", "cron": ["61 3 * * *"], "tz": "UTC"});
    let good = json!({"name": "shop.good", "task": "shop.report", "cron": ["* * * * *"]});
    let mut world = World::new(vec![TaskBuilder::sync("shop.report").with("schedules", json!([bad, good])).entry()]);
    world.advance(Length::minutes(1));
    world.run();
    assert_eq!((world.alerts("schedule.invalid"), world.schedule("shop.bad", "state").as_str()), (1, "broken"));
    assert!(world.schedule("shop.bad", "broken_reason").contains("minute"));
    assert_eq!(world.ticks("shop.good").len(), 1);
}

#[test]
fn arguments_that_do_not_fit_break_the_schedule_when_it_is_stated_and_not_run_by_run() {
    let takes_a_store = json!({"type": "object", "properties": {"store": {"type": "string"}}, "required": ["store"]});
    let stated = |args: serde_json::Value| {
        let schedule = json!({"name": "shop.report", "task": "shop.report", "every": "1h", "args": args});
        TaskBuilder::sync("shop.report").with("params", takes_a_store.clone()).with("schedules", json!([schedule])).entry()
    };
    let mut world = World::new(vec![stated(json!({}))]);
    assert_eq!((world.alerts("schedule.invalid"), world.schedule("shop.report", "state").as_str()), (1, "broken"));
    assert!(world.schedule("shop.report", "broken_reason").contains("its `args` do not fit `shop.report`: `store` is missing"));
    world.deploy(vec![stated(json!({"store": "Lisbon"}))]);
    let world = world.restart();
    assert_eq!((world.alerts("schedule.invalid"), world.schedule("shop.report", "state").as_str()), (0, "active"));
}

#[test]
fn what_does_not_run_is_told_to_the_log_each_time_that_schedules_are_stated() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    let night = |cron: &str| workaday_engine::Settings {
        processes: 1,
        schedules: vec![
            serde_json::from_value(json!({"name": "night", "task": "shop.report", "cron": [cron], "tz": "UTC"})).expect("an entry"),
        ],
        ..Default::default()
    };
    world.engine.reconfigure(night("0 25 * * *"));
    let turn = world.engine.turn(world.now).expect("a turn");
    assert_eq!(turn.unfit, ["schedule night does not run: in `0 25 * * *`, hour `25` is out of range"]);
    world.engine.reconfigure(night("0 4 * * *"));
    assert_eq!(world.engine.turn(world.now).expect("a turn").unfit, Vec::<String>::new());
}

#[test]
fn another_time_in_the_code_begins_anew_and_another_policy_does_not() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"every": "90m"}));
    world.at("2026-05-01T01:00:00Z");
    world.deploy(vec![task(json!({"every": "90m", "overlap": "allow"}))]);
    let mut world = world.restart();
    world.at("2026-05-01T01:10:00Z");
    let before = world.schedule("shop.report", "anchor");
    world.deploy(vec![task(json!({"every": "60m"}))]);
    let mut world = world.restart();
    assert_ne!(world.schedule("shop.report", "anchor"), before);
    world.live_until("2026-05-01T02:10:00Z");
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T02:10:00Z job"]);
}

#[test]
fn a_resume_of_what_is_not_paused_takes_no_tick_from_the_catch_up() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    // The machine was away at 03:15, and somebody is quicker than the supervisor.
    world.at("2026-05-01T04:00:00Z");
    let now = world.now.wall;
    world.write(|store| {
        let known = workaday_engine::schedule_hand::find(store, "shop.report", None)?;
        let by = ByHand { who: "ops".into(), why: None };
        assert_eq!(workaday_engine::schedule_hand::resume(store, &known, &by, now)?, None);
        Ok(())
    });
    world.live_until("2026-05-01T04:00:01Z");
    assert_eq!(world.ticks("shop.report"), ["2026-05-01T03:15:00Z job late"]);
}

#[test]
fn a_job_that_does_not_start_in_time_is_told() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["15 3 * * *"], "tz": "UTC", "late_after_us": Length::minutes(20).0}));
    let now = world.now.wall;
    let rule = workaday_core::hold::HoldRule {
        rule: 0,
        task: Some("shop.report".into()),
        queue: None,
        where_args: vec![],
        reason: "stopped".into(),
        owner: None,
        until: None,
    };
    world.write(|store| store.add_hold(&rule, &ByHand { who: "ops".into(), why: None }, now).map(drop));
    world.at("2026-05-01T03:15:00Z");
    world.run();
    assert_eq!(world.alerts("schedule.late"), 0);
    world.at("2026-05-01T03:35:00Z");
    world.run();
    assert_eq!(world.alerts("schedule.late"), 1);
}

#[test]
fn a_job_that_does_not_finish_in_time_is_told() {
    let mut world =
        world_at("2026-05-01T00:00:00Z", json!({"cron": ["15 3 * * *"], "tz": "UTC", "finish_within_us": Length::minutes(20).0}));
    world.at("2026-05-01T03:15:00Z");
    world.run();
    world.at("2026-05-01T03:35:00Z");
    world.run();
    assert_eq!(world.alerts("schedule.unfinished"), 1);
}

#[test]
fn a_skip_that_the_supervisor_overtook_changes_nothing() {
    let mut world = world_at("2026-05-01T00:00:00Z", daily());
    let by = ByHand { who: "ops".into(), why: None };
    let now = world.now.wall;
    let mut known =
        workaday_engine::schedule_hand::find(world.engine.store(), "shop.report", None).unwrap_or_else(|error| panic!("{error}"));
    known.row.cursor = known.row.cursor - Length::minutes(1);
    let store = world.engine.store();
    store.begin(workaday_store::Durability::Full).expect("the write lock");
    let refused = workaday_engine::schedule_hand::skip(store, &known, 1, &by, now).expect_err("the cursor has moved");
    store.rollback();
    assert!(refused.to_string().contains("was decided by the supervisor meanwhile"), "schedule.moved_on: {refused}");
}

#[test]
fn a_schedule_stated_in_code_and_in_the_configuration_goes_on_as_it_was_first_and_is_told() {
    let twice = serde_json::from_value(json!({"name": "shop.report", "task": "shop.report", "every": "1h"})).expect("an entry");
    let settings = workaday_engine::Settings { processes: 1, schedules: vec![twice], ..workaday_engine::Settings::default() };
    let mut world = World::with(vec![task(daily())], settings);
    world.run();
    assert_eq!(world.alerts("schedule.name_taken"), 1);
}

#[test]
fn a_configuration_read_again_states_its_schedules_and_another_zone_moves_those_that_name_none() {
    let mut world = world_at("2026-05-01T00:00:00Z", json!({"cron": ["15 3 * * *"]}));
    let entry = |cron: &str| {
        serde_json::from_value(json!({"name": "night", "task": "shop.report", "cron": [cron], "tz": "UTC"})).expect("an entry")
    };
    let settings = |cron: &str, tz: Option<&str>| workaday_engine::Settings {
        processes: 1,
        schedules: vec![entry(cron)],
        schedules_tz: tz.map(str::to_owned),
        ..Default::default()
    };
    let due = |world: &World, name: &str| {
        let micros: i64 = world.schedule(name, "next_at").parse().expect("it is due");
        workaday_core::clock::Timestamp(micros).to_string()
    };
    world.engine.reconfigure(settings("0 4 * * *", Some("UTC")));
    world.run();
    assert_eq!((due(&world, "night").as_str(), due(&world, "shop.report").as_str()), ("2026-05-01T04:00:00Z", "2026-05-01T03:15:00Z"));
    world.engine.reconfigure(settings("0 5 * * *", Some("Asia/Tokyo")));
    world.run();
    assert_eq!((due(&world, "night").as_str(), due(&world, "shop.report").as_str()), ("2026-05-01T05:00:00Z", "2026-05-01T18:15:00Z"));
    world.engine.reconfigure(workaday_engine::Settings { schedules: vec![], ..settings("0 5 * * *", Some("Asia/Tokyo")) });
    world.run();
    assert_eq!((world.schedule("night", "state").as_str(), world.schedule("shop.report", "state").as_str()), ("absent", "active"));
}
