//! Command tasks: one process a job, the same life as other tasks.

use serde_json::json;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Length;
use workaday_engine::crew::ChildKind;
use workaday_engine::event::{Ended, StopWhy};
use workaday_engine::{Command, Event, Settings};
use workaday_store::ByHand;
use workaday_testkit::{TaskBuilder, World};

const BACKUP: &str = "command.backup";

fn only(entry: TaskEntry) -> World {
    let mut world = World::with(vec![], Settings { has_app: false, commands: 2, ..Settings::default() });
    world.configure(vec![entry]);
    world
}

fn backup() -> World {
    only(TaskBuilder::command(BACKUP).entry())
}

fn done() -> Option<Ended> {
    Some(Ended::Completed { result: Some(r#"{"exit_code":0}"#.into()), mark: None })
}

fn failed(retry: bool) -> Option<Ended> {
    Some(Ended::Failed { error: r#"{"type":"command.failed"}"#.into(), retry })
}

#[test]
fn a_command_runs_without_any_python_child() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    assert_eq!(world.state(id), "running");
    assert!(world.engine.crew.children.values().all(|child| child.kind == ChildKind::Command));
    world.end_command(done());
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("completed", "completed"));
    assert!(world.engine.crew.children.is_empty());
}

#[test]
fn no_more_commands_run_at_once_than_there_is_room_for() {
    let mut world = backup();
    let ids: Vec<_> = (0..3).map(|_| world.enqueue(BACKUP)).collect();
    world.run();
    assert_eq!(world.sent.len(), 2);
    world.end_command(done());
    assert_eq!((world.sent.len(), world.state(ids[2]).as_str()), (2, "running"));
}

#[test]
fn a_failed_command_is_retried_until_its_attempts_are_used_up() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    for _ in 0..3 {
        world.end_command(failed(true));
        world.advance(Length::minutes(1));
        world.run();
    }
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("discarded", "failed,failed,failed"));
}

#[test]
fn a_program_that_is_not_there_is_tried_once() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    world.end_command(failed(false));
    assert_eq!((world.state(id).as_str(), world.attempt(id)), ("discarded", 1));
}

#[test]
fn three_deaths_by_signal_are_a_quarantine() {
    let mut world = only(TaskBuilder::command(BACKUP).with("retry", json!({"attempts": 9, "base_us": 0, "jitter": 0.0})).entry());
    let id = world.enqueue(BACKUP);
    world.run();
    for _ in 0..3 {
        world.end_command(None);
        world.advance(Length::seconds(1));
        world.run();
    }
    assert_eq!((world.held(id).as_deref(), world.outcomes(id).as_str()), (Some("quarantine"), "crashed,crashed,crashed"));
    assert_eq!(world.lane(id), "command", "a command is alone in its process in any case");
}

#[test]
fn a_command_over_its_time_gets_term_and_then_kill() {
    let mut world = only(TaskBuilder::command(BACKUP).with("timeout_us", json!(1_000_000)).entry());
    let id = world.enqueue(BACKUP);
    world.run();
    let (child, frame) = world.sent[0].clone();
    world.said.clear();
    world.advance(Length::seconds(1));
    world.run();
    assert_eq!(world.said, [Command::Stop { child, seq: frame.seq, why: StopWhy::Timeout }]);
    world.advance(Settings::default().kill_after);
    world.run();
    assert_eq!(world.said[1..], [Command::Kill { child }]);
    world.end_command(None);
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("retryable", "timed_out"));
}

#[test]
fn an_exit_code_after_a_stop_does_not_count_as_success() {
    let mut world = only(TaskBuilder::command(BACKUP).with("timeout_us", json!(1_000_000)).entry());
    let id = world.enqueue(BACKUP);
    world.run();
    world.advance(Length::seconds(1));
    world.run();
    world.end_command(done());
    assert_eq!(world.outcomes(id), "timed_out");
}

#[test]
fn a_cancelled_command_is_asked_to_stop() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    let now = world.now.wall;
    world.write(|store| store.cancel(id, &ByHand { who: "test".into(), why: None }, now).map(drop));
    world.engine.wake();
    world.run();
    assert!(world.said.iter().any(|said| matches!(said, Command::Stop { why: StopWhy::ByHand, .. })));
    world.end_command(None);
    assert_eq!(world.state(id), "cancelled");
}

#[test]
fn a_drain_gives_a_command_back_without_spending_its_attempt() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    world.engine.stop(world.now);
    world.run();
    assert_eq!(world.state(id), "running", "it may finish within the grace");
    world.advance(Settings::default().grace);
    world.run();
    assert!(world.said.iter().any(|said| matches!(said, Command::Stop { why: StopWhy::Drain, .. })));
    world.end_command(None);
    assert_eq!((world.state(id).as_str(), world.attempt(id)), ("available", 0));
    assert!(world.engine.is_done());
}

#[test]
fn a_tree_above_its_memory_is_killed() {
    let mut world = only(TaskBuilder::command(BACKUP).with("memory_bytes", json!(1 << 20)).entry());
    let id = world.enqueue(BACKUP);
    world.run();
    let (child, _) = world.sent[0].clone();
    world.engine.handle(Event::Memory { child, resident_bytes: 2 << 20 }, world.now);
    world.run();
    assert!(world.said.contains(&Command::Kill { child }));
    world.end_command(None);
    assert_eq!(world.outcomes(id), "over_memory");
}

#[test]
fn a_rescued_command_stays_in_its_lane_however_often() {
    let mut world = backup();
    let id = world.enqueue(BACKUP);
    world.run();
    for _ in 0..4 {
        world = world.restart();
        assert_eq!((world.state(id).as_str(), world.lane(id).as_str()), ("running", "command"));
    }
}

#[test]
fn neither_side_drops_the_tasks_of_the_other() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.pack").entry()]);
    world.configure(vec![TaskBuilder::command(BACKUP).entry()]);
    let (job, command) = (world.enqueue("shop.pack"), world.enqueue(BACKUP));
    world.deploy(vec![TaskBuilder::sync("shop.pack").entry(), TaskBuilder::sync("shop.send").entry()]);
    let child = world.child_of(ChildKind::Sync);
    world.die(child, None);
    for name in ["shop.pack", "shop.send", BACKUP] {
        assert!(world.engine.catalogue().get(name).is_some(), "{name}");
    }
    let stored: Vec<String> = world.engine.store().catalogue().expect("a catalogue").into_iter().map(|entry| entry.name).collect();
    assert_eq!(stored, [BACKUP, "shop.pack", "shop.send"]);
    assert_eq!((world.held(job), world.held(command)), (None, None));
}

#[test]
fn a_command_that_left_the_configuration_is_held_until_it_is_back() {
    let mut world = backup();
    world.configure(vec![]);
    let id = world.enqueue_with(BACKUP, |job| job.lane = workaday_core::job::Lane::Command);
    world.run();
    assert_eq!(world.held(id).as_deref(), Some("unknown_task"));
    world.configure(vec![TaskBuilder::command(BACKUP).entry()]);
    world.run();
    assert_eq!(world.state(id), "running");
}

#[test]
fn a_task_with_the_name_of_a_command_does_not_take_its_place() {
    let mut world = World::new(vec![]);
    world.configure(vec![TaskBuilder::command(BACKUP).entry()]);
    world.deploy(vec![TaskBuilder::sync(BACKUP).entry()]);
    let child = world.child_of(ChildKind::Sync);
    world.die(child, None);
    assert_eq!(world.alerts("command.name_taken"), 1);
    let id = world.enqueue(BACKUP);
    world.run();
    assert_eq!(world.lane(id), "command");
}
