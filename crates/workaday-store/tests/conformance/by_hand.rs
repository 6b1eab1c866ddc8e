//! Acts of people, and what they leave in the audit table.

use super::{NOW, Policy, Subject, USUAL, by, id, job, later};
use workaday_core::explain::Explain;
use workaday_core::job::{Fence, HeldCode, State};
use workaday_core::lifecycle::Outcome;
use workaday_store::{Act, Durability, NewJob};

pub fn cancel_ends_a_waiting_job_and_asks_a_running_one(subject: &mut Subject) {
    subject.enqueue(&NewJob { run_at: later(60), ..job(1) });
    assert_eq!(subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel"), Act::Done);
    assert!(subject.holds("workaday_finished", "state = 'cancelled' AND reason = 'by_hand' AND cancel_reason = 'because'"));
    subject.running(2);
    assert_eq!(subject.write(|store| store.cancel(id(2), &by(), NOW)).expect("a cancel"), Act::Requested);
    assert_eq!(subject.write(|store| store.cancel(id(2), &by(), later(1))).expect("a cancel"), Act::Requested);
    assert!(subject.holds("workaday_jobs", &format!("cancel_requested_at = {}", NOW.0)), "the first request stands");
    assert!(subject.holds("workaday_audit", &format!("action = 'cancel' AND who = 'ada' AND target = 'job {}'", id(1))));
}

pub fn an_act_on_a_job_answers_the_alert_about_it(subject: &mut Subject) {
    let open = format!("code = 'job.quarantined' AND subject = '{}' AND closed_at IS NULL", id(1));
    subject.enqueue(&NewJob { run_at: later(60), ..job(1) });
    subject.write(|store| store.raise_alert("job.quarantined", &id(1).to_string(), "is held", NOW)).expect("an alert");
    subject.write(|store| store.raise_alert("job.quarantined", &id(2).to_string(), "is held", NOW)).expect("an alert");
    assert!(subject.holds("workaday_alerts", &open));
    assert_eq!(subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel"), Act::Done);
    assert!(!subject.holds("workaday_alerts", &open), "it said that the job is held, and it is not");
    assert!(subject.holds("workaday_alerts", "closed_at IS NULL"), "another job's alert stays");
}

pub fn cancel_of_a_finished_or_missing_job_says_so(subject: &mut Subject) {
    assert_eq!(subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel"), Act::Missing);
    let (key, fence) = subject.running(1);
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert_eq!(subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel"), Act::Refused(State::Completed));
    assert!(!subject.holds("workaday_audit", "key > 0"), "nothing was done, so nothing is written");
}

pub fn a_retry_by_hand_brings_a_finished_job_back_with_budget(subject: &mut Subject) {
    let once = Policy { attempts: 1, at_most_once: false };
    let (key, fence) = subject.running(1);
    subject.settle(key, fence, Outcome::Failed { retry: true }, &once).expect("it was running");
    assert_eq!(subject.write(|store| store.retry(id(1), 1, &by(), later(1))).expect("a retry"), Act::Done);
    assert_eq!(subject.key_of(1), key, "its history stays attached");
    assert!(subject.holds(
        "workaday_jobs",
        &format!("attempt = 1 AND attempt_extra = 1 AND fence = 1 AND state = 'available' AND run_at = {}", later(1).0)
    ));
    assert!(!subject.holds("workaday_finished", "key > 0"));
    let again = subject.claim(key).expect("it is ready");
    assert_eq!(again, Fence(2), "the fence goes on rising");
    subject.settle(key, again, Outcome::Failed { retry: true }, &once).expect("it was running");
    assert!(subject.holds("workaday_finished", "state = 'discarded' AND attempt = 2"), "one more try, not two");
    // A cancelled job comes back too.
    subject.enqueue(&job(2));
    subject.write(|store| store.cancel(id(2), &by(), NOW)).expect("a cancel");
    assert_eq!(subject.write(|store| store.retry(id(2), 5, &by(), NOW)).expect("a retry"), Act::Done);
}

pub fn a_completed_job_is_not_retried(subject: &mut Subject) {
    assert_eq!(subject.write(|store| store.retry(id(1), 5, &by(), NOW)).expect("a retry"), Act::Missing);
    let (key, fence) = subject.running(1);
    assert_eq!(subject.write(|store| store.retry(id(1), 5, &by(), NOW)).expect("a retry"), Act::Refused(State::Running));
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert_eq!(subject.write(|store| store.retry(id(1), 5, &by(), NOW)).expect("a retry"), Act::Refused(State::Completed));
}

pub fn a_retry_is_refused_while_another_holds_its_unique_key(subject: &mut Subject) {
    let unique =
        |number: u128| format!("UPDATE workaday_jobs SET unique_key = 'k', unique_while = 'waiting', unique_held = 1 WHERE key = {number}");
    subject.enqueue(&job(1));
    (subject.run_sql)(&unique(1));
    subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel");
    subject.enqueue(&job(2));
    (subject.run_sql)(&unique(2));
    subject.store.begin(Durability::Full).expect("the write lock");
    let refused = subject.store.retry(id(1), 5, &by(), NOW).expect_err("the key is taken");
    subject.store.rollback();
    assert_eq!(refused.problem().code, "job.unique_taken");
    assert!(subject.holds("workaday_finished", "state = 'cancelled'"), "it stays where it was");
    subject.write(|store| store.delete(id(2), &by(), NOW)).expect("a delete");
    assert_eq!(subject.write(|store| store.retry(id(1), 5, &by(), NOW)).expect("a retry"), Act::Done);
    assert!(subject.holds("workaday_jobs", "unique_key = 'k' AND unique_held = 1"), "a retry by hand retakes its key");
}

pub fn a_quarantined_job_is_released_with_fresh_counts(subject: &mut Subject) {
    subject.enqueue(&job(1));
    assert_eq!(
        subject.write(|store| store.release_job(id(1), &by(), NOW)).expect("a release"),
        Act::Refused(State::Available),
        "it is not held"
    );
    let key = subject.key_of(1);
    subject.write(|store| store.hold_job(key, HeldCode::Quarantine, None)).expect("a mark");
    (subject.run_sql)("UPDATE workaday_jobs SET crash_count = 3, suspect_count = 2, rescue_count = 9");
    assert_eq!(subject.write(|store| store.release_job(id(1), &by(), NOW)).expect("a release"), Act::Done);
    assert!(subject.holds("workaday_jobs", "held IS NULL AND crash_count = 0 AND suspect_count = 0 AND rescue_count = 0"));
    assert_eq!(subject.ready(), [key]);
    assert_eq!(subject.write(|store| store.release_job(id(9), &by(), NOW)).expect("a release"), Act::Missing);
}

pub fn delete_takes_all_but_a_running_job(subject: &mut Subject) {
    subject.enqueue(&job(1));
    let (key, fence) = subject.running(2);
    assert_eq!(subject.write(|store| store.delete(id(1), &by(), NOW)).expect("a delete"), Act::Done);
    assert_eq!(subject.write(|store| store.delete(id(2), &by(), NOW)).expect("a delete"), Act::Refused(State::Running));
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert_eq!(subject.write(|store| store.delete(id(2), &by(), later(3))).expect("a delete"), Act::Done);
    assert_eq!(subject.write(|store| store.delete(id(2), &by(), NOW)).expect("a delete"), Act::Missing);
    for table in ["workaday_jobs", "workaday_finished"] {
        assert!(!subject.holds(table, "key > 0"), "{table}");
    }
    assert!(!subject.holds("workaday_attempts", "job > 0"));
    assert!(subject.holds("workaday_audit", &format!("action = 'delete' AND at = {}", later(3).0)), "the audit line stays");
}

pub fn a_write_outside_a_transaction_is_refused(subject: &mut Subject) {
    let refused = subject.store.enqueue(&job(1), NOW).expect_err("no transaction");
    assert_eq!(refused.problem().code, "store.no_transaction");
    assert!(subject.ready().is_empty());
}
