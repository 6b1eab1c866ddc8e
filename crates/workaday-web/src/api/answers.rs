//! Every answer of the API, field by field: what each is, and what it means where its name does not say.

use super::schemas::{Any, Field, Flag, Instant, Is, List, Maybe, Number, Object, Of, Schema, Text, Uuid, Whole, Word, ours, theirs};
use workaday_core::job::{AttemptOutcome, HeldCode, Lane, State};
use workaday_core::measure::SeriesKind;
use workaday_core::schedule::{Reason, ScheduleSource, ScheduleState};

const STATE: Is = Word(|| State::ALL.iter().map(|word| word.as_str()).collect());
const LANE: Is = Word(|| Lane::ALL.iter().map(|word| word.as_str()).collect());
const HELD: Is = Word(|| HeldCode::ALL.iter().map(|word| word.as_str()).collect());
const OUTCOME: Is = Word(|| AttemptOutcome::ALL.iter().map(|word| word.as_str()).collect());
const SOURCE: Is = Word(|| ScheduleSource::ALL.iter().map(|word| word.as_str()).collect());
const SCHEDULE_STATE: Is = Word(|| ScheduleState::ALL.iter().map(|word| word.as_str()).collect());
const REASON: Is = Word(|| Reason::ALL.iter().map(|word| word.as_str()).collect());
pub(super) const SERIES: Is = Word(|| SeriesKind::ALL.iter().map(|word| word.as_str()).collect());
const ACT: Is = Word(|| vec!["retry", "cancel", "delete"]);
const RETRY: Is = Word(|| vec!["safe", "safe_after_fix", "check_first", "never"]);

const NEXT: Field = ("next", Maybe(&Whole), "`before` of the next page; null: there is none.");
const NEXT_TEXT: Field = ("next", Maybe(&Text), "Asks for what follows; null: there is nothing.");
const MESSAGE: Field = ("message", Text, "What became of it, as a sentence.");

const SUMMARY: &[Field] = &[
    ("id", Uuid, ""),
    ("task", Text, ""),
    ("queue", Text, ""),
    ("state", STATE, ""),
    ("held", Maybe(&HELD), "Why it waits although it could run; null: it is not held."),
    ("reason", Maybe(&Text), "Why it ended so, when the state alone does not say."),
    ("priority", Whole, "Higher goes first."),
    ("lane", LANE, "Which kind of process runs it."),
    ("attempt", Whole, "Attempts that it has begun."),
    ("attempt_extra", Whole, "Attempts granted by hand."),
    ("crash_count", Whole, "How often its process died of it."),
    ("suspect_count", Whole, "How often its process died with others inside."),
    ("rescue_count", Whole, "How often its supervisor died."),
    ("tags", Maybe(&List(&Text)), ""),
    ("progress", Maybe(&Number), "0 to 1, as the job says."),
    ("progress_note", Maybe(&Text), ""),
    ("created_at", Instant, ""),
    ("run_at", Instant, "When it is due."),
    ("claimed_at", Maybe(&Instant), "Since when it runs."),
    ("cancel_requested_at", Maybe(&Instant), ""),
    ("finished_at", Maybe(&Instant), ""),
];

const WHOLE_JOB: &[Field] = &[
    ("args", Any, "Parameter to value."),
    ("result", Any, ""),
    ("expires_at", Maybe(&Instant), "Cancelled if it has not started by then."),
    ("cancel_reason", Maybe(&Text), ""),
    ("unique_key", Maybe(&Text), ""),
    ("rerun_of", Maybe(&Uuid), "The job that this one repeats."),
    ("enqueued_release", Maybe(&Text), ""),
    ("attempts", List(&Of("attempt")), "The oldest first; one for each claim that ended."),
];

const RELEASE: &[Field] = &[
    ("release", Whole, "Its number."),
    ("kind", Word(|| vec!["release", "rollback"]), ""),
    ("state", Text, "open, done, worse, failed …"),
    ("verdict", Maybe(&Text), ""),
    ("revision", Text, ""),
    ("previous", Maybe(&Whole), "The number of the one before."),
    ("reason", Text, ""),
    ("owner", Text, ""),
    ("started_at", Instant, ""),
    ("ended_at", Maybe(&Instant), ""),
];

pub(super) const SCHEMAS: &[Schema] = &[
    ours(
        "problem",
        &[&[
            ("code", Text, "Listed in docs/reference/errors.md; never changes its meaning."),
            ("message", Text, "What failed."),
            ("expected", Text, ""),
            ("got", Maybe(&Text), ""),
            ("retry", RETRY, ""),
            ("retry_note", Maybe(&Text), "The same in words."),
            ("hint", Maybe(&Text), "What to do next."),
            ("docs", Text, "Where the code is described."),
            ("status", Whole, ""),
            ("id", Text, "By which the log finds the request."),
        ]],
    ),
    // -- jobs ----------------------------------------------------------------------------------------------------------
    ours("summary", &[SUMMARY]),
    ours("jobs", &[&[("jobs", List(&Of("summary")), ""), NEXT]]),
    ours("job", &[SUMMARY, WHOLE_JOB]),
    ours(
        "attempt",
        &[&[
            ("attempt", Whole, "Its number; a snooze does not count."),
            ("fence", Whole, "The claim; rises with each."),
            ("outcome", OUTCOME, ""),
            ("claimed_at", Instant, ""),
            ("started_at", Maybe(&Instant), ""),
            ("ended_at", Instant, ""),
            ("waited_us", Maybe(&Whole), "From due to started."),
            ("ran_us", Maybe(&Whole), ""),
            ("cpu_us", Maybe(&Whole), ""),
            ("memory_peak_kib", Maybe(&Whole), "Of its process."),
            ("error", Any, "{type, message, traceback, expected, retry}; null: none was raised."),
            ("cause", Any, "{kind, …}: how its process ended, when it did."),
            ("child", Maybe(&Text), ""),
            ("release", Maybe(&Text), ""),
            ("log_lines", Whole, ""),
            ("log_dropped_bytes", Whole, "Beyond the limit, not kept."),
            ("evidence", Any, "What was counted: statements, cache, HTTP calls."),
            ("unexpected", Maybe(&Text), "Why it is not what `expects=` says."),
        ]],
    ),
    ours("logs", &[&[("id", Uuid, ""), ("state", STATE, ""), ("lines", List(&Of("line")), ""), NEXT_TEXT]]),
    ours(
        "line",
        &[&[
            ("fence", Whole, "The claim that wrote it."),
            ("seq", Whole, ""),
            ("at", Instant, ""),
            ("stream", Text, "stdout, stderr, log …"),
            ("level", Maybe(&Text), ""),
            ("logger", Maybe(&Text), ""),
            ("text", Text, ""),
        ]],
    ),
    ours(
        "enqueued",
        &[&[
            ("id", Uuid, "The job: the new one, or the one that was there."),
            ("task", Text, ""),
            ("queue", Text, ""),
            ("new", Flag, "Was a job made?"),
            ("state", Maybe(&STATE), ""),
            ("run_at", Instant, ""),
            MESSAGE,
        ]],
    ),
    ours("acted", &[&[("id", Uuid, ""), ("done", Flag, ""), ("requested", Flag, "It runs, and was asked to stop."), MESSAGE]]),
    ours(
        "batch",
        &[&[
            ("act", ACT, ""),
            ("dry_run", Flag, ""),
            ("fit", Whole, "Jobs that are meant and that the act can concern."),
            ("more", Flag, "There are more than one act can concern: 100000."),
            ("done", Whole, ""),
            ("left", Whole, "Named or fitting, and not done: gone, moved on, or in another state."),
            ("newest", Maybe(&Whole), "Given back with the act, it leaves out what was enqueued meanwhile."),
            ("sample", List(&Uuid), "Some of them."),
            MESSAGE,
        ]],
    ),
    ours("errors", &[&[("errors", List(&Of("error")), "")]]),
    ours(
        "error",
        &[&[
            ("fingerprint", Text, "Of task, type and place: the same for every time it happens."),
            ("task", Text, ""),
            ("said", Text, "Its type and message, the newest one's."),
            ("place", Maybe(&Text), "File, line and function of yours."),
            ("last_24_h", Whole, "How often."),
            ("first_at", Instant, ""),
            ("last_at", Instant, ""),
            ("first_release", Maybe(&Text), "Under which it came first."),
            ("muted", Maybe(&Text), "By whom, and why; null: it is not."),
        ]],
    ),
    ours(
        "muted",
        &[&[
            ("fingerprint", Text, ""),
            ("muted", Flag, ""),
            ("until", Maybe(&Instant), ""),
            ("release", Maybe(&Text), "While this one runs."),
            MESSAGE,
        ]],
    ),
    // -- tasks and queues ----------------------------------------------------------------------------------------------
    ours("tasks", &[&[("tasks", List(&Of("declared")), "")]]),
    theirs("declared", &[DECLARED]),
    theirs("task", &[DECLARED, &[("holds", List(&Of("hold")), "Switch-offs that are active.")]]),
    ours(
        "hold",
        &[&[
            ("rule", Whole, ""),
            ("task", Maybe(&Text), ""),
            ("queue", Maybe(&Text), ""),
            ("where", Object, "Only jobs with these argument values."),
            ("reason", Text, ""),
            ("owner", Maybe(&Text), ""),
            ("until", Maybe(&Instant), ""),
            ("created_at", Instant, ""),
            ("released_at", Maybe(&Instant), ""),
        ]],
    ),
    ours(
        "paused",
        &[&[
            ("rule", Whole, ""),
            ("task", Maybe(&Text), ""),
            ("queue", Maybe(&Text), ""),
            ("where", Object, ""),
            ("until", Maybe(&Instant), ""),
            MESSAGE,
        ]],
    ),
    ours("resumed", &[&[("task", Maybe(&Text), ""), ("queue", Maybe(&Text), ""), ("released", Whole, "Rules that ended."), MESSAGE]]),
    ours("queues", &[&[("queues", List(&Of("queue")), "")]]),
    ours(
        "queue",
        &[&[
            ("queue", Text, ""),
            ("available", Whole, "Ready to run."),
            ("scheduled", Whole, "Not due yet."),
            ("retryable", Whole, "Wait for their next attempt."),
            ("pending", Whole, "Wait for others."),
            ("running", Whole, ""),
            ("held", Whole, "Counted nowhere else."),
            ("oldest_waiting_at", Maybe(&Instant), "Since when the oldest ready job waits."),
            ("paused", Flag, ""),
        ]],
    ),
    // -- schedules -----------------------------------------------------------------------------------------------------
    ours("schedules", &[&[("schedules", List(&Of("schedule")), "")]]),
    ours(
        "schedule",
        &[&[
            ("name", Text, ""),
            ("task", Text, ""),
            ("source", SOURCE, "Where it is stated."),
            ("state", SCHEDULE_STATE, ""),
            ("broken_reason", Maybe(&Text), ""),
            ("declared", Object, "As it was stated: due, zone, arguments, policies."),
            ("anchor", Instant, "Where an interval starts."),
            ("cursor", Instant, "The last tick that was decided."),
            ("next_at", Maybe(&Instant), ""),
            ("skips", Whole, "Ticks to come that are left out."),
            ("paused_at", Maybe(&Instant), ""),
            ("paused_until", Maybe(&Instant), ""),
            ("pause_note", Maybe(&Text), ""),
            ("owner", Maybe(&Text), ""),
            ("reason", Maybe(&Text), ""),
            ("runs_known", Whole, "Runs that were learned from."),
            ("expected_us", Maybe(&Whole), "How long a run usually takes."),
            ("too_long_us", Maybe(&Whole), "Longer than this is told."),
            ("failures", Whole, "In a row."),
            ("created_at", Instant, ""),
            ("updated_at", Instant, ""),
        ]],
    ),
    ours("ticks", &[&[("schedule", Text, ""), ("ticks", List(&Of("tick")), ""), NEXT_TEXT]]),
    ours(
        "tick",
        &[&[
            ("at", Instant, "When it was due."),
            ("until", Instant, "The last of a range; else `at`."),
            ("count", Whole, "Ticks of the range."),
            ("reason", Maybe(&REASON), "Why it has no job; null: it has one."),
            ("job", Maybe(&Uuid), ""),
            ("job_state", Maybe(&STATE), "While the store has the job."),
            ("late", Flag, ""),
            ("nominal", Text, "On the schedule's own clock."),
            ("offset_seconds", Whole, "Of that clock from UTC."),
            ("merged", Whole, "Ticks that a change of clocks put on the same instant."),
            ("decided_at", Instant, ""),
        ]],
    ),
    ours("schedule_paused", &[&[("schedule", Text, ""), ("paused_until", Maybe(&Instant), ""), MESSAGE]]),
    ours("schedule_resumed", &[&[("schedule", Text, ""), ("paused_ticks", Whole, "Ticks of the pause, which do not run."), MESSAGE]]),
    ours(
        "schedule_ran",
        &[&[("schedule", Text, ""), ("job", Maybe(&Uuid), ""), ("new", Flag, "Was a job made? A tick has one only."), MESSAGE]],
    ),
    ours("schedule_skipped", &[&[("schedule", Text, ""), ("skipped", Maybe(&Of("skipped")), "null: no tick is to come."), MESSAGE]]),
    ours("skipped", &[&[("first", Instant, ""), ("last", Instant, ""), ("count", Whole, "")]]),
    // -- workers, releases, measures -----------------------------------------------------------------------------------
    ours("workers", &[&[("workers", List(&Of("worker")), "")]]),
    ours(
        "worker",
        &[&[
            ("worker", Whole, ""),
            ("generation", Whole, "The term of its supervisor."),
            ("kind", Text, "supervisor, sync, async, solo …"),
            ("pid", Whole, ""),
            ("release", Maybe(&Text), ""),
            ("started_at", Instant, ""),
            ("seen_at", Instant, ""),
            ("ended_at", Maybe(&Instant), ""),
            ("end_cause", Maybe(&Text), ""),
            ("info", Any, ""),
        ]],
    ),
    ours(
        "releases",
        &[&[
            ("releases", List(&Of("release_summary")), "Those that `workaday release run` led."),
            ("seen", List(&Of("release_seen")), "Names under which attempts ran."),
            ("running", Maybe(&Text), "The name of the release that answers."),
            NEXT,
        ]],
    ),
    ours("release_summary", &[RELEASE]),
    ours("release_seen", &[&[("release", Text, ""), ("first_at", Instant, ""), ("last_at", Instant, "")]]),
    ours(
        "release",
        &[
            RELEASE,
            &[
                ("plan", Any, "What was planned, written once."),
                ("note", Maybe(&Text), "Markdown; written at the end."),
                ("steps", List(&Of("release_step")), ""),
            ],
        ],
    ),
    ours(
        "release_step",
        &[&[
            ("step", Text, ""),
            ("state", Text, "begun, done, failed …"),
            ("tries", Whole, ""),
            ("began_at", Instant, ""),
            ("ended_at", Maybe(&Instant), ""),
            ("detail", Any, "Commands with exit codes, figures, words."),
        ]],
    ),
    ours("baselines", &[&[("baselines", List(&Of("baseline")), "")]]),
    ours(
        "baseline",
        &[&[
            ("name", Text, ""),
            ("since", Instant, ""),
            ("before", Instant, "The end, not included."),
            ("captured_at", Instant, ""),
            ("release", Maybe(&Text), ""),
            ("noticed", Any, "What a person noticed then; hashes of configuration and dependencies."),
        ]],
    ),
    ours(
        "measures",
        &[&[("measures", List(&Of("measure")), ""), ("next", Maybe(&Instant), "`from` of the next page; null: there is none.")]],
    ),
    // -- alerts, audit -------------------------------------------------------------------------------------------------
    ours("alerts", &[&[("alerts", List(&Of("alert")), ""), NEXT]]),
    ours(
        "alert",
        &[&[
            ("id", Whole, ""),
            ("code", Text, ""),
            ("subject", Text, "A task, a schedule, a job …"),
            ("message", Text, ""),
            ("count", Whole, "How often it came."),
            ("first_at", Instant, ""),
            ("last_at", Instant, ""),
            ("closed_at", Maybe(&Instant), ""),
        ]],
    ),
    ours("closed", &[&[("id", Whole, ""), ("closed", Flag, ""), MESSAGE]]),
    ours("audit", &[&[("audit", List(&Of("deed")), ""), NEXT]]),
    ours(
        "deed",
        &[&[
            ("id", Whole, ""),
            ("at", Instant, ""),
            ("who", Text, ""),
            ("action", Text, ""),
            ("target", Text, ""),
            ("why", Maybe(&Text), ""),
            ("detail", Any, ""),
        ]],
    ),
];

/// What a worker has stated of a task; a newer one may state more.
const DECLARED: &[Field] = &[
    ("name", Text, ""),
    ("release", Maybe(&Text), "That stated it."),
    ("present", Flag, "Does a worker that runs state it?"),
    ("updated_at", Instant, ""),
];
