//! The HTTP API, version 1: what programs see and do. Its document is made from the same table as its routes.

mod answers;
pub mod evidence;
mod openapi;
mod read;
mod schemas;

use crate::answer::{self, Answer};
use crate::asked::Asked;
use crate::fields;
use crate::ops::{self, Op};
use crate::page::Role;
use crate::routes::{Access, Does, Field, Kind, Method, Place, Route, Work, query};
use workaday_core::explain::Problem;

pub use openapi::document;

/// What a token may be narrowed to. `all` is every one of them.
pub const SCOPES: [&str; 9] = ["all", "read", "metrics", "enqueue", "jobs", "tasks", "queues", "schedules", "alerts"];

const fn get(path: &'static str, doc: &'static str, fields: &'static [Field], answers: &'static str, work: Work) -> Route {
    Route {
        method: Method::Get,
        path,
        access: Access::Role(Role::Viewer, "read"),
        kind: Kind::Api,
        doc,
        fields,
        answers,
        does: Does::Work(work),
    }
}

/// An act: its method and path, the scope that a token needs, what it takes, what it answers, what it does.
macro_rules! act {
    ($method:ident $path:literal, $scope:literal, $doc:literal, $fields:expr => $answers:literal, $op:path) => {
        Route {
            method: Method::$method,
            path: $path,
            access: Access::Role(Role::Operator, $scope),
            kind: Kind::Api,
            doc: $doc,
            fields: $fields,
            answers: $answers,
            does: Does::Work(|asked| done(asked, $op)),
        }
    };
}

const fn body(name: &'static str, schema: &'static str, doc: &'static str) -> Field {
    Field { name, place: Place::Body, schema, required: false, doc }
}

const fn path(name: &'static str, doc: &'static str) -> Field {
    Field { name, place: Place::Path, schema: r#"{"type":"string","minLength":1,"maxLength":300}"#, required: true, doc }
}

const TEXT: &str = r#"{"type":"string","maxLength":300}"#;
const WHY: &str = r#"{"type":"string","maxLength":2000}"#;
const INSTANT: &str = r#"{"type":"string","maxLength":60}"#;
const ID: Field = path("id", "Id of the job, or the first 8 or more digits of it.");
const FINGERPRINT: Field = path("fingerprint", "Of the error, as /api/v1/errors names it.");
const DRY_RUN: Field = body("dry_run", r#"{"type":"boolean"}"#, "Only say how many they are, and show some.");
const NEWEST: Field = body("newest", r#"{"type":"integer","minimum":0}"#, "`newest` of a dry run: what was enqueued after it is left out.");
const MOST: Field =
    body("limit", r#"{"type":"integer","minimum":1,"maximum":100000}"#, "Refused, with nothing done, when more jobs fit than this; 10000.");
const NAME: Field = path("name", "Its name.");
const REASON: Field = body("reason", WHY, "Why; kept in the audit.");
const NEEDED_REASON: Field = Field { required: true, ..REASON };
const UNTIL: Field = body("until", INSTANT, "An instant, or a length from now: 2h. Without it: until resumed.");
const KEY: Field = Field {
    name: ops::jobs::IDEMPOTENCY_KEY,
    place: Place::Header,
    schema: r#"{"type":"string","minLength":1,"maxLength":255}"#,
    required: false,
    doc: "A word of yours for this order, or the UUID that its job is to have: said again by you, it makes no second job. `id` goes first.",
};
const LIMIT: Field = query("limit", r#"{"type":"integer","minimum":1,"maximum":1000}"#, "At most this many; 50.");
const BEFORE: Field = query("before", r#"{"type":"integer","minimum":0}"#, "The next page: `next` of the one before.");
const WHERE: Field = body("where", r#"{"type":"object"}"#, "Only jobs with these argument values.");

const ENQUEUE: &[Field] = &[
    Field {
        name: "task",
        place: Place::Body,
        schema: r#"{"type":"string","minLength":1,"maxLength":300}"#,
        required: true,
        doc: "Its registered name.",
    },
    body("args", r#"{"type":"object"}"#, "Parameter to value; judged against the task's schema."),
    KEY,
    body(
        "id",
        r#"{"type":"string","format":"uuid"}"#,
        "A UUID made by you. The same id again is no second job; with another task or other arguments it is refused.",
    ),
    body("queue", TEXT, "Its queue; else the task's."),
    body("priority", r#"{"type":"integer","minimum":-100,"maximum":100}"#, "Higher goes first; else the task's."),
    body("delay", TEXT, "Due after this long: 90s, 5m."),
    body("at", INSTANT, "Due at this instant."),
    body("expires", TEXT, "Cancelled if it has not started after this long."),
    body("unique", r#"{"type":"string","minLength":1,"maxLength":500}"#, "Only one unfinished job of the task with this key."),
    body("while", r#"{"type":"string","enum":["unfinished","waiting"]}"#, "For how long the key is held; `unfinished`."),
    body("on_conflict", r#"{"type":"string","enum":["return","error"]}"#, "`return` the job that holds the key, or an `error`; `return`."),
    body("tags", r#"{"type":"array","items":{"type":"string"},"maxItems":20}"#, "Words to find it by."),
    REASON,
];

const JOBS: &[Field] = &[
    query(
        "state",
        r#"{"type":"string","enum":["pending","scheduled","available","running","retryable","completed","cancelled","discarded"]}"#,
        "In this state.",
    ),
    query("task", TEXT, "Of this task."),
    query("queue", TEXT, "In this queue."),
    query("tag", TEXT, "With this tag."),
    query("held", r#"{"type":"boolean"}"#, "Held, or not."),
    query("since", INSTANT, "Enqueued at or after this instant."),
    BEFORE,
    LIMIT,
];

/// The filter of GET /api/v1/jobs, or ids; never both, and never neither.
const BATCH: &[Field] = &[
    body(
        "ids",
        r#"{"type":"array","items":{"type":"string","format":"uuid"},"maxItems":1000}"#,
        "These jobs; or one or more of the filters below, which a job has to meet all.",
    ),
    body(
        "state",
        r#"{"type":"string","enum":["pending","scheduled","available","running","retryable","completed","cancelled","discarded"]}"#,
        "In this state.",
    ),
    body("held", r#"{"type":"boolean","enum":[true]}"#, "Held."),
    body("task", TEXT, "Of this task."),
    body("queue", TEXT, "In this queue."),
    body("tag", TEXT, "With this tag."),
    body("text", r#"{"type":"string","maxLength":200}"#, "With this in the task's name, or in the arguments as they are shown."),
    body("since", INSTANT, "Enqueued at or after this instant."),
    DRY_RUN,
    NEWEST,
    MOST,
    REASON,
];

const LOGS: &[Field] = &[
    ID,
    query("after", r#"{"type":"string","maxLength":60}"#, "Lines after this one: `next` of the answer before."),
    query("limit", r#"{"type":"integer","minimum":1,"maximum":1000}"#, "At most this many; 50."),
];

/// As of a batch, without its filters.
const RETRY_ERROR: &[Field] = &[FINGERPRINT, DRY_RUN, NEWEST, MOST, REASON];
const MUTE: &[Field] = &[
    FINGERPRINT,
    body("until", INSTANT, "An instant, or a length from now: 2h. Without it: while this release runs."),
    body("any_release", r#"{"type":"boolean"}"#, "Without `until`: also when another release runs."),
    REASON,
];

const NUMBER: Field = path("id", "Its number.");
const RERUN: &[Field] = &[ID, KEY, body("args", r#"{"type":"object"}"#, "Other arguments."), REASON];
const PAUSE: &[Field] = &[NAME, NEEDED_REASON, UNTIL];
const PAUSE_TASK: &[Field] = &[NAME, NEEDED_REASON, UNTIL, WHERE, body("owner", TEXT, "Who stands for it.")];
const HISTORY: &[Field] =
    &[NAME, query("before", r#"{"type":"string","maxLength":60}"#, "The next page: `next` of the one before."), LIMIT];
const RUN: &[Field] = &[NAME, REASON, body("at", INSTANT, "The tick that was due at this instant.")];
const SKIP: &[Field] = &[NAME, REASON, body("count", r#"{"type":"integer","minimum":1,"maximum":10000}"#, "How many; 1.")];
const WORKERS: &[Field] = &[query("all", r#"{"type":"boolean"}"#, "Those that have ended too."), LIMIT];
const ALERTS: &[Field] = &[query("closed", r#"{"type":"boolean"}"#, "Those that are closed too."), BEFORE, LIMIT];

const MEASURES: &[Field] = &[
    query("kind", r#"{"type":"string","enum":["task","queue","route","stream","websocket","dropped"]}"#, "Of this kind."),
    query("name", TEXT, "Of this task, queue or route."),
    query("release", TEXT, "Of this release."),
    query("from", INSTANT, "Minutes from this instant on; an hour ago. At most 31 days before `to`."),
    query("to", INSTANT, "Minutes before this instant; now."),
    query("limit", r#"{"type":"integer","minimum":1,"maximum":1000}"#, "At most this many lines, but whole minutes; 50."),
];

pub const ROUTES: &[Route] = &[
    get("/api/v1/jobs", "Jobs, newest first.", JOBS, "jobs", read::jobs),
    act!(Post "/api/v1/jobs", "enqueue", "Enqueue a job.", ENQUEUE => "enqueued", ops::jobs::enqueue),
    get("/api/v1/jobs/{id}", "One job: arguments, attempts, errors.", &[ID], "job", read::job),
    act!(Delete "/api/v1/jobs/{id}", "jobs", "Delete a job, with its attempts and logs.", &[ID] => "acted", ops::jobs::delete),
    get("/api/v1/jobs/{id}/logs", "What it printed.", LOGS, "logs", read::logs),
    act!(Post "/api/v1/jobs/{id}/retry", "jobs", "Give it another attempt.", &[ID, REASON] => "acted", ops::jobs::retry),
    act!(Post "/api/v1/jobs/{id}/cancel", "jobs", "Cancel it; ask it to stop if it runs.", &[ID, REASON] => "acted", ops::jobs::cancel),
    act!(Post "/api/v1/jobs/{id}/rerun", "enqueue", "A new job like this one, linked to it.", RERUN => "enqueued", ops::jobs::rerun),
    act!(Post "/api/v1/batch/retry", "jobs", "Give many jobs another attempt.", BATCH => "batch", ops::batch::retry),
    act!(Post "/api/v1/batch/cancel", "jobs", "Cancel many jobs; ask those that run to stop.", BATCH => "batch", ops::batch::cancel),
    act!(Post "/api/v1/batch/delete", "jobs", "Delete many jobs, with their attempts and logs.", BATCH => "batch", ops::batch::delete),
    get("/api/v1/errors", "Errors of the last seven days, the most frequent of the last day first.", &[LIMIT], "errors", read::errors),
    act!(Post "/api/v1/errors/{fingerprint}/retry", "jobs", "Retry the jobs that ended with this error.", RETRY_ERROR => "batch", ops::batch::retry_error),
    act!(Post "/api/v1/errors/{fingerprint}/mute", "alerts", "Nobody needs to hear of this error for a while.", MUTE => "muted", ops::switches::mute_error),
    act!(Post "/api/v1/errors/{fingerprint}/unmute", "alerts", "Hear of it again.", &[FINGERPRINT, REASON] => "muted", ops::switches::unmute_error),
    get("/api/v1/tasks", "Tasks that workers have stated.", &[], "tasks", read::tasks),
    get("/api/v1/tasks/{name}", "One task: parameters, policy, owner.", &[NAME], "task", read::task),
    act!(Post "/api/v1/tasks/{name}/pause", "tasks", "Switch it off, or one argument value of it.", PAUSE_TASK => "paused", ops::switches::pause_task),
    act!(Post "/api/v1/tasks/{name}/resume", "tasks", "Switch it on again.", &[NAME, REASON, WHERE] => "resumed", ops::switches::resume_task),
    get("/api/v1/queues", "Queues, with what waits in each.", &[], "queues", read::queues),
    act!(Post "/api/v1/queues/{name}/pause", "queues", "Claim nothing more from it.", PAUSE => "paused", ops::switches::pause_queue),
    act!(Post "/api/v1/queues/{name}/resume", "queues", "Claim from it again.", &[NAME, REASON] => "resumed", ops::switches::resume_queue),
    get("/api/v1/schedules", "Schedules, with their next tick.", &[], "schedules", read::schedules),
    get("/api/v1/schedules/{name}", "One schedule.", &[NAME], "schedule", read::schedule),
    get("/api/v1/schedules/{name}/history", "What became of its ticks, newest first.", HISTORY, "ticks", read::history),
    act!(Post "/api/v1/schedules/{name}/pause", "schedules", "Let no tick run.", PAUSE => "schedule_paused", ops::schedules::pause),
    act!(Post "/api/v1/schedules/{name}/resume", "schedules", "Let ticks run again.", &[NAME, REASON] => "schedule_resumed", ops::schedules::resume),
    act!(Post "/api/v1/schedules/{name}/run", "schedules", "Run it now, or a tick that has passed.", RUN => "schedule_ran", ops::schedules::run),
    act!(Post "/api/v1/schedules/{name}/skip", "schedules", "Leave out the next ticks.", SKIP => "schedule_skipped", ops::schedules::skip),
    get("/api/v1/workers", "The supervisor and its children.", WORKERS, "workers", read::workers),
    get(
        "/api/v1/releases",
        "Releases, newest first; and the names under which attempts ran.",
        &[BEFORE, LIMIT],
        "releases",
        evidence::releases,
    ),
    get("/api/v1/releases/{id}", "One release: plan, steps, note.", &[NUMBER], "release", evidence::release),
    get("/api/v1/baselines", "Baselines, newest first.", &[LIMIT], "baselines", evidence::baselines),
    get("/api/v1/measures", "What was measured, minute by minute, the oldest first.", MEASURES, "measures", evidence::measures),
    get("/api/v1/alerts", "What needs a hand, newest first.", ALERTS, "alerts", read::alerts),
    act!(Post "/api/v1/alerts/{id}/close", "alerts", "The matter is settled.", &[NUMBER, REASON] => "closed", ops::switches::close_alert),
    Route {
        method: Method::Get,
        path: "/api/v1/audit",
        access: Access::Role(Role::Admin, "read"),
        kind: Kind::Api,
        doc: "Who did what, and why, newest first.",
        fields: &[BEFORE, LIMIT],
        answers: "audit",
        does: Does::Work(read::audit),
    },
];

/// Does it, and answers what became of it.
fn done(asked: &Asked<'_>, op: Op) -> Result<Answer, Problem> {
    let done = op(asked, &fields::of_api(asked)?)?;
    let mut document = done.document;
    document["message"] = done.said.into();
    Ok(answer::json(done.status, &document))
}
