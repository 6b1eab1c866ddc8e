//! Rows that cannot be read: each is set aside with an alert, and the rest goes on.

use serde_json::json;
use workaday_core::hold::HoldRule;
use workaday_store::ByHand;
use workaday_testkit::{TaskBuilder, World};

fn world() -> World {
    World::new(vec![TaskBuilder::sync("shop.pack").entry(), TaskBuilder::sync("shop.send").entry()])
}

fn pause(world: &mut World, where_args: Vec<(String, serde_json::Value)>) {
    let rule = HoldRule {
        rule: 0,
        task: Some("shop.send".into()),
        queue: None,
        where_args,
        reason: "provider down".into(),
        owner: None,
        until: None,
    };
    let now = world.now.wall;
    world.write(|store| store.add_hold(&rule, &ByHand { who: "ada".into(), why: None }, now).map(drop));
}

#[test]
fn a_waiting_job_with_a_damaged_row_is_held_and_the_next_one_runs() {
    let mut world = world();
    let damaged = world.enqueue("shop.pack");
    let sound = world.enqueue("shop.pack");
    world.damage("UPDATE workaday_jobs SET attempt = -1 WHERE id = ?1", Some(damaged));
    world.run();
    assert_eq!(world.sent.len(), 1);
    world.complete();
    assert_eq!(world.state(sound), "completed");
    assert_eq!(world.held(damaged).as_deref(), Some("unreadable"));
    assert_eq!(world.alerts("job.unreadable"), 1);
}

#[test]
fn a_running_job_whose_row_is_damaged_ends_held_and_its_child_takes_the_next() {
    let mut world = world();
    let damaged = world.enqueue("shop.pack");
    world.run();
    world.damage("UPDATE workaday_jobs SET lane = 'strange' WHERE id = ?1", Some(damaged));
    world.complete();
    assert_eq!((world.state(damaged).as_str(), world.held(damaged).as_deref()), ("available", Some("unreadable")));
    let sound = world.enqueue("shop.pack");
    world.run();
    world.complete();
    assert_eq!(world.state(sound), "completed");
}

#[test]
fn a_rescue_sets_a_damaged_row_aside_and_gives_back_the_others() {
    let mut world =
        World::with(vec![TaskBuilder::sync("shop.pack").entry()], workaday_engine::Settings { processes: 2, ..Default::default() });
    let (damaged, sound) = (world.enqueue("shop.pack"), world.enqueue("shop.pack"));
    world.run();
    world.damage("UPDATE workaday_jobs SET crash_count = -5 WHERE id = ?1", Some(damaged));
    let mut world = world.restart();
    assert_eq!((world.held(damaged).as_deref(), world.alerts("job.unreadable")), (Some("unreadable"), 1));
    world.complete();
    assert_eq!(world.state(sound), "completed");
}

/// Too wide is safe: nothing runs that somebody had switched off. It is told once, and ends as any other.
#[test]
fn a_damaged_switch_off_holds_its_whole_task_until_it_is_ended() {
    let mut world = world();
    pause(&mut world, vec![("order".into(), json!(7))]);
    world.damage("UPDATE workaday_holds SET where_args = 'nonsense'", None);
    let (held, other) = (world.enqueue("shop.send"), world.enqueue("shop.pack"));
    world.run();
    world.complete();
    let second = world.enqueue("shop.send");
    world.run();
    assert_eq!((world.held(held).as_deref(), world.held(second).as_deref()), (Some("paused"), Some("paused")));
    assert_eq!((world.state(other).as_str(), world.alerts("hold.unreadable")), ("completed", 1));
    let now = world.now.wall;
    world.write(|store| {
        let by = ByHand { who: "ada".into(), why: None };
        assert_eq!(store.release_hold(Some("shop.send"), None, None, &by, now)?, 1);
        Ok(())
    });
    world.engine.wake();
    world.run();
    assert_eq!(world.held(held), None);
}

#[test]
fn a_damaged_schedule_is_broken_with_an_alert_and_the_other_one_runs() {
    let schedule = |name: &str| json!([{"name": name, "task": name, "cron": ["15 3 * * *"], "tz": "UTC"}]);
    let task = |name: &str| TaskBuilder::sync(name).with("schedules", schedule(name)).entry();
    let mut world = World::new(vec![]);
    world.at("2026-05-01T00:00:00Z");
    world.deploy(vec![task("shop.report"), task("shop.clean")]);
    let mut world = world.restart();
    world.damage("UPDATE workaday_schedules SET skips = -1 WHERE name = 'shop.report'", None);
    world.at("2026-05-01T03:15:00Z");
    world.run();
    assert_eq!(world.ticks("shop.clean"), ["2026-05-01T03:15:00Z job"]);
    assert!(world.ticks("shop.report").is_empty());
    assert_eq!((world.schedule("shop.report", "state").as_str(), world.alerts("schedule.invalid")), ("broken", 1));
}

#[test]
fn a_damaged_entry_of_the_catalogue_is_written_anew_by_the_next_child() {
    let mut world = world();
    world.damage("UPDATE workaday_tasks SET entry = 'nonsense'", None);
    let mut world = world.restart();
    let id = world.enqueue("shop.pack");
    world.run();
    world.complete();
    assert_eq!(world.state(id), "completed");
}
