//! What the tasks state, and what became of their jobs.

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};
use workaday_core::clock::{Length, format_length};

const WAITING_US: i64 = 15 * 60_000_000;
const UNKNOWN: &str = "no task is known yet: `workaday up` reads them";

const OWNER: Ask = ask("tasks.owner", Sure::Stated, "no task without `owner=`: whom to call", "@app.task(owner=\"payments@shop.example\")");
const EXPECTS: Ask = ask(
    "tasks.expects",
    Sure::Stated,
    "no task without `expects=`: what is true after it ran",
    "@app.task(expects=\"one row per store in daily_sales\")",
);
const ROLLBACK: Ask = ask(
    "tasks.rollback",
    Sure::Stated,
    "no task without `rollback=`: what to do when it did harm",
    "@app.task(rollback=\"workaday task pause NAME; …\")",
);
const TIMEOUT: Ask =
    ask("tasks.timeout", Sure::Stated, "no task without `timeout=`: a job that hangs holds its slot for ever", "@app.task(timeout=\"5m\")");
const RETRIES: Ask = ask(
    "tasks.retry_safe",
    Sure::Stated,
    "no automatic retries of a task that says `retry_safe=False`",
    "@app.task(at_most_once=True), or make it safe to run twice",
);
const HELD: Ask = ask("tasks.held", Sure::Measured, "no held jobs", "workaday job list --held; workaday job why ID");
const WAITING: Ask = ask(
    "tasks.waiting",
    Sure::Measured,
    "nothing ready for longer than 15 minutes",
    "workaday queue list; more processes, or a queue of its own for the slow ones",
);
const DISCARDED: Ask = ask("tasks.discarded", Sure::Measured, "no job given up in the last day", "workaday job list --state discarded");

pub fn checks(facts: &Facts) -> Vec<Check> {
    let tasks = facts.tasks.as_ref();
    let names = |of: fn(&super::facts::Tasks) -> &Vec<String>| tasks.map(|tasks| of(tasks).as_slice());
    vec![
        OWNER.without(names(|tasks| &tasks.without_owner), State::Warn, UNKNOWN),
        EXPECTS.without(names(|tasks| &tasks.without_expects), State::Warn, UNKNOWN),
        ROLLBACK.without(names(|tasks| &tasks.without_rollback), State::Warn, UNKNOWN),
        TIMEOUT.without(names(|tasks| &tasks.without_timeout), State::Warn, UNKNOWN),
        RETRIES.without(names(|tasks| &tasks.retried_unsafe), State::Red, UNKNOWN),
        HELD.of(tasks, UNKNOWN, |tasks| (either(tasks.held == 0, State::Warn), tasks.held.to_string())),
        WAITING.of(tasks, UNKNOWN, |tasks| match tasks.waiting_since {
            None => (State::Ok, "nothing waits".to_owned()),
            Some(since) => {
                let age = (facts.now - since).0.max(0);
                (either(age <= WAITING_US, State::Warn), format!("the oldest for {}", format_length(Length(age / 1_000_000 * 1_000_000))))
            }
        }),
        DISCARDED.of(tasks, UNKNOWN, |tasks| (either(tasks.discarded == 0, State::Warn), tasks.discarded.to_string())),
    ]
}
