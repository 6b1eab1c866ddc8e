//! The settings, typed: what the file, the environment and the command line come to.

use crate::database::{Database, locate};
use crate::env;
use crate::error::{ConfigError, Origin};
use crate::file::{self, Entry, FILE_NAME, Findings, Place};
use crate::keys::{Fallback, Key, section};
use crate::kind::{Rate, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use workaday_core::clock::Length;
use workaday_core::explain::Problem;

/// Where the settings come from. Nothing is read but these.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config` or WORKADAY_CONFIG: this file and no other.
    pub config: Option<PathBuf>,
    /// Where the search upwards starts.
    pub folder: PathBuf,
    pub variables: Vec<(String, String)>,
    /// `(section, key, value, flag)` of the command line; these win.
    pub overrides: Vec<(&'static str, &'static str, String, &'static str)>,
    /// Cores of the machine, the default of `worker.processes`.
    pub cores: usize,
}

impl Sources {
    /// The real ones: current folder, environment, cores.
    pub fn of_this_process(config: Option<PathBuf>) -> std::io::Result<Self> {
        // A variable that is no UTF-8 cannot be one of ours.
        let variables: Vec<(String, String)> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let named =
            || variables.iter().find(|(name, value)| name == "WORKADAY_CONFIG" && !value.is_empty()).map(|(_, value)| PathBuf::from(value));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { config: config.or_else(named), folder: std::env::current_dir()?, variables, overrides: vec![], cores })
    }
}

/// Everything configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The workaday.toml that was read.
    pub file: Option<PathBuf>,
    /// Its folder, else the current one: where relative paths start and the children run.
    pub root: PathBuf,
    pub app: Option<String>,
    pub database: Database,
    pub worker: Worker,
    pub queues: BTreeMap<String, Queue>,
    pub retention: Retention,
    pub commands: BTreeMap<String, Command>,
    pub web: Web,
    pub security: Security,
    /// Variables that nothing reads, and settings that have no effect in this version.
    pub warnings: Vec<String>,
    resolved: Resolved,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    pub processes: usize,
    pub threads: usize,
    pub async_processes: usize,
    pub async_slots: usize,
    pub solo: usize,
    pub commands: usize,
    pub grace: Length,
    pub kill_after: Length,
    pub recycle_after_jobs: Option<u64>,
    /// Bytes of resident memory.
    pub recycle_above: Option<u64>,
    pub python: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    pub slots: Option<usize>,
    pub rate: Option<Rate>,
    pub paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub completed: Length,
    pub cancelled: Length,
    pub discarded: Length,
    pub logs: Length,
    pub measures: Length,
}

/// The window: dashboard, HTTP API, health, metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    pub enabled: bool,
    /// `host:port`
    pub bind: String,
    /// `bind` was given: no other port is tried.
    pub bind_is_stated: bool,
    /// Without the slash at its end.
    pub public_url: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub auth: Auth,
    pub environment: Option<String>,
    /// Time zone of the pages.
    pub tz: Option<String>,
}

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    Login,
    /// A trusted proxy names the user.
    Proxy,
    Nobody,
}

/// What is hidden, and how much is taken from strangers.
#[derive(Clone, Debug, PartialEq)]
pub struct Security {
    /// In lower case.
    pub mask: Vec<String>,
    pub hosts: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub roles: BTreeMap<String, String>,
    pub body_max: usize,
    pub connections: usize,
    pub rate: Rate,
    pub logins: Rate,
}

/// A command task, as far as it is no schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub run: Vec<String>,
    pub cwd: Option<PathBuf>,
    pub env: BTreeMap<String, String>,
    pub queue: String,
    pub priority: i32,
    pub timeout: Length,
    pub memory: Option<u64>,
    pub at_most_once: bool,
    pub retry_safe: Option<bool>,
    pub retry: workaday_core::retry::RetryPolicy,
    pub owner: Option<String>,
    pub expects: Option<String>,
    pub expects_within: Option<Length>,
    pub expects_output: Option<String>,
    pub rollback: Option<String>,
    /// Cron expressions; none: it runs when it is enqueued.
    pub schedule: Vec<String>,
    pub tz: Option<String>,
    pub ping: Option<String>,
}

/// Reads all sources. Everything that is wrong is reported at once.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let file = match &sources.config {
        Some(path) => Some(sources.folder.join(path)),
        None => file::find_upwards(&sources.folder),
    };
    let mut findings = match &file {
        Some(path) => file::load(path)?,
        None => Findings::default(),
    };
    let mut warnings = env::read(sources.variables.iter().cloned(), &mut findings);
    for (path, name, text, flag) in &sources.overrides {
        let section = section(path).expect("an override names a section of the table");
        let key = section.key(name).expect("an override names a key of the table");
        env::set(&mut findings, section, String::new(), key, text, Origin::CommandLine { flag });
    }
    let root = file.as_deref().and_then(Path::parent).unwrap_or(&sources.folder).to_path_buf();
    crate::rules::check(&mut findings);
    warnings.extend(crate::without_effect::warnings(&findings.entries));
    let problems = std::mem::take(&mut findings.problems);
    let resolved = Resolved { findings: findings.entries, names: findings.names };
    let database = resolved.database(&root);
    match (problems.is_empty(), database) {
        (true, Ok(database)) => Ok(resolved.settings(file, root, database, warnings, sources.cores)),
        (_, Ok(_)) => Err(ConfigError { problems }),
        (_, Err(problem)) => Err(ConfigError { problems: problems.into_iter().chain([*problem]).collect() }),
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
struct Resolved {
    findings: BTreeMap<Place, Entry>,
    names: BTreeMap<(&'static str, String), Origin>,
}

impl Settings {
    /// Where the value of a key comes from, for `doctor` and for messages.
    pub fn origin(&self, section: &'static str, name: &str, key: &'static str) -> Origin {
        self.resolved.entry(section, name, key).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// A value of a section that has no type of its own yet: `value("web", "", "bind")`.
    pub fn value(&self, section: &'static str, name: &str, key: &'static str) -> Option<Value> {
        self.resolved.get(section, name, key)
    }

    /// The names given in a section: `names("schedules.*")`.
    pub fn names(&self, section: &'static str) -> Vec<String> {
        self.resolved.names(section)
    }

    /// Was any key of this section given?
    pub fn section_given(&self, section: &'static str) -> bool {
        self.resolved.findings.keys().any(|place| place.section == section)
    }

    /// Where to find the file, for messages.
    pub fn file_shown(&self) -> String {
        self.file.as_ref().map_or_else(|| format!("{FILE_NAME} (there is none yet)"), |path| path.display().to_string())
    }
}

impl Resolved {
    fn entry(&self, section: &'static str, name: &str, key: &'static str) -> Option<&Entry> {
        self.findings.get(&Place { section, name: name.to_owned(), key })
    }

    fn names(&self, path: &'static str) -> Vec<String> {
        self.names.keys().filter(|(section, _)| *section == path).map(|(_, name)| name.clone()).collect()
    }

    /// The given value, else the default.
    fn get(&self, path: &'static str, name: &str, key: &'static str) -> Option<Value> {
        let given = self.entry(path, name, key).map(|entry| entry.value.clone());
        given.or_else(|| default(section(path).and_then(|section| section.key(key)).expect("a key of the table")))
    }

    fn text(&self, path: &'static str, name: &str, key: &'static str) -> Option<String> {
        if let Some(Value::Text(text)) = self.get(path, name, key) { Some(text) } else { None }
    }

    fn count(&self, path: &'static str, name: &str, key: &'static str) -> Option<i64> {
        if let Some(Value::Count(count)) = self.get(path, name, key) { Some(count) } else { None }
    }

    fn length(&self, path: &'static str, name: &str, key: &'static str) -> Length {
        if let Some(Value::Length(length)) = self.get(path, name, key) { length } else { Length::default() }
    }

    fn size(&self, path: &'static str, name: &str, key: &'static str) -> Option<u64> {
        if let Some(Value::Size(bytes)) = self.get(path, name, key) { Some(bytes) } else { None }
    }

    fn flag(&self, path: &'static str, name: &str, key: &'static str) -> Option<bool> {
        if let Some(Value::Bool(value)) = self.get(path, name, key) { Some(value) } else { None }
    }

    fn database(&self, root: &Path) -> Result<Database, Box<Problem>> {
        let text = self.text("", "", "database").unwrap_or_default();
        let origin = self.entry("", "", "database").map_or(Origin::Default, |entry| entry.origin.clone());
        // A password may stand in the URL: only the scheme is repeated.
        let got = text.split_once("://").map_or(text.clone(), |(scheme, _)| format!("{scheme}://…"));
        locate(&text, root).map_err(|no_store| {
            origin
                .problem("config.database_unsupported", "`database` names no store that can be opened")
                .expected(no_store.expected)
                .got(got)
                .hint(no_store.hint)
                .into()
        })
    }

    fn settings(self, file: Option<PathBuf>, root: PathBuf, database: Database, warnings: Vec<String>, cores: usize) -> Settings {
        Settings {
            app: self.text("", "", "app"),
            worker: self.worker(cores, &root),
            queues: self.names("queues.*").into_iter().map(|name| (name.clone(), self.queue(&name))).collect(),
            retention: self.retention(),
            commands: self.names("command.*").into_iter().map(|name| (name.clone(), self.command(&name, &root))).collect(),
            web: self.web(),
            security: self.security(),
            file,
            root,
            database,
            warnings,
            resolved: self,
        }
    }

    fn worker(&self, cores: usize, root: &Path) -> Worker {
        let count = |key| self.count("worker", "", key).map(|count| count as usize);
        Worker {
            processes: count("processes").unwrap_or(cores.max(1)),
            threads: count("threads").unwrap_or(1),
            async_processes: count("async_processes").unwrap_or(1),
            async_slots: count("async_slots").unwrap_or(100),
            solo: count("solo").unwrap_or(4),
            commands: count("commands").unwrap_or(cores.max(1)),
            grace: self.length("worker", "", "grace"),
            kill_after: self.length("worker", "", "kill_after"),
            recycle_after_jobs: self.count("worker", "", "recycle_after_jobs").map(|count| count as u64),
            recycle_above: self.size("worker", "", "recycle_above"),
            python: self.text("worker", "", "python").map(|path| root.join(path)),
        }
    }

    fn queue(&self, name: &str) -> Queue {
        Queue {
            slots: self.count("queues.*", name, "slots").map(|count| count as usize),
            rate: if let Some(Value::Rate(rate)) = self.get("queues.*", name, "rate") { Some(rate) } else { None },
            paused: self.flag("queues.*", name, "paused").unwrap_or(false),
        }
    }

    fn retention(&self) -> Retention {
        let length = |key| self.length("retention", "", key);
        Retention {
            completed: length("completed"),
            cancelled: length("cancelled"),
            discarded: length("discarded"),
            logs: length("logs"),
            measures: length("measures"),
        }
    }

    fn texts(&self, path: &'static str, key: &'static str) -> Vec<String> {
        if let Some(Value::Texts(texts)) = self.get(path, "", key) { texts } else { vec![] }
    }

    fn map(&self, path: &'static str, key: &'static str) -> BTreeMap<String, String> {
        if let Some(Value::Map(map)) = self.get(path, "", key) { map } else { BTreeMap::new() }
    }

    fn rate(&self, path: &'static str, key: &'static str) -> Rate {
        if let Some(Value::Rate(rate)) = self.get(path, "", key) { rate } else { Rate { count: 100, per: Length::seconds(1) } }
    }

    fn web(&self) -> Web {
        let text = |key| self.text("web", "", key);
        Web {
            enabled: self.flag("web", "", "enabled").unwrap_or(true),
            bind: text("bind").unwrap_or_default(),
            bind_is_stated: self.entry("web", "", "bind").is_some(),
            public_url: text("public_url").map(|url| url.trim_end_matches('/').to_owned()),
            trusted_proxies: self.texts("web", "trusted_proxies"),
            auth: match text("auth").as_deref() {
                Some("proxy") => Auth::Proxy,
                Some("none") => Auth::Nobody,
                _ => Auth::Login,
            },
            environment: text("environment"),
            tz: text("tz").or_else(|| self.text("schedules", "", "tz")),
        }
    }

    fn security(&self) -> Security {
        Security {
            mask: self.texts("security", "mask").iter().map(|name| name.to_lowercase()).collect(),
            hosts: self.texts("security", "hosts"),
            headers: self.map("security", "headers"),
            roles: self.map("security", "roles"),
            body_max: self.size("security", "", "body_max").unwrap_or(1 << 20) as usize,
            connections: self.count("security", "", "connections").unwrap_or(1024) as usize,
            rate: self.rate("security", "rate"),
            logins: self.rate("security", "logins"),
        }
    }

    fn command(&self, name: &str, root: &Path) -> Command {
        let text = |key| self.text("command.*", name, key);
        Command {
            run: if let Some(Value::Texts(run)) = self.get("command.*", name, "run") { run } else { vec![] },
            cwd: text("cwd").map(|path| root.join(path)),
            env: if let Some(Value::Map(env)) = self.get("command.*", name, "env") { env } else { BTreeMap::new() },
            queue: text("queue").unwrap_or_default(),
            priority: self.count("command.*", name, "priority").unwrap_or(0) as i32,
            timeout: self.length("command.*", name, "timeout"),
            memory: self.size("command.*", name, "memory"),
            at_most_once: self.flag("command.*", name, "at_most_once").unwrap_or(false),
            retry_safe: self.flag("command.*", name, "retry_safe"),
            retry: self.retry(name),
            owner: text("owner"),
            expects: text("expects"),
            expects_within: match self.get("command.*", name, "expects_within") {
                Some(Value::Length(within)) => Some(within),
                _ => None,
            },
            expects_output: text("expects_output"),
            rollback: text("rollback"),
            schedule: if let Some(Value::Texts(lines)) = self.get("command.*", name, "schedule") { lines } else { vec![] },
            ping: text("ping"),
            tz: text("tz").or_else(|| self.text("schedules", "", "tz")),
        }
    }

    fn retry(&self, name: &str) -> workaday_core::retry::RetryPolicy {
        use workaday_core::retry::{Backoff, RetryPolicy};
        const RETRY: &str = "command.*.retry";
        let fixed = self.text(RETRY, name, "backoff").as_deref() == Some("fixed");
        RetryPolicy {
            attempts: self.count(RETRY, name, "attempts").unwrap_or(5) as u32,
            backoff: if fixed { Backoff::Fixed } else { Backoff::Exponential },
            base_us: self.length(RETRY, name, "base").0,
            cap_us: self.length(RETRY, name, "cap").0,
            jitter: if let Some(Value::Share(share)) = self.get(RETRY, name, "jitter") { share } else { 0.1 },
        }
    }
}

fn default(key: &Key) -> Option<Value> {
    match key.fallback {
        Fallback::Value(text) => key.kind.judge(&key.kind.written_in_environment(text)).ok(),
        Fallback::Unset(_) => None,
    }
}
