//! Outcomes: each row of the state table, and what a stale claim may not do.

use super::{GENERATION, NOW, Policy, Subject, USUAL, by, id, job, later, settle_inside};
use workaday_core::job::{Fence, Generation, HeldCode, JobKey, Lane, State};
use workaday_core::lifecycle::{Next, Outcome};
use workaday_core::retry::{Chance, RetryPolicy};
use workaday_store::{Act, LogLine, NewJob};

/// State, attempt, (crash, suspect, rescue), held, lane as the row must show them after `outcome`.
type Expected = (State, u32, (u32, u32, u32), Option<HeldCode>, Lane);

pub fn every_row_of_the_state_table_is_written_as_core_decides(subject: &mut Subject) {
    let once = Policy { attempts: 1, at_most_once: true };
    let last = Policy { attempts: 1, ..USUAL };
    let rows: [(&str, Outcome, Policy, Expected, &str); 18] = [
        ("completed", Outcome::Completed, USUAL, (State::Completed, 1, (0, 0, 0), None, Lane::Sync), "completed"),
        ("failed", Outcome::Failed { retry: true }, USUAL, (State::Retryable, 1, (0, 0, 0), None, Lane::Sync), "failed"),
        ("failed, used up", Outcome::Failed { retry: true }, last, (State::Discarded, 1, (0, 0, 0), None, Lane::Sync), "failed"),
        ("failed, never retried", Outcome::Failed { retry: false }, USUAL, (State::Discarded, 1, (0, 0, 0), None, Lane::Sync), "failed"),
        ("timed out", Outcome::TimedOut, USUAL, (State::Retryable, 1, (0, 0, 0), None, Lane::Sync), "timed_out"),
        ("over memory", Outcome::OverMemory, USUAL, (State::Retryable, 1, (0, 0, 0), None, Lane::Sync), "over_memory"),
        ("snoozed", Outcome::Snoozed { until: later(60) }, USUAL, (State::Scheduled, 0, (0, 0, 0), None, Lane::Sync), "snoozed"),
        ("cancelled by itself", Outcome::Cancelled, USUAL, (State::Cancelled, 1, (0, 0, 0), None, Lane::Sync), "cancelled"),
        ("discarded by itself", Outcome::Discarded, USUAL, (State::Discarded, 1, (0, 0, 0), None, Lane::Sync), "discarded"),
        ("given back", Outcome::GivenBack { frame_written: true }, USUAL, (State::Available, 0, (0, 0, 0), None, Lane::Sync), "given_back"),
        (
            "crashed alone",
            Outcome::CrashedAlone { frame_written: true },
            USUAL,
            (State::Retryable, 1, (1, 0, 0), None, Lane::Sync),
            "crashed",
        ),
        (
            "crashed, used up",
            Outcome::CrashedAlone { frame_written: true },
            last,
            (State::Discarded, 1, (1, 0, 0), None, Lane::Sync),
            "crashed",
        ),
        ("crashed among suspects", Outcome::CrashedAmongSuspects, USUAL, (State::Available, 0, (0, 1, 0), None, Lane::Sync), "suspect"),
        ("rescued", Outcome::Rescued, USUAL, (State::Available, 0, (0, 0, 1), None, Lane::Sync), "rescued"),
        (
            "once: crashed",
            Outcome::CrashedAlone { frame_written: true },
            once,
            (State::Discarded, 1, (0, 0, 0), None, Lane::Sync),
            "outcome_unknown",
        ),
        ("once: rescued", Outcome::Rescued, once, (State::Discarded, 1, (0, 0, 0), None, Lane::Sync), "outcome_unknown"),
        ("once: stopped", Outcome::TimedOut, once, (State::Discarded, 1, (0, 0, 0), None, Lane::Sync), "outcome_unknown"),
        (
            "once: not begun",
            Outcome::GivenBack { frame_written: false },
            once,
            (State::Available, 0, (0, 0, 0), None, Lane::Sync),
            "given_back",
        ),
    ];
    for (number, (name, outcome, policy, expected, recorded)) in rows.into_iter().enumerate() {
        let (key, fence) = subject.running(number as u128);
        subject.settle(key, fence, outcome, &policy).expect(name);
        assert_row(subject, name, key, expected);
        // The attempt that ended had a number, also when it was given back.
        let record =
            format!("job = {} AND fence = {} AND attempt = 1 AND outcome = '{recorded}' AND claimed_at = {}", key.0, fence.0, NOW.0);
        assert!(subject.holds("workaday_attempts", &record), "{name}: {record}");
        (subject.run_sql)(&format!("DELETE FROM workaday_jobs WHERE key = {}", key.0));
    }
    thresholds(subject);
}

/// Three crashes alone and ten rescues end in quarantine, two suspicions and three rescues in a process of its own.
fn thresholds(subject: &mut Subject) {
    let many = Policy { attempts: 100, at_most_once: false };
    for (number, outcome, times, expected) in [
        (101, Outcome::CrashedAlone { frame_written: true }, 3, (State::Retryable, 3, (3, 0, 0), Some(HeldCode::Quarantine), Lane::Solo)),
        (102, Outcome::CrashedAmongSuspects, 2, (State::Available, 0, (0, 2, 0), None, Lane::Solo)),
        (103, Outcome::Rescued, 3, (State::Available, 0, (0, 0, 3), None, Lane::Solo)),
        (104, Outcome::Rescued, 10, (State::Available, 0, (0, 0, 10), Some(HeldCode::Quarantine), Lane::Solo)),
    ] {
        let (key, mut fence) = subject.running(number);
        for time in 1..=times {
            subject.settle(key, fence, outcome, &many).expect("it was running");
            if time < times {
                subject.write(|store| store.stage(later(86_400), 10)).expect("staging");
                fence = subject.claim(key).expect("it is ready again");
            }
        }
        assert_row(subject, "threshold", key, expected);
    }
}

fn assert_row(subject: &mut Subject, name: &str, key: JobKey, (state, attempt, (crash, suspect, rescue), held, lane): Expected) {
    let held = held.map_or("held IS NULL".to_owned(), |code| format!("held = '{code}'"));
    if state.is_finished() {
        assert!(
            subject
                .holds("workaday_finished", &format!("key = {} AND state = '{state}' AND attempt = {attempt} AND lane = '{lane}'", key.0)),
            "{name}"
        );
        assert!(!subject.holds("workaday_jobs", &format!("key = {}", key.0)), "{name}: it left the hot path");
        return;
    }
    let run_at = match state {
        State::Scheduled => later(60),
        State::Retryable if crash < 3 => NOW + RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }.delay(attempt, Chance(0.5)),
        _ => NOW,
    };
    let row = format!(
        "key = {} AND state = '{state}' AND attempt = {attempt} AND crash_count = {crash} AND suspect_count = {suspect} AND rescue_count = {rescue}
         AND {held} AND lane = '{lane}' AND run_at = {} AND generation IS NULL AND worker IS NULL AND claimed_at IS NULL",
        key.0, run_at.0
    );
    assert!(subject.holds("workaday_jobs", &row), "{name}: {row}");
}

pub fn a_stale_fence_settles_nothing(subject: &mut Subject) {
    let (key, old) = subject.running(1);
    subject.settle(key, old, Outcome::Rescued, &USUAL).expect("it was running");
    let new = subject.claim(key).expect("it is ready again");
    assert_eq!(subject.store.running(key, old).expect("a look"), None);
    assert_eq!(subject.settle(key, old, Outcome::Completed, &USUAL), None);
    assert!(subject.store.running(key, new).expect("a look").is_some(), "the holder of the new claim is untouched");
    assert!(!subject.holds("workaday_attempts", &format!("job = {} AND outcome = 'completed'", key.0)));
}

pub fn a_settled_job_cannot_be_settled_again(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    let twice = subject.write(|store| {
        let first = settle_inside(store, key, fence, Outcome::Completed, &USUAL);
        (first.is_some(), settle_inside(store, key, fence, Outcome::Failed { retry: true }, &USUAL).is_some())
    });
    assert_eq!(twice, (true, false));
    assert_eq!(subject.settle(key, fence, Outcome::Failed { retry: true }, &USUAL), None);
    assert!(subject.holds("workaday_finished", "state = 'completed' AND result = '1'"));
}

pub fn nothing_begun_leaves_no_attempt(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    let settled = subject.write(|store| {
        let row = store.running(key, fence).expect("a look").expect("it runs");
        let running = workaday_core::lifecycle::Running {
            counts: row.counts,
            attempts_max: 3,
            retry: RetryPolicy::default(),
            at_most_once: false,
            cancel_requested: false,
        };
        let settled = workaday_core::lifecycle::settle(&running, Outcome::GivenBack { frame_written: false }, NOW, Chance(0.5));
        let settlement = workaday_store::Settlement {
            key,
            fence,
            settled,
            lane: Lane::Sync,
            claimed_at: NOW,
            attempt: None,
            result: None,
            reason: None,
        };
        store.settle(&settlement, NOW).expect("a settlement")
    });
    assert!(settled);
    assert!(!subject.holds("workaday_attempts", "job > 0"));
}

pub fn running_jobs_of_earlier_generations_are_found(subject: &mut Subject) {
    let (old, _) = subject.running(1);
    subject.enqueue(&job(2));
    let key = subject.key_of(2);
    subject.write(|store| store.claim(key, Generation(GENERATION.0 + 1), None, NOW)).expect("a claim");
    let found = subject.store.running_before(Generation(GENERATION.0 + 1), 10).expect("a look");
    assert_eq!(found.iter().map(|row| row.key).collect::<Vec<_>>(), [old]);
    assert!(subject.store.running_before(GENERATION, 10).expect("a look").is_empty());
    assert_eq!(subject.store.running_before(Generation(GENERATION.0 + 2), 1).expect("a look").len(), 1, "the limit holds");
}

pub fn a_requested_cancel_shows_and_ends_cancelled(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    assert_eq!(subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel"), Act::Requested);
    assert_eq!(subject.store.cancelling(10).expect("a look"), [(key, fence)]);
    let settled = subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    assert_eq!(settled.next, Next::Cancelled);
    assert!(subject.holds("workaday_finished", "state = 'cancelled' AND reason = 'by_hand' AND cancel_reason = 'because'"));
    assert!(subject.store.cancelling(10).expect("a look").is_empty());
}

pub fn logs_are_kept_once_and_in_order(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    let line = |seq: i64, text: &str| LogLine {
        job: key,
        fence,
        seq,
        at: NOW,
        stream: "stdout",
        level: Some("INFO".into()),
        logger: None,
        text: text.into(),
    };
    let lines = [line(1, "one"), line(2, "two")];
    subject.write(|store| store.append_logs(&lines)).expect("the lines");
    // A batch whose commit was unknown comes again.
    subject.write(|store| store.append_logs(&lines)).expect("the lines again");
    assert_eq!((subject.run_sql)("UPDATE workaday_logs SET text = text"), 2);
    assert!(
        subject.holds("workaday_logs", &format!("job = {} AND fence = {} AND seq = 2 AND text = 'two' AND level = 'INFO'", key.0, fence.0))
    );
}

pub fn progress_of_a_stale_claim_is_refused(subject: &mut Subject) {
    let (key, fence) = subject.running(1);
    assert!(subject.write(|store| store.set_progress(key, fence, 0.4, Some("rendering"))).expect("progress"));
    assert!(!subject.write(|store| store.set_progress(key, Fence(fence.0 + 1), 0.9, None)).expect("progress"));
    assert!(subject.holds("workaday_jobs", "progress = 0.4 AND progress_note = 'rendering'"));
}

pub fn a_finished_row_keeps_what_the_job_was(subject: &mut Subject) {
    let (rerun_of, tags) = (Some(id(77)), Some("[\"a\"]".to_owned()));
    subject.enqueue(&NewJob { priority: 5, tags, rerun_of, enqueued_release: Some("r1".into()), ..job(1) });
    let key = subject.key_of(1);
    let fence = subject.claim(key).expect("it was ready");
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    let row = format!(
        "key = {} AND task = 'shop.send' AND queue = 'default' AND priority = 5 AND lane = 'sync' AND args = '{{\"number\":1}}' AND result = '1'
         AND attempt = 1 AND fence = 1 AND tags = '[\"a\"]' AND enqueued_release = 'r1' AND created_at = {now} AND finished_at = {now} AND run_at = {now}",
        key.0,
        now = NOW.0
    );
    assert!(subject.holds("workaday_finished", &row));
    let rerun = id(77).0.simple().to_string();
    assert!(subject.holds("workaday_finished", &format!("rerun_of = x'{rerun}'")));
}
