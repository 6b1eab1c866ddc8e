//! `[alerts]` and `[alerts.NAME]`: who is told of what, and how.

use crate::kind::{Rate, Value};
use crate::settings::Settings;
use std::path::{Path, PathBuf};
use workaday_core::clock::Length;

/// Words of `on`: the last part of a code, or a name for several. Also of codes that a later version raises.
pub const WORDS: &[&str] = &[
    "all",
    "discarded",
    "quarantine",
    "unknown_task",
    "arguments_misfit",
    "outcome_unknown",
    "unreadable",
    "unexpected",
    "late",
    "missed",
    "skipping",
    "unfinished",
    "too_long",
    "too_short",
    "failing",
    "broken",
    "import_failed",
    "latency",
    "worse",
];

/// Words that are no last part of a code, or of more than that.
const ALIASES: &[(&str, &[&str])] =
    &[("quarantine", &["job.quarantined"]), ("broken", &["schedule.broken", "schedule.invalid", "schedule.name_taken"])];

/// Areas of codes: `schedule` stands for `schedule.late`, `schedule.missed` …
pub const AREAS: &[&str] =
    &["alert", "command", "hold", "job", "ping", "queue", "release", "result", "schedule", "storage", "store", "worker"];

/// Does this word of `on` mean anything? A code of a known area does, also one that this version does not raise.
pub fn is_known(word: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_code = word.split_once('.').is_some_and(|(area, what)| AREAS.contains(&area) && is_part(what));
    is_code || AREAS.contains(&word) || WORDS.contains(&word)
}

/// Is an alert of this code asked for by this word?
pub fn matches(word: &str, code: &str) -> bool {
    let by_part = code.split_once('.').is_some_and(|(area, what)| area == word || what == word);
    let by_alias = ALIASES.iter().any(|(alias, codes)| *alias == word && codes.contains(&code));
    word == "all" || word == code || by_part || by_alias
}

/// Where something is kept, or the thing itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Kept {
    Plain(String),
    Environment(String),
    File(PathBuf),
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kept::Plain(_) => f.write_str("given in the file"),
            Kept::Environment(name) => write!(f, "env:{name}"),
            Kept::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Kept {
    /// A relative `file:` starts at the folder of workaday.toml.
    pub fn of(text: &str, root: &Path) -> Kept {
        match (text.strip_prefix("env:"), text.strip_prefix("file:")) {
            (Some(name), _) => Kept::Environment(name.to_owned()),
            (_, Some(path)) => Kept::File(root.join(path)),
            _ => Kept::Plain(text.to_owned()),
        }
    }

    /// Reads it; the error names the place, never the thing.
    pub fn read(&self) -> Result<String, String> {
        let found = match self {
            Kept::Plain(text) => text.clone(),
            Kept::Environment(name) => std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?,
            Kept::File(path) => std::fs::read_to_string(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?,
        };
        match found.trim() {
            "" => Err(format!("{self:?} is empty")),
            text => Ok(text.to_owned()),
        }
    }
}

/// One `[alerts.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub name: String,
    pub webhook: Option<Kept>,
    pub secret: Option<Kept>,
    pub email: Option<String>,
    pub on: Vec<String>,
    pub group: Length,
    pub repeat_after: Length,
    pub rate: Rate,
    pub all_clear: bool,
}

impl Route {
    pub fn wants(&self, code: &str) -> bool {
        self.on.is_empty() || self.on.iter().any(|word| matches(word, code))
    }
}

/// `[alerts]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    pub routes: Vec<Route>,
    pub smtp: Option<String>,
    pub smtp_password: Option<Kept>,
    pub from: Option<String>,
    pub allow_http: bool,
    pub allow_private: bool,
    pub queue_latency: Length,
    pub disk_free: u64,
    pub wal_size: u64,
    /// Where the pages are, for links; without the last `/`.
    pub public_url: Option<String>,
    /// What these settings belong to, for the first line of a message.
    pub app: Option<String>,
    /// Where a relative `file:` starts.
    pub root: PathBuf,
}

/// All of it, as configured.
pub fn stated(settings: &Settings) -> Alerts {
    let shared = |key| settings.value("alerts", "", key);
    let size = |key| if let Some(Value::Size(bytes)) = shared(key) { bytes } else { 0 };
    Alerts {
        routes: settings.names("alerts.*").iter().map(|name| route(settings, name)).collect(),
        smtp: text(shared("smtp")),
        smtp_password: text(shared("smtp_password")).map(|place| Kept::of(&place, &settings.root)),
        from: text(shared("from")),
        allow_http: flag(shared("allow_http")),
        allow_private: flag(shared("allow_private")),
        queue_latency: length(shared("queue_latency")),
        disk_free: size("disk_free"),
        wal_size: size("wal_size"),
        public_url: text(settings.value("web", "", "public_url")).map(|url| url.trim_end_matches('/').to_owned()),
        app: settings.app.clone(),
        root: settings.root.clone(),
    }
}

fn route(settings: &Settings, name: &str) -> Route {
    let value = |key| settings.value("alerts.*", name, key);
    let kept = |key| text(value(key)).map(|place| Kept::of(&place, &settings.root));
    Route {
        name: name.to_owned(),
        webhook: kept("webhook"),
        secret: kept("secret"),
        email: text(value("email")),
        on: if let Some(Value::Texts(words)) = value("on") { words } else { vec![] },
        group: length(value("group")),
        repeat_after: length(value("repeat_after")),
        rate: if let Some(Value::Rate(rate)) = value("rate") { rate } else { Rate { count: 30, per: Length::hours(1) } },
        all_clear: flag(value("all_clear")),
    }
}

fn text(value: Option<Value>) -> Option<String> {
    if let Some(Value::Text(text)) = value { Some(text) } else { None }
}

fn flag(value: Option<Value>) -> bool {
    value == Some(Value::Bool(true))
}

fn length(value: Option<Value>) -> Length {
    if let Some(Value::Length(length)) = value { length } else { Length::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_asks_for_a_code_an_area_or_a_group() {
        for (word, code) in [
            ("all", "job.discarded"),
            ("discarded", "job.discarded"),
            ("schedule", "schedule.late"),
            ("storage", "storage.disk_low"),
            ("unreadable", "hold.unreadable"),
            ("result.not_stored", "result.not_stored"),
        ] {
            assert!(matches(word, code) && is_known(word), "{word} asks for {code}");
        }
        for (word, code) in
            [("late", "schedule.missed"), ("job", "schedule.late"), ("discarded", "job.quarantined"), ("s", "schedule.late")]
        {
            assert!(!matches(word, code), "{word} does not ask for {code}");
        }
    }

    #[test]
    fn a_slip_is_no_word() {
        for word in ["discared", "schedul", "job.", "JOB.discarded", "", "mail.sent"] {
            assert!(!is_known(word), "{word}");
        }
    }

    #[test]
    fn what_is_kept_is_not_shown() {
        assert!(!format!("{:?}", Kept::of("https://hc.example/0b9e", Path::new("/"))).contains("0b9e"));
        assert_eq!(
            Kept::of("env:WORKADAY_NO_SUCH", Path::new("/")).read(),
            Err("the environment variable WORKADAY_NO_SUCH is not set".into())
        );
    }
}
