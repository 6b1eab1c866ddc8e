//! Every key, declared once: section, name, kind, default, what it does. The reader, the environment twins, the refusals
//! and docs/reference/configuration.md all come from these tables.

use crate::kind::Kind;

/// What holds when a key is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fallback {
    /// Written as it would be in an environment variable.
    Value(&'static str),
    /// No value of its own; these words say what then happens.
    Unset(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    pub doc: &'static str,
}

/// A table of the file. `*` in its path stands for a name that the user gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    pub path: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback: Fallback::Value(default), doc }
}

const fn unset(name: &'static str, kind: Kind, then: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback: Fallback::Unset(then), doc }
}

const MANY: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000;
const SECOND: i64 = 1_000_000;

pub const CATCH_UP: &[&str] = &["none", "latest", "all"];
pub const OVERLAP: &[&str] = &["skip", "queue", "cancel_running", "allow"];
pub const BACKOFF: &[&str] = &["exponential", "fixed"];

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
    Section { path: "release", doc: "How a change goes out, and back.", keys: RELEASE },
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

const COMMAND: &[Key] = &[
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
    unset("rollback", Kind::Text, "nothing said", "How to undo it."),
    unset("schedule", Kind::Text, "runs when enqueued", "Cron expression: when it is due."),
    unset("tz", Kind::Text, "[schedules] tz", "Time zone of `schedule`."),
    key("catch_up", Kind::Word(CATCH_UP), "latest", "Which missed ticks are run late."),
    unset("catch_up_window", Kind::Length(0), "the period, at most 24h", "How late a tick may still be run."),
    key("limit", Kind::Count(1, 100_000), "100", "At most this many missed ticks with `catch_up = \"all\"`."),
    key("overlap", Kind::Word(OVERLAP), "skip", "What happens to a tick while the last run still goes on."),
    key("jitter", Kind::Length(0), "0s", "Spread of the start, the same for each tick."),
    unset("late_after", Kind::Length(MILLISECOND), "no alarm", "Alarm when it has not started this long after it was due."),
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

const SCHEDULE: &[Key] = &[
    unset("task", Kind::Text, "required", "The task or command that is due."),
    unset("args", Kind::Table, "no arguments", "Its arguments."),
    unset("cron", Kind::Text, "-", "Five or six fields: \"15 3 * * *\"."),
    unset("every", Kind::Length(SECOND), "-", "A fixed length between two ticks."),
    unset("at", Kind::Instant, "-", "Once, at this instant: \"2030-01-01T00:00:00Z\"."),
    unset("tz", Kind::Text, "[schedules] tz", "Time zone of `cron`."),
    key("catch_up", Kind::Word(CATCH_UP), "latest", "Which missed ticks are run late."),
    unset("catch_up_window", Kind::Length(0), "the period, at most 24h", "How late a tick may still be run."),
    key("limit", Kind::Count(1, 100_000), "100", "At most this many missed ticks with `catch_up = \"all\"`."),
    key("overlap", Kind::Word(OVERLAP), "skip", "What happens to a tick while the last run still goes on."),
    key("jitter", Kind::Length(0), "0s", "Spread of the start, the same for each tick."),
    unset("late_after", Kind::Length(MILLISECOND), "no alarm", "Alarm when it has not started this long after it was due."),
    unset(
        "ping",
        Kind::Url,
        "nobody is pinged",
        "A healthchecks-style URL outside that hears of each start (`/start`), success and failure (`/fail`).",
    ),
    unset("queue", Kind::Text, "the task's own", "Queue of its jobs."),
    unset("owner", Kind::Text, "the task's owner", "Who is asked when a tick is missed."),
];

const WEB: &[Key] = &[
    key("bind", Kind::Address, "127.0.0.1:7227", "Where the dashboard listens. Beyond loopback it needs a login."),
    unset("public_url", Kind::Text, "as bound", "The address that people use, behind a proxy."),
    unset("trusted_proxies", Kind::Texts, "none", "Addresses whose X-Forwarded headers are believed."),
    key("auth", Kind::Word(&["login", "proxy", "none"]), "login", "Who may see it. `none` is refused beyond loopback."),
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
    key("mask", Kind::Texts, "password,secret,token,authorization,api_key", "Argument and field names whose values are never shown."),
    unset("environment", Kind::Texts, "all, less Workaday's own secrets", "The only variables that children inherit."),
    unset("hosts", Kind::Texts, "those of `web.bind` and `web.public_url`", "Host names that HTTP requests may carry."),
    unset("headers", Kind::Map, "the strict set", "Response headers added or replaced."),
    unset("roles", Kind::Map, "user add decides", "User → `viewer`, `operator` or `admin`."),
];

const RELEASE: &[Key] = &[
    unset("checks", Kind::Map, "none", "Name → command that must succeed before a release: { unit = \"make test\" }."),
    unset("deploy", Kind::Text, "your own step", "Command that puts the release in place."),
    unset("rollback", Kind::Text, "your own step", "Command that puts the last one back."),
    unset("health", Kind::Text, "/health of the dashboard", "URL that must answer 200."),
    unset("caches", Kind::Map, "none", "Name → command that empties that cache."),
    unset("staging", Kind::Table, "none", "Where a release is rehearsed."),
];

/// The section with this pattern path.
pub fn section(path: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.path == path)
}

impl Section {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key's environment variable, with `NAME` for the user's name: `WORKADAY_QUEUES_NAME_SLOTS`.
    pub fn variable(&self, key: &Key) -> String {
        variable(&self.path.replace('*', "NAME"), key.name)
    }
}

/// The environment twin of a key: upper case, anything but letters and digits becomes `_`.
pub fn variable(section: &str, key: &str) -> String {
    let path = if section.is_empty() { key.to_owned() } else { format!("{section}_{key}") };
    let letters = path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    "WORKADAY_".chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for section in SECTIONS {
            for key in section.keys {
                if let Fallback::Value(text) = key.fallback {
                    assert!(key.kind.judge(&key.kind.written_in_environment(text)).is_ok(), "{}.{} = {text}", section.path, key.name);
                }
            }
        }
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut seen = BTreeSet::new();
        for section in SECTIONS {
            for key in section.keys {
                assert!(seen.insert(section.variable(key)), "{}.{}", section.path, key.name);
                assert!(key.doc.ends_with('.') || key.doc.ends_with('…'), "{}.{}: {}", section.path, key.name, key.doc);
            }
        }
    }

    #[test]
    fn a_variable_is_named_after_its_place() {
        assert_eq!(variable("worker", "kill_after"), "WORKADAY_WORKER_KILL_AFTER");
        assert_eq!(variable("queues.mail-out", "slots"), "WORKADAY_QUEUES_MAIL_OUT_SLOTS");
        assert_eq!(variable("", "app"), "WORKADAY_APP");
    }
}
