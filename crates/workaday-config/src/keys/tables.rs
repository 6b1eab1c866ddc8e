//! Every key, declared once: section, name, kind, default, what it does.

use super::{Fallback, Key, Section};
use crate::kind::Kind;

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback: Fallback::Value(default), doc }
}

const fn unset(name: &'static str, kind: Kind, then: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback: Fallback::Unset(then), doc }
}

/// Two tables as one; `N` is the sum of their lengths.
const fn joined<const N: usize>(first: &[Key], then: &[Key]) -> [Key; N] {
    let mut keys = [first[0]; N];
    let mut at = 1;
    while at < N {
        keys[at] = if at < first.len() { first[at] } else { then[at - first.len()] };
        at += 1;
    }
    keys
}

const MANY: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

const CATCH_UP: &[&str] = &["none", "latest", "all"];
const OVERLAP: &[&str] = &["skip", "queue", "cancel_running", "allow"];
const ON_WORSE: &[&str] = &["ask", "rollback", "keep"];
const REHEARSED: &[&str] = &["dry", "run", "skip"];
const GAP: &[&str] = &["run_after", "skip", "shift"];
const FOLD: &[&str] = &["first", "second", "both"];
const BACKOFF: &[&str] = &["exponential", "fixed"];

/// All sections, in the order of the reference.
pub const SECTIONS: &[Section] = &[
    Section { path: "", doc: "The app and its store.", keys: TOP },
    Section { path: "worker", doc: "The children that run jobs, on this machine.", keys: WORKER },
    Section { path: "queues.*", doc: "One queue. A queue that is not named here needs no entry: it shares the slots of all.", keys: QUEUE },
    Section { path: "retention", doc: "How long finished work is kept before it is pruned.", keys: RETENTION },
    Section { path: "command.*", doc: "A task that is a program: no shell, no Python; the same life as other tasks.", keys: COMMAND },
    Section { path: "command.*.retry", doc: "When a command is tried again.", keys: COMMAND_RETRY },
    Section { path: "schedules", doc: "What all schedules share.", keys: SCHEDULES },
    Section { path: "schedules.*", doc: "When a task is due. Exactly one of `cron`, `every`, `at`.", keys: SCHEDULE },
    Section { path: "web", doc: "Dashboard, health and metrics.", keys: WEB },
    Section { path: "alerts", doc: "What all alerts and pings share, and what is watched.", keys: ALERTS },
    Section { path: "alerts.*", doc: "Who is told when something needs a hand.", keys: ALERT },
    Section { path: "security", doc: "What is hidden, and who may ask.", keys: SECURITY },
    Section { path: "backup", doc: "Copies of the store.", keys: BACKUP },
    Section {
        path: "release",
        doc: "How a change goes out, and back. Commands are a list, or text that is split at spaces; no shell runs.",
        keys: RELEASE,
    },
    Section { path: "release.staging", doc: "Where a release is rehearsed. Once it is there, a release demands a proof.", keys: STAGING },
];

const TOP: &[Key] = &[
    unset("app", Kind::App, "must be given to `up`", "The app that workers import, as `module:name`."),
    key(
        "database",
        Kind::Text,
        ".workaday/workaday.db",
        "The store: a path or `sqlite:///path`. A relative one starts at the folder of workaday.toml, else at the current folder.",
    ),
];

const WORKER: &[Key] = &[
    unset("processes", Kind::Count(1, 1024), "the cores of the machine", "Children for sync tasks; each runs one job at a time."),
    key("threads", Kind::Count(1, 256), "1", "Jobs at once in one sync child. Above 1 they share its fate: a kill hits all of them."),
    key("async_processes", Kind::Count(1, 256), "1", "Children for async tasks; each runs many jobs on one loop."),
    key("async_slots", Kind::Count(1, 100_000), "100", "Jobs at once on the loop of one async child."),
    key("solo", Kind::Count(1, 1024), "4", "Jobs that run alone in a process of their own (`at_most_once`, `memory`, suspects), at once."),
    unset("commands", Kind::Count(1, 1024), "the cores of the machine", "Commands (`[command.NAME]`) at once."),
    key(
        "grace",
        Kind::Length(0),
        "10s",
        "Time for running jobs to finish when the supervisor is asked to stop; then their work is given back.",
    ),
    key("kill_after", Kind::Length(MILLISECOND), "5s", "Time between a soft stop of a job and SIGTERM; SIGKILL follows after half of it."),
    unset("recycle_after_jobs", Kind::Count(1, MANY), "never", "A child is replaced after this many jobs."),
    unset("recycle_above", Kind::Size, "never", "A child is replaced, once idle, when its resident memory is above this."),
    unset("python", Kind::Path, "VIRTUAL_ENV, else the interpreter beside `workaday`", "The Python interpreter of the children."),
];

const QUEUE: &[Key] = &[
    unset("slots", Kind::Count(1, 100_000), "no limit of its own", "Jobs of this queue that run at once."),
    unset("rate", Kind::Rate, "no limit", "Jobs of this queue that start in a time."),
    key("paused", Kind::Bool, "false", "Claim nothing from this queue."),
];

const RETENTION: &[Key] = &[
    key("completed", Kind::Length(SECOND), "7d", "Completed jobs, with result, attempts and logs. A known id is known for this long."),
    key("cancelled", Kind::Length(SECOND), "7d", "Cancelled jobs."),
    key("discarded", Kind::Length(SECOND), "90d", "Discarded jobs: what went wrong is kept longest."),
    key("logs", Kind::Length(SECOND), "14d", "Lines that jobs wrote; never longer than their job."),
    key("measures", Kind::Length(SECOND), "30d", "Histograms of response and run times."),
];

const COMMAND_OWN: &[Key] = &[
    unset("run", Kind::Argv, "required", "The program and its arguments."),
    unset("cwd", Kind::Path, "the folder of workaday.toml", "Where it runs."),
    unset("env", Kind::Map, "the supervisor's environment, less secrets", "Variables added to its environment."),
    key("queue", Kind::Text, "default", "Its queue."),
    key("priority", Kind::Count(-100, 100), "0", "Higher goes first."),
    key("timeout", Kind::Length(MILLISECOND), "1h", "It is stopped after this long."),
    unset("memory", Kind::Size, "no limit", "It is stopped above this resident size, its children included."),
    key("at_most_once", Kind::Bool, "false", "Never run it twice, even if a crash leaves its outcome unknown."),
    unset("retry_safe", Kind::Bool, "the owner has not said", "May it run twice? Shown in errors and alerts."),
    unset("owner", Kind::Text, "nobody", "Who is asked when it fails."),
    unset("expects", Kind::Text, "nothing said", "What is there when it has worked."),
    unset("expects_within", Kind::Length(MILLISECOND), "not checked", "From being due to being done; later is `unexpected`."),
    unset("expects_output", Kind::Text, "not checked", "A text that a line of its output must contain; none does: `unexpected`."),
    unset("rollback", Kind::Text, "nothing said", "How to undo it."),
    unset("schedule", Kind::Lines, "runs when enqueued", "Cron expression, or several: when it is due."),
    unset("tz", Kind::Text, "[schedules] tz", "Time zone of `schedule`."),
];

const COMMAND: &[Key] = &joined::<{ COMMAND_OWN.len() + POLICY.len() }>(COMMAND_OWN, POLICY);

/// What may be said of the ticks of a schedule, be it a table of its own or the `schedule` of a command.
const POLICY: &[Key] = &[
    key("catch_up", Kind::Word(CATCH_UP), "latest", "Which missed ticks are run late."),
    unset("catch_up_window", Kind::Length(0), "the period, at most 24h", "How late a tick may still be run."),
    key("limit", Kind::Count(1, 100_000), "100", "At most this many missed ticks with `catch_up = \"all\"`."),
    key("overlap", Kind::Word(OVERLAP), "skip", "What happens to a tick while the last run still goes on."),
    key("jitter", Kind::Length(0), "0s", "Spread of the start, the same for each tick."),
    unset("late_after", Kind::Length(MILLISECOND), "no alarm", "Alarm when it has not started this long after it was due."),
    unset("finish_within", Kind::Length(MILLISECOND), "no alarm", "Alarm when it has not finished this long after it was due."),
    unset("min_duration", Kind::Length(MILLISECOND), "no alarm", "Alarm when a run completes in less: it most likely did nothing."),
    key("alert_after_failures", Kind::Count(1, 1_000), "3", "Alarm after this many runs in a row that failed."),
    key("skips_alert", Kind::Count(1, 100_000), "3", "Alarm after this many ticks in a row that were skipped."),
    unset("exclude", Kind::Texts, "none", "Dates on which it rests: [\"2026-12-25\"]. They need a time zone."),
    unset(
        "holidays",
        Kind::Path,
        "none",
        "A file of such dates, one a line, `#` begins a comment; relative to the folder of workaday.toml.",
    ),
    unset(
        "gap",
        Kind::Word(GAP),
        "a named time runs after the gap, a rhythm skips it",
        "What happens to a time that the clock leaps over.",
    ),
    unset(
        "fold",
        Kind::Word(FOLD),
        "a named time runs in the first pass, a rhythm in both",
        "What happens to a time that the clock shows twice.",
    ),
    unset(
        "ping",
        Kind::Url,
        "nobody is pinged",
        "A healthchecks-style URL outside that hears of each start (`/start`), success and failure (`/fail`).",
    ),
];

const COMMAND_RETRY: &[Key] = &[
    key("attempts", Kind::Count(1, 1_000), "5", "Tries in all, the first included."),
    key("backoff", Kind::Word(BACKOFF), "exponential", "How the wait grows."),
    key("base", Kind::Length(0), "5s", "The first wait."),
    key("cap", Kind::Length(0), "1h", "No wait is longer."),
    key("jitter", Kind::Share, "0.1", "Spread, as a share of the wait."),
];

const SCHEDULES: &[Key] =
    &[unset("tz", Kind::Text, "each schedule names its own", "Time zone of schedules that name none: \"Europe/Lisbon\".")];

const SCHEDULE_OWN: &[Key] = &[
    unset("task", Kind::Text, "required", "The task or command that is due."),
    unset("args", Kind::Table, "no arguments", "Its arguments."),
    unset("cron", Kind::Lines, "-", "Five or six fields: \"15 3 * * *\". Several are one schedule: [\"0 9 * * 1-5\", \"0 12 * * 6\"]."),
    unset("every", Kind::Length(SECOND), "-", "A fixed length between two ticks."),
    unset("at", Kind::Instant, "-", "Once, at this instant: \"2030-01-01T00:00:00Z\"."),
    unset("tz", Kind::Text, "[schedules] tz", "Time zone of `cron`."),
    unset("queue", Kind::Text, "the task's own", "Queue of its jobs."),
    unset("owner", Kind::Text, "the task's owner", "Who is asked when a tick is missed."),
];

const SCHEDULE: &[Key] = &joined::<{ SCHEDULE_OWN.len() + POLICY.len() }>(SCHEDULE_OWN, POLICY);

const WEB: &[Key] = &[
    key("enabled", Kind::Bool, "true", "Serve it at all."),
    key(
        "bind",
        Kind::Address,
        "127.0.0.1:7227",
        "Where the dashboard listens. Beyond loopback it needs a login and a `public_url` of https.",
    ),
    unset("public_url", Kind::Text, "as bound", "The address that people use, behind a proxy: \"https://jobs.shop.example\"."),
    unset("trusted_proxies", Kind::Texts, "none", "Addresses whose X-Forwarded headers are believed."),
    key(
        "auth",
        Kind::Word(&["login", "proxy", "none"]),
        "login",
        "Who may see it: people who log in, people whom a trusted proxy names in X-Forwarded-User, or anybody. `none` is refused beyond loopback.",
    ),
    unset("environment", Kind::Text, "nothing said", "What this one is, shown on every page: \"production\", \"staging\"."),
    unset("tz", Kind::Text, "[schedules] tz, else UTC", "Time zone of the pages."),
];

const ALERTS: &[Key] = &[
    unset(
        "smtp",
        Kind::Text,
        "no e-mail",
        "The mail server: `smtps://user@host:465`, `smtp://user@host:587` (STARTTLS), or `smtp://localhost:25`, the only one without TLS.",
    ),
    unset("smtp_password", Kind::Secret, "no login", "Its password, as `env:NAME` or `file:PATH`."),
    unset("from", Kind::Text, "workaday@ and the name of the machine", "Who the e-mail is from."),
    key("allow_http", Kind::Bool, "false", "Send also to `http://` receivers: alerts and pings then travel in the clear."),
    key(
        "allow_private",
        Kind::Bool,
        "false",
        "Send also to loopback and private addresses. Link-local ones (the metadata service of a cloud) are refused in any case.",
    ),
    key("queue_latency", Kind::Length(SECOND), "10m", "Alert when a ready job has waited this long in a queue that is on."),
    key("disk_free", Kind::Size, "512M", "Alert when the disk of the store has less free."),
    key("wal_size", Kind::Size, "256M", "Alert when the write-ahead log of the store is larger: a reader keeps it from being moved."),
];

const ALERT: &[Key] = &[
    unset("webhook", Kind::Url, "-", "A URL that gets the alert as JSON; `env:NAME` or `file:PATH` when it holds a secret."),
    unset("secret", Kind::Secret, "not signed", "What the webhook is signed with, as `env:NAME` or `file:PATH`."),
    unset("email", Kind::Text, "-", "An address that gets the alert."),
    unset(
        "on",
        Kind::Texts,
        "all",
        "Which alerts: `discarded`, `late`, `missed`, `unexpected`, `quarantine`, `unknown_task`, `queue.latency`, `storage`, `release.worse` …",
    ),
    key("group", Kind::Length(0), "10s", "Alerts of one code and task within this time are one notice, with their count."),
    key("repeat_after", Kind::Length(0), "6h", "Silence after a notice about the same matter; what comes meanwhile is counted."),
    key("rate", Kind::Rate, "30/h", "At most so many notices in a time; the others wait."),
    key("all_clear", Kind::Bool, "true", "Tell also when the matter is closed."),
];

const SECURITY: &[Key] = &[
    key(
        "mask",
        Kind::Texts,
        "password,passwd,secret,token,authorization,api_key,apikey,private_key,credential,cookie",
        "Argument and field names whose values are never shown: parts of names, in any case.",
    ),
    unset("environment", Kind::Texts, "all, less Workaday's own secrets", "The only variables that children inherit."),
    unset("hosts", Kind::Texts, "those of `web.bind` and `web.public_url`", "More host names that HTTP requests may carry."),
    unset("headers", Kind::Map, "the strict set", "Response headers added or replaced."),
    unset("roles", Kind::Map, "viewer", "With `web.auth = \"proxy\"`: user → `viewer`, `operator` or `admin`."),
    key("body_max", Kind::Size, "1M", "A larger request is refused."),
    key("connections", Kind::Count(8, 100_000), "1024", "Open connections to the dashboard; more wait to be accepted."),
    key("rate", Kind::Rate, "100/s", "Requests of one person, token or address; four times as many in a burst."),
    key(
        "logins",
        Kind::Rate,
        "5/m",
        "Attempts to log in from one address. Ten times as many for one name, from addresses where it has not come in before.",
    ),
];

const BACKUP: &[Key] = &[
    unset(
        "folder",
        Kind::Path,
        "`backups` beside the store",
        "Where backups are kept. A relative one starts at the folder of workaday.toml.",
    ),
    key(
        "keep",
        Kind::Count(1, 100_000),
        "14",
        "Backups kept in the folder; older ones of this store are deleted after a new one is whole.",
    ),
    key("every", Kind::Length(MINUTE), "1d", "How often there should be one: health and doctor complain when the newest is twice as old."),
    key("pages", Kind::Count(1, 1_000_000), "256", "Pages copied in one step; between two steps others have the disk."),
    key("pause", Kind::Length(0), "2ms", "Rest between two steps: 256 pages of 4 KiB every 2 ms are at most 500 MB a second."),
];

const RELEASE: &[Key] = &[
    unset("owner", Kind::Text, "a release is refused", "Who stands for a release."),
    unset("expects", Kind::Text, "a release is refused", "What holds when a release has worked."),
    unset("checks", Kind::Commands, "none", "Name → command that must succeed before a release: { unit = [\"make\", \"test\"] }."),
    key("check_timeout", Kind::Length(SECOND), "30m", "A check that takes longer has failed."),
    unset("deploy", Kind::Command, "given after `--`", "Program that puts the release in place; no shell."),
    key("deploy_timeout", Kind::Length(SECOND), "30m", "A deploy that takes longer has failed."),
    unset(
        "rollback",
        Kind::Command,
        "a release is refused",
        "Program that puts the recorded release before in place; it finds its revision in WORKADAY_REVISION.",
    ),
    unset(
        "health",
        Kind::Probe,
        "the workers alone are asked",
        "What says that the service is well: a URL that answers 200, or a program that exits with 0.",
    ),
    key("health_timeout", Kind::Length(SECOND), "60s", "How long the service may take until it is well."),
    key("watch", Kind::Length(0), "10m", "How long a release is watched before it is compared."),
    unset("caches", Kind::Commands, "none", "Name → command that empties that cache; run only when named by `--clear-cache`."),
    key("on_worse", Kind::Word(ON_WORSE), "ask", "What happens when the comparison says worse, or the deploy fails."),
    key("notes", Kind::Path, "releases", "Folder of the notes, in the repository."),
    key("tag", Kind::Bool, "true", "Set an annotated tag `release-NNNN`."),
];

const STAGING: &[Key] = &[
    key(
        "level",
        Kind::Count(1, 3),
        "2",
        "Isolation that a rehearsal must reach: 1 scratch paths and ports, 2 clean environment, 3 no network and no Unix sockets, the rest read-only.",
    ),
    key("expires", Kind::Length(MINUTE), "7d", "How long a proof counts; new commits and another workaday.toml end it at once."),
    unset("deploy", Kind::Command, "[release] deploy", "The deploy command here, when it cannot be the real one."),
    unset("rollback", Kind::Command, "[release] rollback", "The rollback command here, when it cannot be the real one."),
    unset(
        "health",
        Kind::Probe,
        "[release] health",
        "What says here that the service is well. `{PORT}` stands for the free port of that variable.",
    ),
    unset("integration", Kind::Command, "none", "One check that uses the service as its users do."),
    unset("copy", Kind::Texts, "tracked files alone", "Files that are not in the repository and are needed: configuration, certificates."),
    unset("databases", Kind::Texts, "the store alone", "SQLite files of the app; a snapshot of each is taken."),
    unset(
        "postgres",
        Kind::Texts,
        "none",
        "Variables with DSNs of PostgreSQL databases: each database is copied on its server, and the variable leads to the copy.",
    ),
    unset("env", Kind::Map, "nothing is added", "Variables of the rehearsal: DSNs of staging, replaced secrets."),
    unset("keep_env", Kind::Texts, "PATH, LANG, LC_ALL, TZ, USER", "Variables that the rehearsal inherits besides."),
    unset("ports", Kind::Texts, "PORT", "Variables that get a free port."),
    key(
        "schedules",
        Kind::Word(REHEARSED),
        "dry",
        "What becomes of each schedule: `dry` asks for its next tick, `run` enqueues and runs it once in the rehearsal, `skip` leaves it out.",
    ),
];
