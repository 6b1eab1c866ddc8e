//! Why a job stands where it stands, and what happens next: a sentence or two for every state and hold.
//!
//! Pure: the facts come in, text comes out. The command line and the pages say the same words.

use crate::clock::{Length, Timestamp, format_length};
use crate::job::{AttemptOutcome, Counts, HeldCode, Lane, State};

/// What is known about a job when somebody asks.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub now: Timestamp,
    pub id: &'a str,
    pub task: &'a str,
    pub queue: &'a str,
    pub state: State,
    pub lane: Lane,
    pub run_at: Timestamp,
    pub counts: Counts,
    /// Attempts allowed in all; `None` when no worker has stated the task.
    pub attempts_max: Option<u32>,
    pub timeout: Option<Length>,
    pub held: Option<HeldCode>,
    /// The switch-off rule behind `held`, or the one of its queue.
    pub rule: Option<Rule<'a>>,
    pub queue_paused: bool,
    pub expires_at: Option<Timestamp>,
    pub cancel_requested: bool,
    pub claimed_at: Option<Timestamp>,
    /// Does a supervisor serve this store now?
    pub supervisor: bool,
    /// Claimable jobs of its queue that go first.
    pub ahead: Option<u64>,
    pub last: Option<Last<'a>>,
    pub finished_at: Option<Timestamp>,
    /// Why it ended so, when the state does not say: `expired`, `by_hand`, `outcome_unknown` …
    pub reason: Option<&'a str>,
    /// What was written at a cancel.
    pub cancel_reason: Option<&'a str>,
}

/// A switch-off rule, as far as a reader is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    pub reason: &'a str,
    pub owner: Option<&'a str>,
    pub until: Option<Timestamp>,
    /// `order_id=42`, for each argument value that has to be there; empty when it keeps the whole task.
    pub where_args: &'a [String],
}

/// The newest ended attempt.
#[derive(Clone, Copy, Debug)]
pub struct Last<'a> {
    pub attempt: u32,
    pub outcome: AttemptOutcome,
    pub ended_at: Timestamp,
    /// Type and message of the error, or the cause of the process's death.
    pub error: Option<&'a str>,
    /// The timeout that stopped it, as it was then: the task's may have changed since.
    pub limit: Option<Length>,
}

impl Last<'_> {
    /// The timeout in the cause of an attempt: `{"kind": "timeout", "limit_us": 1000000}`.
    pub fn limit_of(cause: Option<&str>) -> Option<Length> {
        let cause: serde_json::Value = serde_json::from_str(cause?).ok()?;
        let limit_us = cause.get("limit_us").filter(|_| cause["kind"] == "timeout")?.as_i64()?;
        Some(Length(limit_us))
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What holds it where it is.
    pub because: String,
    /// What happens next, by itself or by hand.
    pub next: String,
    /// Commands that change it, the likeliest first.
    pub commands: Vec<String>,
}

impl Why {
    fn new(because: impl Into<String>, next: impl Into<String>) -> Self {
        Self { because: because.into(), next: next.into(), commands: vec![] }
    }
    fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// Explains a job.
pub fn why(facts: &Facts<'_>) -> Why {
    match (facts.state, facts.held) {
        (State::Completed, _) => completed(facts),
        (State::Cancelled, _) => cancelled(facts),
        (State::Discarded, _) => discarded(facts),
        (State::Running, _) => running(facts),
        (_, Some(code)) => held(facts, code),
        (State::Pending, None) => {
            Why::new("It waits for other jobs of its workflow.", "It becomes available when the last of them has completed.")
                .command(format!("workaday job cancel {}", facts.id))
        }
        (State::Scheduled, None) => due_later(facts, postponed(facts)),
        (State::Retryable, None) => due_later(facts, last_attempt(facts)),
        (State::Available, None) => available(facts),
    }
}

fn due_later(facts: &Facts<'_>, because: String) -> Why {
    let attempt = facts.counts.attempt + 1;
    let which = if facts.state == State::Retryable { format!("attempt {attempt}{}", of_attempts(facts)) } else { "its run".to_owned() };
    let expiry = expiry(facts);
    if facts.run_at <= facts.now {
        let because = join(&because, &format!("It was due {}.", ago(facts, facts.run_at)));
        let next = if facts.supervisor { "The supervisor makes it available at its next look.".to_owned() } else { unserved(facts) };
        return serve(facts, Why::new(because, join(&next, &expiry)));
    }
    let because = if facts.state == State::Retryable && !because.is_empty() {
        because
    } else {
        join(&because, &format!("It is due {}.", at(facts, facts.run_at)))
    };
    let next = format!("Then {which} starts as soon as a slot is free.");
    let next = if facts.state == State::Retryable { format!("{} follows {}.", capital(&which), at(facts, facts.run_at)) } else { next };
    let next = if facts.supervisor { next } else { join(&next, &unserved(facts)) };
    let why = serve(facts, Why::new(because, join(&next, &expiry)));
    let why = if facts.state == State::Retryable { why.command(format!("workaday job logs {}", facts.id)) } else { why };
    why.command(format!("workaday job cancel {}", facts.id))
}

fn available(facts: &Facts<'_>) -> Why {
    let expiry = expiry(facts);
    if facts.queue_paused {
        let because = format!("It is ready, but its queue `{}` is paused{}.", facts.queue, by_rule(facts));
        return Why::new(because, join("It starts after the queue is resumed.", &expiry))
            .command(format!("workaday queue resume {}", facts.queue));
    }
    if !facts.supervisor {
        return serve(facts, Why::new("It is ready.", join(&unserved(facts), &expiry)));
    }
    let because = match (facts.attempts_max, facts.lane, facts.ahead) {
        (None, ..) => format!("It is ready, but no worker has stated the task `{}` yet.", facts.task),
        (_, Lane::Solo, _) => "It is ready and waits for a process of its own.".to_owned(),
        (.., Some(0)) => format!("It is ready and first in queue `{}`.", facts.queue),
        (.., Some(1)) => format!("It is ready; 1 job of queue `{}` goes first.", facts.queue),
        (.., Some(ahead)) => format!("It is ready; {ahead} jobs of queue `{}` go first.", facts.queue),
        (.., None) => format!("It is ready in queue `{}`.", facts.queue),
    };
    let next = match facts.attempts_max {
        None => "It starts when a worker states the task; if one comes up without it, the job is held and an alert is raised.",
        Some(_) => "It starts as soon as a slot is free.",
    };
    Why::new(because, join(next, &expiry)).command("workaday status")
}

fn running(facts: &Facts<'_>) -> Why {
    let since = facts.claimed_at.map_or_else(String::new, |claimed| format!(" for {}, since {claimed}", span(facts, claimed)));
    let because = format!("Attempt {}{} has been running{since}.", facts.counts.attempt, of_attempts(facts));
    if !facts.supervisor {
        let next = if facts.cancel_requested {
            "Its supervisor is gone; the next `workaday up` cancels it, as was asked."
        } else {
            "Its supervisor is gone; the next `workaday up` gives it back without spending the attempt (an at-most-once task is discarded instead)."
        };
        return serve(facts, Why::new(because, next));
    }
    if facts.cancel_requested {
        let next = "Somebody asked to cancel it: it is told, then stopped; however it ends, it is cancelled.";
        return Why::new(because, next).command(format!("workaday job logs {} -f", facts.id));
    }
    let next = match (facts.timeout, facts.claimed_at) {
        (Some(timeout), Some(claimed)) => {
            format!("It is stopped if it runs longer than {}: {}.", format_length(timeout), at(facts, claimed + timeout))
        }
        (Some(timeout), None) => format!("It is stopped if it runs longer than {}.", format_length(timeout)),
        (None, _) => "It has no timeout, so only its own end or a cancel ends it.".to_owned(),
    };
    Why::new(because, next).command(format!("workaday job logs {} -f", facts.id)).command(format!("workaday job cancel {}", facts.id))
}

fn held(facts: &Facts<'_>, code: HeldCode) -> Why {
    let id = facts.id;
    match code {
        HeldCode::Paused => {
            let values = facts.rule.map(|rule| rule.where_args).unwrap_or_default();
            let what = if values.is_empty() { String::new() } else { format!(" for {}", values.join(" and ")) };
            let what = format!("`{}` is paused{what}", facts.task);
            let quoted: String = values.iter().map(|value| format!(" --where '{value}'")).collect();
            let resume = format!("workaday task resume {}{quoted}", facts.task);
            let until = facts.rule.and_then(|rule| rule.until);
            let next = match until {
                Some(until) if until > facts.now => format!("It keeps its place and is released {}, or earlier by hand.", at(facts, until)),
                Some(_) => "The pause is over; the mark is cleared at the supervisor's next look.".to_owned(),
                None => "It keeps its place until somebody resumes it.".to_owned(),
            };
            Why::new(format!("Held: {what}{}.", by_rule(facts)), join(&next, &expiry(facts))).command(resume)
        }
        HeldCode::Quarantine => {
            let what = match facts.counts {
                Counts { crash: 0, rescue, .. } if rescue > 0 => format!("its supervisor died {} while it ran", times(rescue)),
                Counts { crash, .. } => format!("its process died {} with this job alone inside", times(crash)),
            };
            let because = join(&format!("Held in quarantine: {what}."), &last_attempt(facts));
            Why::new(because, "Nothing happens by itself. Released, its counts start at 0 and it runs alone.")
                .command(format!("workaday job logs {id}"))
                .command(format!("workaday job release {id}"))
                .command(format!("workaday job cancel {id}"))
        }
        HeldCode::UnknownTask => Why::new(
            format!("Held: no worker knows the task `{}`; it was renamed, removed, or not yet deployed.", facts.task),
            "It is released by itself when a worker comes up whose code has the task.",
        )
        .command("workaday task list")
        .command(format!("workaday job cancel {id}")),
        HeldCode::ArgumentsMisfit => Why::new(
            join(&format!("Held: its arguments do not fit the signature of `{}` any more.", facts.task), &last_attempt(facts)),
            "It is released by itself when a worker comes up whose code takes these arguments.",
        )
        .command(format!("workaday job show {id}"))
        .command(format!("workaday job cancel {id}")),
        HeldCode::Unreadable => Why::new(
            "Held: its arguments cannot be read as JSON.",
            "Nothing happens by itself; enqueue the work again and delete this row.",
        )
        .command(format!("workaday job show {id}"))
        .command(format!("workaday job cancel {id}")),
    }
}

fn completed(facts: &Facts<'_>) -> Why {
    let because = format!("Completed{} in attempt {}.", finished(facts), facts.counts.attempt.max(1));
    let because = match facts.reason {
        Some("unexpected") => {
            let why = facts.last.and_then(|last| last.error).unwrap_or("it is not what its task expects");
            join(&because, &format!("But it is not as expected: {}.", line(why)))
        }
        Some(reason) if reason.starts_with("result.not_stored") => join(&because, &format!("Its result could not be kept ({reason}).")),
        _ => because,
    };
    Why::new(because, "Nothing more; it is pruned after its retention. Running the work again means enqueueing it again.")
}

fn cancelled(facts: &Facts<'_>) -> Why {
    let because = match (facts.reason, facts.cancel_reason) {
        (Some("expired"), _) => format!("Cancelled{}: it had not started when it expired.", finished(facts)),
        (Some("replaced"), _) => format!("Cancelled{}: a newer job with the same unique key took its place.", finished(facts)),
        (Some("by_task"), _) => format!("Cancelled{} by the task itself{}.", finished(facts), said_itself(facts)),
        (_, Some(why)) => format!("Cancelled{}: {}.", finished(facts), line(why)),
        (Some("by_hand"), None) => format!("Cancelled{} by hand{}.", finished(facts), in_the_middle(facts)),
        _ => format!("Cancelled{}.", finished(facts)),
    };
    Why::new(because, "Nothing more by itself. A retry by hand brings it back with one more attempt.")
        .command(format!("workaday job retry {}", facts.id))
}

fn discarded(facts: &Facts<'_>) -> Why {
    let last = last_attempt(facts);
    let when = finished(facts);
    let (because, next) = match facts.reason {
        Some("outcome_unknown") => (
            format!("Discarded{when}: it may run at most once, and a crash left its outcome unknown."),
            "Nothing by itself. Look first whether its effect is there: a retry by hand runs it again.",
        ),
        Some("by_task") => {
            (format!("Discarded{when} by the task itself."), "Nothing more by itself. A retry by hand grants one more attempt.")
        }
        Some("not_retried") => (
            format!("Discarded{when}: it failed with an error that its policy never retries."),
            "Nothing more by itself. After the cause is mended, a retry by hand grants one more attempt.",
        ),
        _ => (
            match facts.attempts_max.unwrap_or(facts.counts.attempt).max(1) {
                1 => format!("Discarded{when}: its only attempt is used up."),
                most => format!("Discarded{when}: all {most} attempts are used up."),
            },
            "Nothing more by itself. After the cause is mended, a retry by hand grants one more attempt.",
        ),
    };
    Why::new(join(&because, &last), next)
        .command(format!("workaday job logs {}", facts.id))
        .command(format!("workaday job retry {}", facts.id))
}

fn serve(facts: &Facts<'_>, why: Why) -> Why {
    if facts.supervisor { why } else { why.command("workaday up") }
}

fn unserved(_: &Facts<'_>) -> String {
    "No supervisor serves this store, so nothing starts until `workaday up` runs.".to_owned()
}

/// "Attempt 2 ended in failure 3m ago: SMTPError: 535."
fn last_attempt(facts: &Facts<'_>) -> String {
    let Some(last) = facts.last else { return String::new() };
    let ended = match last.outcome {
        AttemptOutcome::Completed => "completed",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::TimedOut => return ran_out_of_time(facts, last),
        AttemptOutcome::OverMemory => "went over its memory",
        AttemptOutcome::Crashed | AttemptOutcome::Suspect => "ended with the death of its process",
        AttemptOutcome::Rescued => "ended with the death of its supervisor",
        AttemptOutcome::Snoozed => "postponed itself",
        AttemptOutcome::Cancelled => "was cancelled",
        AttemptOutcome::Discarded => "gave up",
        AttemptOutcome::GivenBack => "was given back unfinished",
        AttemptOutcome::OutcomeUnknown => "ended without a known outcome",
    };
    let error = last.error.map(line).filter(|error| !error.is_empty()).map_or_else(String::new, |error| format!(": {error}"));
    let stop = if error.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("Attempt {} {ended} {}{error}{stop}", last.attempt, ago(facts, last.ended_at))
}

/// "Attempt 1 was stopped 4s ago: it ran longer than 1s." Our own exception says nothing more; another one does.
fn ran_out_of_time(facts: &Facts<'_>, last: Last<'_>) -> String {
    let stopped = format!("Attempt {} was stopped {}", last.attempt, ago(facts, last.ended_at));
    let over = last.limit.map_or_else(|| "it ran out of time".to_owned(), |limit| format!("it ran longer than {}", format_length(limit)));
    let own = |error: &str| error.is_empty() || error.contains("TaskTimedOut") || error.ends_with("CancelledError");
    match last.error.map(line).filter(|error| !own(error)) {
        Some(error) => format!("{stopped}: {over} ({error})."),
        None => format!("{stopped}: {over}."),
    }
}

/// What put a scheduled job off, if it was the job itself.
fn postponed(facts: &Facts<'_>) -> String {
    let by_itself = facts.last.is_some_and(|last| last.outcome == AttemptOutcome::Snoozed);
    if by_itself { last_attempt(facts) } else { String::new() }
}

/// ": the order was withdrawn", from `raise Cancel("the order was withdrawn")`.
fn said_itself(facts: &Facts<'_>) -> String {
    let said = facts.last.and_then(|last| last.error).map(line).unwrap_or_default();
    said.strip_prefix("Cancel: ").map_or_else(String::new, |why| format!(": {why}"))
}

/// A job that had begun was stopped, and its effect may be there in part.
fn in_the_middle(facts: &Facts<'_>) -> &'static str {
    match facts.last.map(|last| last.outcome) {
        Some(AttemptOutcome::Cancelled) if facts.finished_at == facts.last.map(|last| last.ended_at) => ", while it ran",
        _ => "",
    }
}

/// The first line of a text, cut: a sentence has to stay one.
fn line(text: &str) -> String {
    const CHARS_MAX: usize = 160;
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    match first.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &first[..cut]),
        None => first.trim_end_matches('.').to_owned(),
    }
}

fn by_rule(facts: &Facts<'_>) -> String {
    match facts.rule {
        Some(Rule { reason, owner: Some(owner), .. }) => format!(" by {}: {}", line(owner), line(reason)),
        Some(Rule { reason, owner: None, .. }) => format!(": {}", line(reason)),
        None => String::new(),
    }
}

fn expiry(facts: &Facts<'_>) -> String {
    match facts.expires_at {
        Some(expires) if expires > facts.now => format!("Not started, it is cancelled {}.", at(facts, expires)),
        Some(_) => "It has expired and is cancelled at the supervisor's next look.".to_owned(),
        None => String::new(),
    }
}

fn finished(facts: &Facts<'_>) -> String {
    facts.finished_at.map_or_else(String::new, |finished| format!(" {} ({finished})", ago(facts, finished)))
}

fn of_attempts(facts: &Facts<'_>) -> String {
    facts.attempts_max.map_or_else(String::new, |most| format!(" of {}", most.max(facts.counts.attempt)))
}

/// "in 4m (2026-01-01T00:04:00Z)".
fn at(facts: &Facts<'_>, instant: Timestamp) -> String {
    if instant > facts.now { format!("in {} ({instant})", span(facts, instant)) } else { format!("{} ({instant})", ago(facts, instant)) }
}

fn ago(facts: &Facts<'_>, instant: Timestamp) -> String {
    format!("{} ago", span(facts, instant))
}

fn span(facts: &Facts<'_>, instant: Timestamp) -> String {
    let distance = (facts.now - instant).0.abs();
    // Nobody reads milliseconds of something that was seconds ago.
    let unit = if distance >= 1_000_000 { 1_000_000 } else { 1_000 };
    format_length(Length(distance / unit * unit))
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn join(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
