//! The state-by-event table, twice: row by row as docs/protocol.md has it, and as a reference model that a job under any
//! sequence of events must agree with. The model is written from the table alone, not from `lifecycle.rs`.

use proptest::prelude::*;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{AttemptOutcome, Counts, HeldCode, State};
use workaday_core::lifecycle::{self, CancelEffect, Next, Outcome, Running};
use workaday_core::retry::{Chance, RetryPolicy};

const NOW: Timestamp = Timestamp(1_000_000_000);

fn policy() -> RetryPolicy {
    RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }
}

fn running(attempt: u32, attempts_max: u32, (crash, suspect, rescue): (u32, u32, u32)) -> Running {
    let counts = Counts { attempt, crash, suspect, rescue };
    Running { counts, attempts_max, retry: policy(), at_most_once: false, cancel_requested: false }
}

// -- row by row ------------------------------------------------------------------------------------------------------

/// What the table says of a running job and one event.
struct Row {
    event: &'static str,
    job: Running,
    outcome: Outcome,
    state: State,
    /// attempt, crash, suspect, rescue afterwards.
    counts: (u32, u32, u32, u32),
    held: bool,
    solo: bool,
    alert: bool,
    recorded: AttemptOutcome,
}

fn rows() -> Vec<Row> {
    use AttemptOutcome as A;
    use Outcome as O;
    use State as S;
    let (yes, no) = (true, false);
    let row = |event, job, outcome, state, counts, held, solo, alert, recorded| Row {
        event,
        job,
        outcome,
        state,
        counts,
        held,
        solo,
        alert,
        recorded,
    };
    let once = |attempt| Running { at_most_once: true, ..running(attempt, 1, (0, 0, 0)) };
    let cancelling = |counts| Running { cancel_requested: true, ..running(1, 5, counts) };
    let counted = (2, 1, 2);
    vec![
        row("completed", running(1, 5, counted), O::Completed, S::Completed, (1, 0, 0, 0), no, no, no, A::Completed),
        row("failed", running(1, 5, counted), O::Failed { retry: yes }, S::Retryable, (1, 0, 0, 0), no, no, no, A::Failed),
        row("failed, used up", running(5, 5, counted), O::Failed { retry: yes }, S::Discarded, (5, 0, 0, 0), no, no, yes, A::Failed),
        row(
            "failed, policy says never",
            running(1, 5, counted),
            O::Failed { retry: no },
            S::Discarded,
            (1, 0, 0, 0),
            no,
            no,
            yes,
            A::Failed,
        ),
        // Not by itself, so the counts stay.
        row("stopped: timeout", running(1, 5, (2, 1, 2)), O::TimedOut, S::Retryable, (1, 2, 1, 2), no, no, no, A::TimedOut),
        row("stopped: memory", running(1, 5, (2, 2, 2)), O::OverMemory, S::Retryable, (1, 2, 2, 2), no, yes, no, A::OverMemory),
        row("stopped, used up", running(5, 5, (0, 0, 0)), O::TimedOut, S::Discarded, (5, 0, 0, 0), no, no, yes, A::TimedOut),
        row(
            "snooze",
            running(3, 5, counted),
            O::Snoozed { until: NOW + Length::seconds(9) },
            S::Scheduled,
            (2, 0, 0, 0),
            no,
            no,
            no,
            A::Snoozed,
        ),
        row(
            "given back, begun",
            running(3, 5, counted),
            O::GivenBack { frame_written: yes },
            S::Available,
            (2, 2, 1, 2),
            no,
            no,
            no,
            A::GivenBack,
        ),
        row(
            "given back, runs alone",
            running(3, 5, (0, 2, 0)),
            O::GivenBack { frame_written: no },
            S::Available,
            (2, 0, 2, 0),
            no,
            yes,
            no,
            A::GivenBack,
        ),
        row(
            "crashed alone",
            running(1, 5, (1, 0, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Retryable,
            (1, 2, 0, 0),
            no,
            no,
            no,
            A::Crashed,
        ),
        row(
            "crashed alone, where two suspicions had put it",
            running(1, 5, (0, 2, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Retryable,
            (1, 1, 2, 0),
            no,
            yes,
            no,
            A::Crashed,
        ),
        row(
            "crashed alone, used up",
            running(5, 5, (1, 0, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Discarded,
            (5, 2, 0, 0),
            no,
            no,
            yes,
            A::Crashed,
        ),
        row(
            "crashed alone, third",
            running(3, 5, (2, 0, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Retryable,
            (3, 3, 0, 0),
            yes,
            yes,
            yes,
            A::Crashed,
        ),
        row(
            "crashed alone, third and used up",
            running(5, 5, (2, 0, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Retryable,
            (5, 3, 0, 0),
            yes,
            yes,
            yes,
            A::Crashed,
        ),
        row(
            "crashed before its frame",
            running(1, 5, (2, 0, 0)),
            O::CrashedAlone { frame_written: no },
            S::Available,
            (0, 2, 0, 0),
            no,
            no,
            no,
            A::GivenBack,
        ),
        row("suspect", running(1, 5, (0, 0, 0)), O::CrashedAmongSuspects, S::Available, (0, 0, 1, 0), no, no, no, A::Suspect),
        row("suspect, second", running(1, 5, (0, 1, 0)), O::CrashedAmongSuspects, S::Available, (0, 0, 2, 0), no, yes, no, A::Suspect),
        row("rescued", running(1, 5, (0, 0, 0)), O::Rescued, S::Available, (0, 0, 0, 1), no, no, no, A::Rescued),
        row("rescued, third", running(1, 5, (0, 0, 2)), O::Rescued, S::Available, (0, 0, 0, 3), no, yes, no, A::Rescued),
        row("rescued, tenth", running(1, 5, (0, 0, 9)), O::Rescued, S::Available, (0, 0, 0, 10), yes, yes, yes, A::Rescued),
        row("says Cancel", running(1, 5, counted), O::Cancelled, S::Cancelled, (1, 0, 0, 0), no, no, no, A::Cancelled),
        row("says Discard", running(1, 5, counted), O::Discarded, S::Discarded, (1, 0, 0, 0), no, no, yes, A::Discarded),
        row("once: crash", once(1), O::CrashedAlone { frame_written: yes }, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: among suspects", once(1), O::CrashedAmongSuspects, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: rescue", once(1), O::Rescued, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: stop", once(1), O::TimedOut, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: memory", once(1), O::OverMemory, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: grace", once(1), O::GivenBack { frame_written: yes }, S::Discarded, (1, 0, 0, 0), no, no, yes, A::OutcomeUnknown),
        row("once: frame not written", once(1), O::GivenBack { frame_written: no }, S::Available, (0, 0, 0, 0), no, no, no, A::GivenBack),
        row(
            "once: crash before its frame",
            once(1),
            O::CrashedAlone { frame_written: no },
            S::Available,
            (0, 0, 0, 0),
            no,
            no,
            no,
            A::GivenBack,
        ),
        row("once: failed", once(1), O::Failed { retry: yes }, S::Discarded, (1, 0, 0, 0), no, no, yes, A::Failed),
        row("cancel, then completed", cancelling((0, 0, 0)), O::Completed, S::Cancelled, (1, 0, 0, 0), no, no, no, A::Completed),
        row("cancel, then failed", cancelling((0, 0, 0)), O::Failed { retry: yes }, S::Cancelled, (1, 0, 0, 0), no, no, no, A::Failed),
        row("cancel, then rescued", cancelling((0, 0, 0)), O::Rescued, S::Cancelled, (0, 0, 0, 1), no, no, no, A::Rescued),
        row(
            "cancel, then the third crash",
            cancelling((2, 0, 0)),
            O::CrashedAlone { frame_written: yes },
            S::Cancelled,
            (1, 3, 0, 0),
            no,
            yes,
            no,
            A::Crashed,
        ),
    ]
}

#[test]
fn every_row_of_the_table_is_decided_as_written() {
    for row in rows() {
        let got = lifecycle::settle(&row.job, row.outcome, NOW, Chance(0.5));
        let counts = (got.counts.attempt, got.counts.crash, got.counts.suspect, got.counts.rescue);
        let event = row.event;
        assert_eq!(got.next.state(), row.state, "{event}: state");
        assert_eq!(counts, row.counts, "{event}: attempt, crash, suspect, rescue");
        assert_eq!(got.held, row.held.then_some(HeldCode::Quarantine), "{event}: held");
        assert_eq!((got.solo, got.alert, got.outcome), (row.solo, row.alert, row.recorded), "{event}: solo, alert, recorded");
        assert_eq!(got.attempt_ended(), row.job.counts.attempt, "{event}: the record names the attempt that ran");
    }
}

#[test]
fn a_retry_waits_as_its_policy_says_and_a_snooze_until_its_instant() {
    let failed = lifecycle::settle(&running(3, 5, (0, 0, 0)), Outcome::Failed { retry: true }, NOW, Chance(0.5));
    assert_eq!(failed.next, Next::Retryable { run_at: NOW + Length::seconds(20) });
    let until = NOW + Length::hours(1);
    assert_eq!(
        lifecycle::settle(&running(1, 5, (0, 0, 0)), Outcome::Snoozed { until }, NOW, Chance(0.5)).next,
        Next::Scheduled { run_at: until }
    );
}

#[test]
fn a_cancel_ends_what_waits_asks_what_runs_and_leaves_what_is_finished() {
    for state in State::ALL {
        let expected = match state {
            State::Pending | State::Scheduled | State::Available | State::Retryable => CancelEffect::Now,
            State::Running => CancelEffect::Requested,
            State::Completed | State::Cancelled | State::Discarded => CancelEffect::Refused,
        };
        assert_eq!(lifecycle::cancel(*state), expected, "{state}");
    }
}

#[test]
fn a_retry_by_hand_grants_one_more_try_and_never_to_a_completed_job() {
    for state in State::ALL {
        let may = matches!(state, State::Discarded | State::Cancelled);
        assert_eq!(lifecycle::retry_by_hand(*state, 5, 0, 5).is_some(), may, "{state}");
    }
    assert_eq!(lifecycle::retry_by_hand(State::Discarded, 5, 0, 5), Some(1));
    assert_eq!(lifecycle::retry_by_hand(State::Discarded, 6, 1, 5), Some(2), "budget +1 each time");
    assert_eq!(lifecycle::retry_by_hand(State::Cancelled, 0, 0, 5), Some(1));
    assert_eq!(lifecycle::retry_by_hand(State::Discarded, 8, 0, 2), Some(7), "also when the policy has shrunk meanwhile");
}

// -- any sequence ----------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug)]
enum Event {
    Claim,
    Stage,
    End(Outcome),
    Cancel,
    Expire,
    RetryByHand,
    Release,
}

/// What both sides say of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Job {
    state: State,
    attempt: u32,
    extra: u32,
    fence: u64,
    crash: u32,
    suspect: u32,
    rescue: u32,
    held: bool,
    solo: bool,
    cancelling: bool,
}

const FRESH: Job = Job {
    state: State::Available,
    attempt: 0,
    extra: 0,
    fence: 0,
    crash: 0,
    suspect: 0,
    rescue: 0,
    held: false,
    solo: false,
    cancelling: false,
};

/// The job as the store would keep it, decided by `lifecycle.rs`.
fn act(job: Job, event: Event, budget: u32, once: bool) -> Job {
    match event {
        Event::Claim if job.state == State::Available && !job.held => {
            Job { state: State::Running, attempt: job.attempt + 1, fence: job.fence + 1, ..job }
        }
        Event::Stage if matches!(job.state, State::Scheduled | State::Retryable) && !job.held => Job { state: State::Available, ..job },
        Event::End(outcome) if job.state == State::Running => {
            let counts = Counts { attempt: job.attempt, crash: job.crash, suspect: job.suspect, rescue: job.rescue };
            let max = if once { 1 } else { budget } + job.extra;
            let running = Running { counts, attempts_max: max, retry: policy(), at_most_once: once, cancel_requested: job.cancelling };
            let got = lifecycle::settle(&running, outcome, NOW, Chance(0.5));
            let Counts { attempt, crash, suspect, rescue } = got.counts;
            Job {
                state: got.next.state(),
                attempt,
                crash,
                suspect,
                rescue,
                held: got.held.is_some(),
                solo: got.solo,
                cancelling: false,
                ..job
            }
        }
        Event::Cancel => match lifecycle::cancel(job.state) {
            CancelEffect::Now => Job { state: State::Cancelled, held: false, ..job },
            CancelEffect::Requested => Job { cancelling: true, ..job },
            CancelEffect::Refused => job,
        },
        Event::Expire if job.state.is_waiting() => Job { state: State::Cancelled, held: false, ..job },
        Event::RetryByHand => match lifecycle::retry_by_hand(job.state, job.attempt, job.extra, if once { 1 } else { budget }) {
            // History keeps no counts, so it starts with none.
            Some(extra) => Job { state: State::Available, extra, crash: 0, suspect: 0, rescue: 0, held: false, solo: false, ..job },
            None => job,
        },
        Event::Release if job.held => Job { held: false, crash: 0, suspect: 0, rescue: 0, solo: false, ..job },
        _ => job,
    }
}

/// The same from the table alone: each event is a line of it, with what it does to the attempt and to the counts.
fn table(job: Job, event: Event, budget: u32, once: bool) -> Job {
    let finished = |state| Job { state, held: false, cancelling: false, ..job };
    let waiting = [State::Pending, State::Scheduled, State::Available, State::Retryable].contains(&job.state);
    match event {
        Event::Claim => {
            if job.state != State::Available || job.held {
                return job;
            }
            Job { state: State::Running, attempt: job.attempt + 1, fence: job.fence + 1, ..job }
        }
        Event::Stage => match job.state {
            State::Scheduled | State::Retryable if !job.held => Job { state: State::Available, ..job },
            _ => job,
        },
        Event::Cancel | Event::Expire if waiting => finished(State::Cancelled),
        Event::Cancel if job.state == State::Running => Job { cancelling: true, ..job },
        Event::Cancel | Event::Expire => job,
        Event::RetryByHand => match job.state {
            State::Discarded | State::Cancelled => {
                Job { state: State::Available, extra: job.extra + 1, crash: 0, suspect: 0, rescue: 0, solo: false, ..job }
            }
            _ => job,
        },
        Event::Release if job.held => Job { held: false, crash: 0, suspect: 0, rescue: 0, solo: false, ..job },
        Event::Release => job,
        Event::End(_) if job.state != State::Running => job,
        Event::End(outcome) => table_end(job, outcome, if once { 1 } else { budget } + job.extra, once),
    }
}

fn table_end(job: Job, outcome: Outcome, attempts_max: u32, once: bool) -> Job {
    let base = Job { cancelling: false, held: false, ..job };
    let zero = Job { crash: 0, suspect: 0, rescue: 0, ..base };
    let back = Job { attempt: job.attempt - 1, state: State::Available, ..base };
    let again = |job: Job| Job { state: if job.attempt >= attempts_max { State::Discarded } else { State::Retryable }, ..job };
    let not_begun = matches!(outcome, Outcome::GivenBack { frame_written: false } | Outcome::CrashedAlone { frame_written: false });
    let by_itself =
        matches!(outcome, Outcome::Completed | Outcome::Failed { .. } | Outcome::Snoozed { .. } | Outcome::Cancelled | Outcome::Discarded);
    let mut after = match outcome {
        _ if once && !by_itself && !not_begun => Job { state: State::Discarded, ..base },
        Outcome::Completed => Job { state: State::Completed, ..zero },
        Outcome::Failed { retry: true } => again(zero),
        Outcome::Failed { retry: false } | Outcome::Discarded => Job { state: State::Discarded, ..zero },
        Outcome::Cancelled => Job { state: State::Cancelled, ..zero },
        Outcome::TimedOut | Outcome::OverMemory => again(base),
        Outcome::Snoozed { .. } => Job { state: State::Scheduled, attempt: job.attempt - 1, ..zero },
        Outcome::GivenBack { .. } | Outcome::CrashedAlone { frame_written: false } => back,
        Outcome::CrashedAlone { frame_written: true } if job.crash == 2 => Job { state: State::Retryable, crash: 3, held: true, ..base },
        Outcome::CrashedAlone { frame_written: true } => again(Job { crash: job.crash + 1, ..base }),
        Outcome::CrashedAmongSuspects => Job { suspect: job.suspect + 1, ..back },
        Outcome::Rescued => Job { rescue: job.rescue + 1, held: job.rescue == 9, ..back },
    };
    after.solo = after.suspect >= 2 || after.rescue >= 3 || after.crash >= 3;
    if job.cancelling {
        after.state = State::Cancelled;
        after.held = false;
    }
    after
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Completed),
        any::<bool>().prop_map(|retry| Outcome::Failed { retry }),
        Just(Outcome::TimedOut),
        Just(Outcome::OverMemory),
        Just(Outcome::Snoozed { until: NOW }),
        Just(Outcome::Cancelled),
        Just(Outcome::Discarded),
        any::<bool>().prop_map(|frame_written| Outcome::GivenBack { frame_written }),
        any::<bool>().prop_map(|frame_written| Outcome::CrashedAlone { frame_written }),
        Just(Outcome::CrashedAmongSuspects),
        Just(Outcome::Rescued),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => Just(Event::Claim),
        3 => Just(Event::Stage),
        6 => outcomes().prop_map(Event::End),
        1 => Just(Event::Cancel),
        1 => Just(Event::Expire),
        1 => Just(Event::RetryByHand),
        1 => Just(Event::Release),
    ];
    prop::collection::vec(event, 0..80)
}

/// A finished job has no next run, so its `solo` says nothing.
fn shown(job: Job) -> Job {
    Job { solo: job.solo && !job.state.is_finished(), ..job }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_sequence_of_events_agrees_with_the_table(events in events(), budget in 1_u32..6, once in any::<bool>()) {
        let (mut job, mut reference) = (FRESH, FRESH);
        for event in events {
            let before = job;
            job = act(job, event, budget, once);
            reference = table(reference, event, budget, once);
            prop_assert_eq!(shown(job), shown(reference), "after {:?} on {:?}", event, before);

            prop_assert!(job.fence >= before.fence, "the fence only rises");
            prop_assert_eq!(job.fence - before.fence, u64::from(job.state == State::Running && before.state != State::Running));
            if before.state.is_finished() && !matches!(event, Event::RetryByHand) {
                prop_assert_eq!(job, before, "a finished job stays finished");
            }
            let max = if once { 1 } else { budget } + job.extra;
            prop_assert!(job.attempt <= max || job.held, "attempts {} of {}", job.attempt, max);
            prop_assert!(!job.held || job.state.is_waiting(), "only what waits is held");
        }
    }

    /// Whatever goes wrong, a job that nobody gives back or snoozes comes to rest: finished, or held for a person.
    #[test]
    fn no_loop_is_free(outcomes in prop::collection::vec(outcomes(), 100), budget in 1_u32..6, once in any::<bool>()) {
        let mut job = FRESH;
        let mut runs = 0;
        for outcome in outcomes {
            let ours = matches!(outcome, Outcome::GivenBack { .. } | Outcome::Snoozed { .. } | Outcome::CrashedAlone { frame_written: false });
            // Alone in its process there are no other suspects.
            if ours || (job.solo && matches!(outcome, Outcome::CrashedAmongSuspects)) {
                continue;
            }
            job = act(act(job, Event::Stage, budget, once), Event::Claim, budget, once);
            if job.state != State::Running {
                break;
            }
            runs += 1;
            job = act(job, Event::End(outcome), budget, once);
        }
        // Between two attempts spent there are at most 2 suspicions and 9 rescues.
        prop_assert!(runs <= (budget + 1) * 12, "{} runs for {} attempts", runs, budget);
    }
}
