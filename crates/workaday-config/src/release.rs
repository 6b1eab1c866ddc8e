//! `[backup]`, `[release]` and `[release.staging]`, typed.

use crate::kind::Value;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::path::PathBuf;
use workaday_core::clock::Length;

/// Where copies of the store go.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    pub folder: PathBuf,
    pub keep: usize,
    /// How often there should be one.
    pub every: Length,
    /// Pages copied in one step, and the rest after each.
    pub pages: i32,
    pub pause: Length,
}

/// What says that the service is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Answers 200.
    Url(String),
    /// Exits with 0.
    Command(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWorse {
    Ask,
    Rollback,
    Keep,
}

/// How a change goes out, and back.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub owner: Option<String>,
    pub expects: Option<String>,
    pub checks: BTreeMap<String, Vec<String>>,
    pub check_timeout: Length,
    pub deploy: Option<Vec<String>>,
    pub deploy_timeout: Length,
    pub rollback: Option<Vec<String>>,
    pub health: Option<Probe>,
    pub health_timeout: Length,
    pub watch: Length,
    pub caches: BTreeMap<String, Vec<String>>,
    pub on_worse: OnWorse,
    /// Relative to the folder of workaday.toml.
    pub notes: PathBuf,
    pub tag: bool,
    pub staging: Option<Staging>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    Dry,
    Run,
    Skip,
}

/// Where a release is rehearsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Staging {
    pub level: u8,
    pub expires: Length,
    pub deploy: Option<Vec<String>>,
    pub rollback: Option<Vec<String>>,
    pub health: Option<Probe>,
    pub integration: Option<Vec<String>>,
    pub copy: Vec<String>,
    pub databases: Vec<String>,
    /// Variables with DSNs of PostgreSQL databases, each to be copied.
    pub postgres: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub keep_env: Vec<String>,
    pub ports: Vec<String>,
    pub schedules: Rehearsed,
}

const RELEASE: &str = "release";
const STAGING: &str = "release.staging";

/// `[backup]`.
pub fn backup(settings: &Settings) -> Backup {
    let get = Get { settings, section: "backup" };
    let beside = settings.database.path().parent().map_or_else(|| settings.root.clone(), |folder| folder.to_path_buf());
    Backup {
        folder: get.text("folder").map_or_else(|| beside.join("backups"), |folder| settings.root.join(folder)),
        keep: get.count("keep") as usize,
        every: get.length("every"),
        pages: get.count("pages") as i32,
        pause: get.length("pause"),
    }
}

/// `[release]`.
pub fn release(settings: &Settings) -> Release {
    let get = Get { settings, section: RELEASE };
    Release {
        owner: get.text("owner"),
        expects: get.text("expects"),
        checks: get.commands("checks"),
        check_timeout: get.length("check_timeout"),
        deploy: get.command("deploy"),
        deploy_timeout: get.length("deploy_timeout"),
        rollback: get.command("rollback"),
        health: get.probe("health"),
        health_timeout: get.length("health_timeout"),
        watch: get.length("watch"),
        caches: get.commands("caches"),
        on_worse: match get.text("on_worse").as_deref() {
            Some("rollback") => OnWorse::Rollback,
            Some("keep") => OnWorse::Keep,
            _ => OnWorse::Ask,
        },
        notes: get.text("notes").unwrap_or_else(|| "releases".into()).into(),
        tag: get.flag("tag"),
        staging: settings.section_given(STAGING).then(|| staging(settings)),
    }
}

fn staging(settings: &Settings) -> Staging {
    let get = Get { settings, section: STAGING };
    Staging {
        level: get.count("level") as u8,
        expires: get.length("expires"),
        deploy: get.command("deploy"),
        rollback: get.command("rollback"),
        health: get.probe("health"),
        integration: get.command("integration"),
        copy: get.texts("copy"),
        databases: get.texts("databases"),
        postgres: get.texts("postgres"),
        env: match settings.value(STAGING, "", "env") {
            Some(Value::Map(map)) => map,
            _ => BTreeMap::new(),
        },
        keep_env: get.texts("keep_env"),
        ports: match get.texts("ports") {
            ports if ports.is_empty() => vec!["PORT".into()],
            ports => ports,
        },
        schedules: match get.text("schedules").as_deref() {
            Some("run") => Rehearsed::Run,
            Some("skip") => Rehearsed::Skip,
            _ => Rehearsed::Dry,
        },
    }
}

struct Get<'a> {
    settings: &'a Settings,
    section: &'static str,
}

impl Get<'_> {
    fn value(&self, key: &'static str) -> Option<Value> {
        self.settings.value(self.section, "", key)
    }

    fn text(&self, key: &'static str) -> Option<String> {
        if let Some(Value::Text(text)) = self.value(key) { Some(text) } else { None }
    }

    fn texts(&self, key: &'static str) -> Vec<String> {
        if let Some(Value::Texts(texts)) = self.value(key) { texts } else { vec![] }
    }

    fn command(&self, key: &'static str) -> Option<Vec<String>> {
        if let Some(Value::Texts(words)) = self.value(key) { Some(words) } else { None }
    }

    fn commands(&self, key: &'static str) -> BTreeMap<String, Vec<String>> {
        if let Some(Value::Commands(commands)) = self.value(key) { commands } else { BTreeMap::new() }
    }

    fn probe(&self, key: &'static str) -> Option<Probe> {
        match self.value(key)? {
            Value::Text(url) => Some(Probe::Url(url)),
            Value::Texts(words) => Some(Probe::Command(words)),
            _ => None,
        }
    }

    fn count(&self, key: &'static str) -> i64 {
        if let Some(Value::Count(count)) = self.value(key) { count } else { 0 }
    }

    fn length(&self, key: &'static str) -> Length {
        if let Some(Value::Length(length)) = self.value(key) { length } else { Length::default() }
    }

    fn flag(&self, key: &'static str) -> bool {
        self.value(key) == Some(Value::Bool(true))
    }
}
