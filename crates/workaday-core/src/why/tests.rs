use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn facts(state: State) -> Facts<'static> {
    Facts {
        now: NOW,
        id: "ID",
        task: "shop.send",
        queue: "mail",
        state,
        lane: Lane::Sync,
        run_at: NOW - Length::seconds(5),
        counts: Counts { attempt: 0, ..Counts::default() },
        attempts_max: Some(5),
        timeout: Some(Length::hours(1)),
        held: None,
        rule: None,
        queue_paused: false,
        expires_at: None,
        cancel_requested: false,
        claimed_at: None,
        supervisor: true,
        ahead: Some(3),
        last: None,
        finished_at: None,
        reason: None,
        cancel_reason: None,
    }
}

fn says(facts: &Facts<'_>, because: &str, next: &str) {
    let why = why(facts);
    assert_eq!((why.because.as_str(), why.next.as_str()), (because, next));
}

#[test]
fn a_waiting_job_says_what_it_waits_for() {
    says(&facts(State::Pending), "It waits for other jobs of its workflow.", "It becomes available when the last of them has completed.");
    says(
        &Facts { run_at: NOW + Length::minutes(5), ..facts(State::Scheduled) },
        "It is due in 5m (2023-11-14T22:18:20Z).",
        "Then its run starts as soon as a slot is free.",
    );
    says(&facts(State::Available), "It is ready; 3 jobs of queue `mail` go first.", "It starts as soon as a slot is free.");
    says(
        &Facts { ahead: Some(0), ..facts(State::Available) },
        "It is ready and first in queue `mail`.",
        "It starts as soon as a slot is free.",
    );
    says(
        &Facts { lane: Lane::Solo, ..facts(State::Available) },
        "It is ready and waits for a process of its own.",
        "It starts as soon as a slot is free.",
    );
}

#[test]
fn without_a_supervisor_the_next_step_is_to_start_one() {
    for state in [State::Available, State::Scheduled, State::Retryable] {
        let why = why(&Facts { supervisor: false, ..facts(state) });
        assert!(why.next.contains("No supervisor serves this store"), "{state}: {}", why.next);
        assert!(why.commands.contains(&"workaday up".to_owned()), "{state}");
    }
}

#[test]
fn a_retry_says_what_failed_and_when_it_goes_on() {
    let last = Last {
        attempt: 2,
        outcome: AttemptOutcome::Failed,
        ended_at: NOW - Length::seconds(3),
        error: Some("SMTPError: 535 bad credentials.\nsecond line"),
        limit: None,
    };
    let counts = Counts { attempt: 2, ..Counts::default() };
    says(
        &Facts { run_at: NOW + Length::minutes(4), counts, last: Some(last), ..facts(State::Retryable) },
        "Attempt 2 failed 3s ago: SMTPError: 535 bad credentials.",
        "Attempt 3 of 5 follows in 4m (2023-11-14T22:17:20Z).",
    );
}

#[test]
fn a_running_job_says_when_it_would_be_stopped() {
    let counts = Counts { attempt: 1, ..Counts::default() };
    let running = Facts { counts, claimed_at: Some(NOW - Length::minutes(2)), ..facts(State::Running) };
    says(
        &running,
        "Attempt 1 of 5 has been running for 2m, since 2023-11-14T22:11:20Z.",
        "It is stopped if it runs longer than 1h: in 58m (2023-11-14T23:11:20Z).",
    );
    says(
        &Facts { cancel_requested: true, ..running.clone() },
        "Attempt 1 of 5 has been running for 2m, since 2023-11-14T22:11:20Z.",
        "Somebody asked to cancel it: it is told, then stopped; however it ends, it is cancelled.",
    );
    assert!(why(&Facts { supervisor: false, ..running }).next.contains("gives it back without spending the attempt"));
}

#[test]
fn every_hold_says_who_or_what_lifts_it() {
    let values = ["order_id=42".to_owned()];
    let rule = Rule { reason: "credentials revoked", owner: Some("payments@shop.example"), until: None, where_args: &values };
    let paused = Facts { held: Some(HeldCode::Paused), rule: Some(rule), ..facts(State::Available) };
    says(
        &paused,
        "Held: `shop.send` is paused for order_id=42 by payments@shop.example: credentials revoked.",
        "It keeps its place until somebody resumes it.",
    );
    assert_eq!(why(&paused).commands, ["workaday task resume shop.send --where 'order_id=42'"]);
    let counts = Counts { attempt: 3, crash: 3, ..Counts::default() };
    says(
        &Facts { held: Some(HeldCode::Quarantine), counts, ..facts(State::Retryable) },
        "Held in quarantine: its process died 3 times with this job alone inside.",
        "Nothing happens by itself. Released, its counts start at 0 and it runs alone.",
    );
    let counts = Counts { rescue: 10, ..Counts::default() };
    assert!(
        why(&Facts { held: Some(HeldCode::Quarantine), counts, ..facts(State::Available) })
            .because
            .contains("its supervisor died 10 times")
    );
    assert!(why(&Facts { held: Some(HeldCode::UnknownTask), ..facts(State::Available) }).next.contains("released by itself"));
    assert!(why(&Facts { held: Some(HeldCode::ArgumentsMisfit), ..facts(State::Available) }).next.contains("released by itself"));
}

#[test]
fn a_paused_queue_is_named_with_its_reason() {
    let rule = Rule { reason: "mail server is down", owner: None, until: None, where_args: &[] };
    says(
        &Facts { queue_paused: true, rule: Some(rule), ..facts(State::Available) },
        "It is ready, but its queue `mail` is paused: mail server is down.",
        "It starts after the queue is resumed.",
    );
}

#[test]
fn a_finished_job_says_how_it_ended() {
    let ended =
        |state| Facts { finished_at: Some(NOW - Length::minutes(1)), counts: Counts { attempt: 5, ..Counts::default() }, ..facts(state) };
    for (reason, state, because) in [
        (None, State::Completed, "Completed 1m ago (2023-11-14T22:12:20Z) in attempt 5."),
        (None, State::Discarded, "Discarded 1m ago (2023-11-14T22:12:20Z): all 5 attempts are used up."),
        (
            Some("not_retried"),
            State::Discarded,
            "Discarded 1m ago (2023-11-14T22:12:20Z): it failed with an error that its policy never retries.",
        ),
        (
            Some("outcome_unknown"),
            State::Discarded,
            "Discarded 1m ago (2023-11-14T22:12:20Z): it may run at most once, and a crash left its outcome unknown.",
        ),
        (Some("by_task"), State::Discarded, "Discarded 1m ago (2023-11-14T22:12:20Z) by the task itself."),
        (Some("expired"), State::Cancelled, "Cancelled 1m ago (2023-11-14T22:12:20Z): it had not started when it expired."),
        (Some("by_hand"), State::Cancelled, "Cancelled 1m ago (2023-11-14T22:12:20Z) by hand."),
        (
            Some("replaced"),
            State::Cancelled,
            "Cancelled 1m ago (2023-11-14T22:12:20Z): a newer job with the same unique key took its place.",
        ),
    ] {
        assert_eq!(why(&Facts { reason, ..ended(state) }).because, because);
    }
    let once = Facts { attempts_max: Some(1), counts: Counts { attempt: 1, ..Counts::default() }, ..ended(State::Discarded) };
    assert_eq!(why(&once).because, "Discarded 1m ago (2023-11-14T22:12:20Z): its only attempt is used up.");
}

#[test]
fn a_cancelled_job_says_who_ended_it_and_in_which_words() {
    let last = |error| Last { attempt: 1, outcome: AttemptOutcome::Cancelled, ended_at: NOW - Length::minutes(1), error, limit: None };
    let ended = |reason, error| Facts {
        finished_at: Some(NOW - Length::minutes(1)),
        reason: Some(reason),
        last: Some(last(error)),
        ..facts(State::Cancelled)
    };
    for (reason, error, because) in [
        (
            "by_task",
            Some("Cancel: the order was withdrawn"),
            "Cancelled 1m ago (2023-11-14T22:12:20Z) by the task itself: the order was withdrawn.",
        ),
        ("by_task", Some("Cancel"), "Cancelled 1m ago (2023-11-14T22:12:20Z) by the task itself."),
        ("by_hand", Some("JobStopped: cancel"), "Cancelled 1m ago (2023-11-14T22:12:20Z) by hand, while it ran."),
    ] {
        assert_eq!(why(&ended(reason, error)).because, because);
    }
}

#[test]
fn a_job_that_was_put_off_or_stopped_says_by_what() {
    let last = |outcome, error| Last { attempt: 1, outcome, ended_at: NOW - Length::seconds(3), error, limit: Some(Length::seconds(1)) };
    let snoozed = Some(last(AttemptOutcome::Snoozed, None));
    assert_eq!(
        why(&Facts { run_at: NOW + Length::minutes(5), last: snoozed, ..facts(State::Scheduled) }).because,
        "Attempt 1 postponed itself 3s ago. It is due in 5m (2023-11-14T22:18:20Z)."
    );
    for (error, because) in [
        (Some("workaday.outcomes.TaskTimedOut: it ran longer than its timeout"), "Attempt 1 was stopped 3s ago: it ran longer than 1s."),
        (Some("OSError: closed"), "Attempt 1 was stopped 3s ago: it ran longer than 1s (OSError: closed)."),
    ] {
        let late = Facts { run_at: NOW + Length::minutes(5), last: Some(last(AttemptOutcome::TimedOut, error)), ..facts(State::Retryable) };
        assert_eq!(why(&late).because, because);
    }
    assert_eq!(Last::limit_of(Some(r#"{"kind":"timeout","limit_us":1000000}"#)), Some(Length::seconds(1)));
    assert_eq!(Last::limit_of(Some(r#"{"kind":"cancelled","limit_us":1000000}"#)), None);
}

#[test]
fn every_state_and_hold_has_a_sentence_and_says_what_is_next() {
    let holds = HeldCode::ALL.iter().copied().map(Some).chain([None]);
    for held in holds {
        for &state in State::ALL {
            for supervisor in [true, false] {
                let why = why(&Facts { held, supervisor, ..facts(state) });
                for sentence in [&why.because, &why.next] {
                    assert!(
                        sentence.ends_with(['.', '!']) && !sentence.contains("  ") && !sentence.contains(".."),
                        "{state} {held:?}: {sentence:?}"
                    );
                }
            }
        }
    }
}
