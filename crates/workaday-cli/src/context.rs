//! What every command starts from: the settings, the store, the clock, the output, and who is asking.

use crate::args::{By, Common};
use crate::failure::{Failure, usage};
use crate::render::Output;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use workaday_config::{Origin, Settings, Sources};
use workaday_core::clock::{Clock, SystemClock, Timestamp, parse_instant, parse_length};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::read::{Reader, open_reader};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{ByHand, Durability, Store, StoreError};

/// One run of the program.
pub struct Context {
    pub common: Common,
    pub out: Output,
    settings: OnceCell<Settings>,
}

impl Context {
    pub fn new(common: Common) -> Self {
        let out = Output::standard(common.json);
        Self { common, out, settings: OnceCell::new() }
    }

    /// The settings, read when a command first needs them: `completions` works beside a broken file.
    pub fn settings(&self) -> Result<&Settings, Failure> {
        self.settings_with(None)
    }

    /// The same, with the app named on the command line.
    pub fn settings_with(&self, app: Option<&str>) -> Result<&Settings, Failure> {
        if self.settings.get().is_none() {
            let _ = self.settings.set(workaday_config::load(&self.sources(app)?)?);
        }
        Ok(self.settings.get().expect("set above"))
    }

    /// Where settings come from: folder, environment and this command line.
    pub fn sources(&self, app: Option<&str>) -> Result<Sources, Failure> {
        let mut sources = Sources::of_this_process(self.common.config.clone()).map_err(no_folder)?;
        sources.overrides.extend(app.map(|app| ("", "app", app.to_owned(), "MODULE:APP")));
        let database = self.common.database.clone().map(|database| ("", "database", against(&sources.folder, database), "--database"));
        sources.overrides.extend(database);
        Ok(sources)
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub fn database(&self) -> Result<PathBuf, Failure> {
        Ok(self.settings()?.database.path().to_path_buf())
    }

    /// The store, for looking.
    pub fn reader(&self) -> Result<Reader, Failure> {
        Ok(open_reader(self.existing()?)?)
    }

    /// The store, for acts by hand. It must be there: only `up` and the client make one.
    pub fn writer(&self) -> Result<SqliteStore, Failure> {
        let options = OpenOptions { create: false, cache_kib: 1024, ..OpenOptions::default() };
        Ok(SqliteStore::open(self.existing()?, options)?)
    }

    /// The store's file, or where one was looked for: the folder beside it may not even be there yet.
    pub fn existing(&self) -> Result<PathBuf, Failure> {
        let settings = self.settings()?;
        let path = settings.database.path();
        if path.exists() {
            return Ok(path.to_path_buf());
        }
        Err(Problem::new("store.missing", format!("there is no store at `{}`", path.display()))
            .expected("a file made by `workaday up`, `workaday migrate` or the first enqueue of a service")
            .got(match settings.origin("", "", "database") {
                Origin::Default => format!("the default place: no `database` in {}", settings.file_shown()),
                origin => format!("the place named by {origin}"),
            })
            .retry(RetryAdvice::SafeAfterFix, "safe once it is there; nothing was stored")
            .hint("`workaday up MODULE:APP` makes it; is this the folder of workaday.toml?")
            .into())
    }

    /// Who acts: `--owner`, else WORKADAY_OWNER, else user@host.
    pub fn by(&self, by: &By) -> ByHand {
        let named = by.owner.clone().or_else(|| std::env::var("WORKADAY_OWNER").ok().filter(|owner| !owner.is_empty()));
        ByHand { who: named.unwrap_or_else(user_at_host), why: by.reason.clone() }
    }
}

/// One synced transaction around `act`; an error leaves nothing behind.
pub fn transaction<T>(store: &mut SqliteStore, act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>) -> Result<T, Failure> {
    store.begin(Durability::Full)?;
    match act(store) {
        Ok(value) => {
            store.commit()?;
            Ok(value)
        }
        Err(error) => {
            store.rollback();
            Err(error.into())
        }
    }
}

/// An instant (`2030-01-01T00:00:00Z`), or a length from now (`2h`).
pub fn instant_or_length(text: &str, option: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(length) = parse_length(text) else { return instant(text, option) };
    let at = now + length;
    // Beyond the year 9999 no calendar reads it back.
    match parse_instant(&at.to_string()) {
        Some(_) => Ok(at),
        None => Err(usage(
            format!("{option} is \"{text}\" from now, which is beyond the year 9999"),
            "an instant before the year 9999, or a length such as 2h",
        )
        .got(text.to_owned())),
    }
}

/// An instant with its offset.
pub fn instant(text: &str, option: &str) -> Result<Timestamp, Problem> {
    parse_instant(text).ok_or_else(|| {
        usage(format!("{option} is \"{text}\""), "an instant with its offset: 2030-01-01T00:00:00Z or 2030-01-01T00:00:00+01:00")
            .got(text.to_owned())
    })
}

/// A length above zero or zero.
pub fn length(text: &str, option: &str) -> Result<workaday_core::clock::Length, Problem> {
    parse_length(text).ok_or_else(|| usage(format!("{option} is \"{text}\""), "a length of time with its unit: 250ms, 90s, 5m, 2h, 1d"))
}

/// A relative `--database` is meant from where it is typed, not from the folder of workaday.toml.
fn against(folder: &Path, database: String) -> String {
    if database.contains(':') { database } else { folder.join(database).to_string_lossy().into_owned() }
}

fn no_folder(error: std::io::Error) -> Problem {
    Problem::new("cli.no_folder", format!("the current folder cannot be read: {error}"))
        .expected("a folder that is there")
        .retry(RetryAdvice::SafeAfterFix, "safe from another folder; nothing was changed")
}

fn user_at_host() -> String {
    let user = ["LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    // A service, a cron line and a container have no such variable: the audit would name nobody.
    let user = user.unwrap_or_else(|| {
        // SAFETY: geteuid takes no arguments and cannot fail.
        let uid = unsafe { libc::geteuid() };
        named_in(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), uid).unwrap_or_else(|| format!("uid {uid}"))
    });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

/// The name of a user in the text of `/etc/passwd`: `ada:x:1000:…`.
fn named_in(passwd: &str, uid: u32) -> Option<String> {
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(uid.to_string().as_str()))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_variable_is_named_by_the_machine() {
        let passwd = "root:x:0:0::/root:/bin/sh\nshop:x:1001:1001::/srv/shop:/bin/sh\n";
        assert_eq!(named_in(passwd, 1001).as_deref(), Some("shop"));
        assert_eq!(named_in(passwd, 1002), None);
    }
}
