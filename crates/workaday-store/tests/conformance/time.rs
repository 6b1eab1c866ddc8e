//! Staging, expiry, retention.

use super::{NOW, Subject, USUAL, id, job, later};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::HeldCode;
use workaday_core::lifecycle::Outcome;
use workaday_store::{LogLine, LogPlace, NewJob, PruneBefore};

pub fn due_jobs_are_staged_the_earliest_first_and_in_steps(subject: &mut Subject) {
    for (number, seconds) in [(1, 30), (2, 10), (3, 20), (4, 60)] {
        subject.enqueue(&NewJob { run_at: later(seconds), ..job(number) });
    }
    assert_eq!(subject.write(|store| store.stage(later(30), 2)).expect("staging"), 2);
    let ready: Vec<_> =
        subject.store.claimable(workaday_core::job::Lane::Sync, "default", NOW, 10).expect("candidates").iter().map(|job| job.id).collect();
    assert_eq!(ready, [id(2), id(3)]);
    assert_eq!(subject.write(|store| store.stage(later(30), 2)).expect("staging"), 1);
    assert_eq!(subject.write(|store| store.stage(later(30), 2)).expect("staging"), 0);
    assert_eq!(subject.store.peek(NOW).expect("a look").next_due_at, Some(later(60)));
}

pub fn held_jobs_are_not_staged(subject: &mut Subject) {
    subject.enqueue(&NewJob { run_at: later(1), ..job(1) });
    (subject.run_sql)("UPDATE workaday_jobs SET held = 'quarantine'");
    assert_eq!(subject.write(|store| store.stage(later(2), 10)).expect("staging"), 0);
    assert_eq!(subject.store.peek(NOW).expect("a look").next_due_at, None);
}

pub fn retries_do_not_wait_for_a_clock_that_was_set_back(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    subject.settle(key, fence, Outcome::Failed { retry: true }, &USUAL).expect("it was running");
    subject.enqueue(&NewJob { run_at: later(3_600), ..job(2) });
    let waits = subject.store.peek(NOW).expect("a look").next_due_at.expect("the retry") - NOW;
    assert!(waits.0 > 0);
    // A step that is shorter than the wait is waited out: the wait at most doubles.
    let back = NOW - Length(waits.0);
    assert_eq!(subject.write(|store| store.restage_retries(back, 10)).expect("a look"), 0);
    let far_back = NOW - Length::hours(2);
    assert_eq!(subject.write(|store| store.restage_retries(far_back, 10)).expect("a look"), 1);
    assert_eq!(subject.store.peek(far_back).expect("a look").next_due_at, Some(far_back + waits), "its wait, from now on");
    assert!(
        subject.holds("workaday_jobs", &format!("state = 'scheduled' AND run_at = {}", later(3_600).0)),
        "a job for later keeps its time"
    );
    assert_eq!(subject.write(|store| store.restage_retries(far_back, 10)).expect("a look"), 0, "none is moved twice");
}

pub fn waiting_jobs_expire_and_running_ones_do_not(subject: &mut Subject) {
    for number in [1, 2, 3] {
        subject.enqueue(&NewJob { expires_at: Some(later(10)), ..job(number) });
    }
    subject.enqueue(&NewJob { expires_at: Some(later(11)), ..job(4) });
    let running = subject.key_of(1);
    subject.claim(running).expect("it was ready");
    let held = subject.key_of(3);
    subject.write(|store| store.hold_job(held, HeldCode::Quarantine, None)).expect("a mark");
    assert_eq!(subject.write(|store| store.expire(later(10), 1)).expect("expiry"), 1, "the limit holds");
    assert_eq!(subject.write(|store| store.expire(later(10), 10)).expect("expiry"), 1);
    assert_eq!(subject.ready().len(), 1);
    let gone = format!("state = 'cancelled' AND reason = 'expired' AND finished_at = {}", later(10).0);
    assert_eq!((subject.run_sql)(&format!("UPDATE workaday_finished SET key = key WHERE {gone}")), 2);
    assert!(subject.holds("workaday_jobs", "state = 'running'"));
}

fn before(at: Timestamp) -> PruneBefore {
    PruneBefore { completed: at, cancelled: at, discarded: Timestamp(0) }
}

pub fn pruning_takes_only_what_is_past_and_in_steps(subject: &mut Subject) {
    for number in 1..=5 {
        let (key, fence) = subject.running(number);
        subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    }
    let (key, fence) = subject.running(6);
    subject.settle(key, fence, Outcome::Failed { retry: false }, &USUAL).expect("it was running");
    assert_eq!(subject.write(|store| store.prune(&before(NOW), 10)).expect("pruning"), 0, "finished at the limit is not before it");
    assert_eq!(subject.write(|store| store.prune(&before(later(1)), 3)).expect("pruning"), 3);
    assert_eq!(subject.write(|store| store.prune(&before(later(1)), 3)).expect("pruning"), 2);
    assert!(subject.holds("workaday_finished", "state = 'discarded'"), "its own retention keeps it");
}

pub fn lines_past_their_retention_go_in_steps_and_their_jobs_stay(subject: &mut Subject) {
    let (first, fence) = subject.running(1);
    let (second, other) = subject.running(2);
    let line = |(job, fence), seq, at| LogLine { job, fence, seq, at, stream: "stderr", level: None, logger: None, text: "x".into() };
    let lines = [
        line((first, fence), 1, NOW),
        line((first, fence), 2, NOW),
        line((first, fence), 3, later(5)),
        line((second, other), 1, NOW),
        line((second, other), 2, later(5)),
    ];
    subject.write(|store| store.append_logs(&lines)).expect("lines");
    let (mut gone, mut place, mut steps) = (vec![], Some(LogPlace::default()), 0);
    while let Some(after) = place {
        let (pruned, next) = subject.write(|store| store.prune_logs(later(5), after, 2)).expect("pruning");
        gone.push(pruned);
        (place, steps) = (next, steps + 1);
        assert!(steps < 10, "the walk ends");
    }
    assert_eq!(gone, [2, 1, 0], "two lines a step; a line of the limit itself is not before it");
    assert!(subject.holds("workaday_logs", "seq = 3") && !subject.holds("workaday_logs", "seq = 1"));
    assert!(subject.holds("workaday_jobs", "state = 'running'"), "jobs stay");
}

pub fn pruning_takes_attempts_and_logs_along(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    let line = LogLine { job: key, fence, seq: 1, at: NOW, stream: "stderr", level: None, logger: None, text: "x".into() };
    subject.write(|store| store.append_logs(&[line])).expect("a line");
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    subject.write(|store| store.prune(&before(later(1)), 3)).expect("pruning");
    assert!(!subject.holds("workaday_attempts", "job > 0"));
    assert!(!subject.holds("workaday_logs", "job > 0"));
}
