//! The engine on a real store: what becomes of jobs when processes do what processes do.

use serde_json::json;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::hold::HoldRule;
use workaday_engine::crew::ChildKind;
use workaday_engine::event::{Ended, StopWhy};
use workaday_engine::{ChildNo, Command, Event, Settings};
use workaday_store::ByHand;
use workaday_testkit::{TaskBuilder, World};

fn one_sync() -> World {
    World::new(vec![TaskBuilder::sync("shop.pack").entry()])
}

fn by() -> ByHand {
    ByHand { who: "test".into(), why: None }
}

#[test]
fn a_job_goes_from_enqueue_to_completed() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    assert_eq!(world.state(id), "running");
    world.complete();
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("completed", "completed"));
}

#[test]
fn a_failed_job_waits_and_comes_back_until_its_attempts_are_used_up() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    for attempt in 1..=3 {
        assert_eq!((world.state(id).as_str(), world.attempt(id)), ("running", attempt));
        world.fail();
        world.advance(Length::minutes(1));
        world.run();
    }
    assert_eq!(world.state(id), "discarded");
    assert_eq!(world.outcomes(id), "failed,failed,failed");
    assert_eq!(world.alerts("job.discarded"), 1);
}

#[test]
fn an_outcome_after_the_supervisor_was_replaced_is_refused() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    let (child, frame) = world.sent[0].clone();
    let mut world = world.restart();
    assert_eq!((world.state(id).as_str(), world.attempt(id)), ("running", 1), "rescued and claimed again, no attempt spent");
    assert_eq!(world.outcomes(id), "rescued");
    world.complete();
    world.outcome(child, frame.seq, Ended::Completed { result: None, mark: None });
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("completed", "rescued,completed"));
}

#[test]
fn ten_rescues_put_a_job_in_quarantine() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    for _ in 0..9 {
        world = world.restart();
        assert_eq!(world.held(id), None);
    }
    world = world.restart();
    assert_eq!(world.held(id).as_deref(), Some("quarantine"));
    assert_eq!(world.alerts("job.quarantined"), 1);
}

#[test]
fn a_job_that_kills_its_process_three_times_is_quarantined_and_others_go_on() {
    let poison = TaskBuilder::sync("shop.poison").with("retry", json!({"attempts": 10, "base_us": 0, "jitter": 0.0})).entry();
    let mut world = World::new(vec![poison, TaskBuilder::sync("shop.pack").entry()]);
    let id = world.enqueue("shop.poison");
    world.run();
    for _ in 0..3 {
        world.advance(Length::seconds(1));
        world.run();
        let (child, frame) = world.sent[0].clone();
        world.die(child, Some(frame.seq));
    }
    assert_eq!(world.held(id).as_deref(), Some("quarantine"));
    assert_eq!(world.outcomes(id), "crashed,crashed,crashed");
    let good = world.enqueue("shop.pack");
    world.run();
    world.complete();
    assert_eq!(world.state(good), "completed");
}

#[test]
fn suspects_run_alone_after_the_second_time_and_only_the_guilty_one_is_quarantined() {
    let task = |name: &str| TaskBuilder::asynchronous(name).with("retry", json!({"attempts": 10, "base_us": 0, "jitter": 0.0})).entry();
    let mut world = World::new(vec![task("shop.good"), task("shop.bad")]);
    let good = world.enqueue("shop.good");
    let bad = world.enqueue("shop.bad");
    world.run();
    for _ in 0..2 {
        let child = world.child_of(ChildKind::Async);
        let last = world.sent.iter().map(|(_, frame)| frame.seq).max();
        world.die(child, last);
    }
    assert_eq!((world.outcomes(good).as_str(), world.outcomes(bad).as_str()), ("suspect,suspect", "suspect,suspect"));
    assert_eq!((world.lane(good).as_str(), world.lane(bad).as_str()), ("solo", "solo"));
    world.advance(Length::seconds(3));
    world.run();
    for _ in 0..20 {
        world.advance(Length::seconds(1));
        world.run();
        let Some((child, frame)) = world.sent.front().cloned() else { continue };
        match frame.task.as_str() {
            "shop.bad" => world.die(child, Some(frame.seq)),
            _ => drop(world.complete()),
        }
    }
    assert_eq!(world.state(good), "completed");
    assert_eq!(world.held(bad).as_deref(), Some("quarantine"));
}

#[test]
fn what_had_not_begun_when_its_child_died_goes_back_without_a_trace() {
    let mut world = one_sync();
    let first = world.enqueue("shop.pack");
    world.run();
    world.complete();
    let ids: Vec<_> = (0..3).map(|_| world.enqueue("shop.pack")).collect();
    world.run();
    assert_eq!(world.sent.len(), 3, "short jobs are sent ahead");
    let (child, frame) = world.sent[0].clone();
    world.die(child, Some(frame.seq));
    assert_eq!(world.outcomes(ids[0]), "crashed");
    assert_eq!((world.outcomes(ids[1]).as_str(), world.attempt(ids[1])), ("", 1), "claimed anew, no attempt spent, none recorded");
    assert_eq!(world.state(first), "completed");
}

#[test]
fn jobs_of_unknown_length_are_not_sent_ahead() {
    let mut world = one_sync();
    for _ in 0..3 {
        world.enqueue("shop.pack");
    }
    world.run();
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn what_waits_behind_a_job_that_turned_long_is_taken_back() {
    let mut world = one_sync();
    world.enqueue("shop.pack");
    world.run();
    world.complete();
    let ids: Vec<_> = (0..3).map(|_| world.enqueue("shop.pack")).collect();
    world.run();
    world.advance(Length::millis(25));
    world.run();
    let child = world.child_of(ChildKind::Sync);
    assert_eq!(world.said, [Command::Recall { child }]);
    let seqs = world.sent.drain(1..).map(|(_, frame)| frame.seq).collect();
    world.engine.handle(Event::Recalled { child, seqs }, world.now);
    world.run();
    assert_eq!((world.state(ids[0]).as_str(), world.state(ids[1]).as_str()), ("running", "available"));
    assert_eq!(world.attempt(ids[1]), 0);
}

#[test]
fn a_job_over_time_is_asked_then_terminated_then_killed() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.slow").with("timeout_us", json!(1_000_000)).entry()]);
    let id = world.enqueue("shop.slow");
    world.run();
    let (child, frame) = world.sent[0].clone();
    for (wait, expected) in [
        (Length::millis(1_000), Command::Stop { child, seq: frame.seq, why: StopWhy::Timeout }),
        (Length::millis(5_000), Command::Term { child }),
        (Length::millis(2_500), Command::Kill { child }),
    ] {
        world.advance(Length(wait.0 - 1_000));
        world.run();
        assert_eq!(world.said, [], "not a moment early");
        world.advance(Length::millis(1));
        world.run();
        assert_eq!(std::mem::take(&mut world.said), [expected]);
    }
    world.die(child, Some(frame.seq));
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("retryable", "timed_out"));
}

#[test]
fn a_wall_clock_step_ends_no_job() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.slow").with("timeout_us", json!(1_000_000)).entry()]);
    world.enqueue("shop.slow");
    world.run();
    world.now.wall = world.now.wall + Length::days(365);
    world.run();
    assert_eq!(world.said, []);
}

#[test]
fn a_retry_does_not_wait_for_a_clock_that_was_set_back() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    let later = world.enqueue_with("shop.pack", |job| job.run_at = job.run_at + Length::minutes(10));
    world.run();
    world.fail();
    world.run();
    assert_eq!(world.state(id), "retryable");
    world.now.wall = world.now.wall - Length::hours(2);
    world.run();
    world.advance(Length::minutes(1));
    world.run();
    assert_eq!(world.state(id), "running", "its wait was a second");
    world.complete();
    world.advance(Length::minutes(30));
    world.run();
    assert_eq!(world.state(later), "scheduled", "an instant that was asked for stays");
}

#[test]
fn a_clock_set_back_while_nobody_ran_is_noticed_at_the_start() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    world.fail();
    world.run();
    world.now.wall = world.now.wall - Length::hours(2);
    let mut world = world.restart();
    world.enqueue("shop.pack"); // something to write
    world.run();
    world.complete();
    world.advance(Length::minutes(1));
    world.run();
    assert_eq!(world.state(id), "running");
}

#[test]
fn innocent_siblings_of_a_killed_child_go_back_without_losing_an_attempt() {
    let slow = TaskBuilder::asynchronous("shop.slow").with("timeout_us", json!(1_000_000)).entry();
    let mut world = World::new(vec![slow, TaskBuilder::asynchronous("shop.quick").entry()]);
    let guilty = world.enqueue("shop.slow");
    let innocent = world.enqueue("shop.quick");
    world.run();
    world.advance(Length::seconds(1));
    world.run();
    world.advance(Length::seconds(5));
    world.run();
    let child = world.sent[0].0;
    let last = world.sent.iter().map(|(_, frame)| frame.seq).max();
    world.die(child, last);
    assert_eq!((world.outcomes(guilty).as_str(), world.outcomes(innocent).as_str()), ("timed_out", "given_back"));
    assert_eq!(world.attempt(innocent), 1, "claimed again: the first one was given back");
}

#[test]
fn a_cancel_of_a_running_job_asks_its_child_and_whatever_ends_it_is_a_cancel() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    let now = world.now.wall;
    world.write(|store| store.cancel(id, &by(), now).map(drop));
    world.engine.wake();
    world.run();
    let (child, frame) = world.sent[0].clone();
    assert_eq!(world.said, [Command::Stop { child, seq: frame.seq, why: StopWhy::ByHand }]);
    world.fail();
    assert_eq!(world.state(id), "cancelled");
}

#[test]
fn a_drain_gives_back_what_runs_past_the_grace_without_losing_an_attempt() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    world.engine.stop(world.now);
    world.run();
    let child = world.child_of(ChildKind::Sync);
    assert_eq!(std::mem::take(&mut world.said), [Command::Drain { child }]);
    let later = world.enqueue("shop.pack");
    world.run();
    assert_eq!(world.state(later), "available", "a draining supervisor claims nothing");
    world.advance(Length::seconds(10));
    world.run();
    assert!(matches!(world.said[..], [Command::Stop { why: StopWhy::Drain, .. }]));
    world.advance(Length::seconds(1));
    world.run();
    assert!(matches!(world.said[..], [_, Command::Kill { .. }]));
    let seq = world.sent[0].1.seq;
    world.die(child, Some(seq));
    assert_eq!((world.state(id).as_str(), world.attempt(id)), ("available", 0));
    assert!(world.engine.is_done());
}

#[test]
fn work_that_must_not_run_twice_is_discarded_when_its_outcome_is_unknown() {
    let once = TaskBuilder::sync("shop.charge").with("at_most_once", json!(true)).entry();
    let mut world = World::new(vec![once]);
    let id = world.enqueue("shop.charge");
    world.run();
    assert_eq!(world.sent.len(), 1, "a solo child was started for it");
    let world = world.restart();
    assert_eq!((world.state(id).as_str(), world.reason(id).as_deref()), ("discarded", Some("outcome_unknown")));
    assert_eq!(world.alerts("job.outcome_unknown"), 1);
}

#[test]
fn a_job_of_an_unknown_task_is_held_and_runs_when_the_task_comes_back() {
    let mut world = one_sync();
    let id = world.enqueue("shop.gone");
    world.run();
    assert_eq!(world.held(id).as_deref(), Some("unknown_task"));
    assert_eq!(world.alerts("job.unknown_task"), 1);
    world.deploy(vec![TaskBuilder::sync("shop.pack").entry(), TaskBuilder::sync("shop.gone").entry()]);
    let child = world.child_of(ChildKind::Sync);
    world.die(child, None);
    assert_eq!((world.held(id), world.state(id).as_str()), (None, "running"));
    assert_eq!(world.alerts("job.unknown_task"), 0);
}

#[test]
fn arguments_that_do_not_fit_hold_the_job_and_spend_no_attempt() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    world.answer(Ended::Misfit { error: r#"{"type":"args.invalid"}"#.into() });
    assert_eq!((world.held(id).as_deref(), world.attempt(id)), (Some("arguments_misfit"), 0));
    assert_eq!(world.alerts("job.arguments_misfit"), 1);
}

#[test]
fn a_paused_task_is_held_and_a_paused_argument_holds_only_that_value() {
    let mut world = one_sync();
    let rule = HoldRule {
        rule: 0,
        task: Some("shop.pack".into()),
        queue: None,
        where_args: vec![("order_id".into(), json!(42))],
        reason: "wrong address".into(),
        owner: None,
        until: Some(world.now.wall + Length::hours(1)),
    };
    let now = world.now.wall;
    world.write(|store| store.add_hold(&rule, &by(), now).map(drop));
    let kept = world.enqueue_with("shop.pack", |job| job.args = r#"{"order_id":42}"#.into());
    let free = world.enqueue_with("shop.pack", |job| job.args = r#"{"order_id":43}"#.into());
    world.run();
    assert_eq!((world.held(kept).as_deref(), world.state(free).as_str()), (Some("paused"), "running"));
    world.complete();
    world.advance(Length::hours(1));
    world.run();
    assert_eq!((world.held(kept), world.state(kept).as_str()), (None, "running"), "the rule ran out by itself");
}

#[test]
fn a_queue_with_slots_runs_no_more_than_those() {
    let queues = [("mail".to_owned(), workaday_engine::settings::QueueSettings { slots: Some(2), paused: false })].into();
    let settings = Settings { processes: 1, queues, ..Settings::default() };
    let mut world = World::with(vec![TaskBuilder::asynchronous("shop.send").with("queue", json!("mail")).entry()], settings);
    let ids: Vec<_> = (0..5).map(|_| world.enqueue_with("shop.send", |job| job.queue = "mail".into())).collect();
    for done in 0..5 {
        world.run();
        assert_eq!(world.sent.len(), 2.min(5 - done));
        world.complete();
    }
    assert!(ids.iter().all(|id| world.state(*id) == "completed"));
}

#[test]
fn higher_priority_goes_first_and_a_delay_is_kept() {
    let mut world =
        World::with(vec![TaskBuilder::sync("shop.pack").entry()], Settings { processes: 1, pipeline: Length(0), ..Settings::default() });
    let blocker = world.enqueue("shop.pack");
    world.run();
    let now = world.now.wall;
    let low = world.enqueue_with("shop.pack", |job| job.priority = -5);
    let high = world.enqueue_with("shop.pack", |job| job.priority = 5);
    let later = world.enqueue_with("shop.pack", |job| job.run_at = now + Length::seconds(30));
    let mut order = Vec::new();
    world.complete();
    for _ in 0..2 {
        order.push(world.sent[0].1.id);
        world.complete();
    }
    assert_eq!(order, [high, low]);
    assert_eq!((world.state(blocker).as_str(), world.state(later).as_str()), ("completed", "scheduled"));
    world.advance(Length::seconds(30));
    world.run();
    assert_eq!(world.state(later), "running");
}

#[test]
fn an_expired_job_never_runs() {
    let mut world = one_sync();
    world.enqueue("shop.pack");
    world.run();
    let until = world.now.wall + Length::seconds(5);
    let id = world.enqueue_with("shop.pack", |job| job.expires_at = Some(until));
    world.advance(Length::seconds(5));
    world.run();
    assert_eq!((world.state(id).as_str(), world.reason(id).as_deref()), ("cancelled", Some("expired")));
}

#[test]
fn a_snooze_spends_no_attempt() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    world.run();
    let until = Timestamp(world.now.wall.0 + 60_000_000);
    world.answer(Ended::Snoozed { until });
    assert_eq!((world.state(id).as_str(), world.attempt(id)), ("scheduled", 0));
}

#[test]
fn children_that_cannot_start_are_tried_less_and_less_often_and_nothing_is_held() {
    let mut world = one_sync();
    let id = world.enqueue("shop.pack");
    let child = world.child_of(ChildKind::Sync);
    world.engine.handle(Event::StartFailed { child, problem: "ImportError: no module named jobs".into() }, world.now);
    world.die(child, None);
    assert_eq!((world.held(id), world.alerts("worker.import_failed")), (None, 1));
    assert_eq!(world.state(id), "available");
    world.advance(Length::seconds(1));
    world.run();
    assert_eq!(world.state(id), "running", "a child that starts goes on");
}

#[test]
fn a_child_that_never_says_hello_is_killed_and_tried_again() {
    let mut world = one_sync();
    let child = world.child_of(ChildKind::Sync);
    world.mute = true;
    world.die(child, None);
    let silent = world.child_of(ChildKind::Sync);
    world.advance(Length::seconds(60));
    world.run();
    assert_eq!(std::mem::take(&mut world.said), [Command::Kill { child: silent }]);
    assert_eq!(world.alerts("worker.import_failed"), 1);
    world.mute = false;
    world.die(silent, None);
    world.advance(Length::seconds(1));
    world.run();
    assert_ne!(world.child_of(ChildKind::Sync), silent);
}

/// Found by the storm of kills: with one child left, nothing tried the second one again, and nothing ever reset the count.
#[test]
fn a_start_that_failed_beside_a_living_child_does_not_leave_one_child_for_ever() {
    let mut world = World::with(vec![TaskBuilder::sync("shop.pack").entry()], Settings { processes: 2, ..Settings::default() });
    let dead = world.child_of(ChildKind::Sync);
    world.mute = true;
    world.die(dead, None);
    let killed_early = world.engine.crew.children.values().find(|child| child.pid == 0).map(|child| child.no).expect("a child starts");
    world.die(killed_early, None);
    world.mute = false;
    world.advance(Length::seconds(1));
    world.run();
    assert_eq!(world.engine.crew.count(ChildKind::Sync), 2);
}

#[test]
fn arguments_that_no_client_of_ours_can_have_written_are_held_not_sent() {
    let mut world = one_sync();
    let id = world.enqueue_with("shop.pack", |job| job.args = format!("{{\"text\":\"{}\"}}", "x".repeat(2 << 20)));
    world.run();
    assert_eq!(world.held(id).as_deref(), Some("unreadable"));
}

#[test]
fn other_settings_hold_from_the_next_turn_and_end_no_job() {
    let mut world = World::with(vec![TaskBuilder::sync("shop.pack").entry()], Settings { processes: 3, ..Settings::default() });
    let ids: Vec<_> = (0..3).map(|_| world.enqueue("shop.pack")).collect();
    world.run();
    assert_eq!(world.sent.len(), 3);
    world.engine.reconfigure(Settings { processes: 1, ..Settings::default() });
    world.run();
    assert_eq!(world.said.iter().filter(|command| matches!(command, Command::Drain { .. })).count(), 2);
    (0..3).for_each(|_| drop(world.complete()));
    assert!(ids.iter().all(|id| world.state(*id) == "completed"));
    world.engine.reconfigure(Settings { processes: 4, ..Settings::default() });
    world.run();
    assert_eq!(world.engine.crew.count(ChildKind::Sync), 4);
}

#[test]
fn a_child_is_replaced_after_its_number_of_jobs_and_a_running_job_is_not_cut_short() {
    let settings = Settings { processes: 1, recycle_after_jobs: Some(2), ..Settings::default() };
    let mut world = World::with(vec![TaskBuilder::sync("shop.pack").entry()], settings);
    let first = world.child_of(ChildKind::Sync);
    let ids: Vec<_> = (0..3).map(|_| world.enqueue("shop.pack")).collect();
    world.run();
    world.complete();
    assert_eq!(world.said, [], "one job is not two");
    world.complete();
    assert_eq!(std::mem::take(&mut world.said), [Command::Drain { child: first }]);
    world.die(first, None);
    world.complete();
    assert!(ids.iter().all(|id| world.state(*id) == "completed"));
    assert_ne!(world.child_of(ChildKind::Sync), first);
}

#[test]
fn a_child_that_has_grown_is_replaced() {
    let settings = Settings { processes: 1, recycle_above_bytes: Some(100 << 20), ..Settings::default() };
    let mut world = World::with(vec![TaskBuilder::sync("shop.pack").entry()], settings);
    let child = world.child_of(ChildKind::Sync);
    world.engine.handle(Event::Memory { child, resident_bytes: 99 << 20 }, world.now);
    world.run();
    assert_eq!(world.said, []);
    world.engine.handle(Event::Memory { child, resident_bytes: 101 << 20 }, world.now);
    world.run();
    assert_eq!(world.said, [Command::Drain { child }]);
    assert_eq!(world.engine.crew.count(ChildKind::Sync), 1, "its replacement is there");
}

/// The simulator found it: the pause after a failed start stayed in the past while a drain starts nobody, so the engine
/// wanted its next turn at once, again and again, and the supervisor took a whole core until the grace was over.
#[test]
fn a_drain_after_a_failed_start_waits_and_does_not_run_in_circles() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.send").entry()]);
    world.enqueue("shop.send");
    world.run();
    assert_eq!(world.sent.len(), 1, "a job runs, so the drain has something to wait for");
    let child = world.child_of(ChildKind::Sync);
    world.engine.handle(Event::StartFailed { child: ChildNo(99), problem: "no such module".into() }, world.now);
    world.engine.stop(world.now);
    world.run();
    world.advance(Length::seconds(2));
    world.run();
    assert!(world.engine.child(child).is_some(), "within the grace its job goes on");
    assert!(world.engine.next_at(world.now) > world.now.steady, "nothing is to be done before the grace ends");
}
