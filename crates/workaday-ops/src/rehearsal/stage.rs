//! The scratch place: the code as a clone of its own, configuration with its secrets replaced, snapshots, an environment.

use super::play::Scene;
use super::postgres::{self, Copied};
use super::sockets;
use crate::files;
use crate::git::Repository;
use crate::release::{Kind, last_in_place};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use workaday_config::release::{Probe, Rehearsed, Release, Staging};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::open_reader;
use workaday_store::sqlite::backup::{Pace, copy_online};

/// Inherited at level 2 and above, besides `keep_env`: what programs need to be found and to speak.
const INHERITED: &[&str] = &["PATH", "LANG", "LC_ALL", "TZ", "USER", "VIRTUAL_ENV", "WORKADAY_PYTHON"];
const REPLACED: &str = "replaced-in-rehearsal";
const UNTOUCHED: &str = "nothing real was touched";
const PREFIX: &str = "workaday-rehearsal-";
const HELD: &str = ".held";
/// The scratch databases of a place, as JSON.
const COPIES: &str = "copies.json";

/// What to rehearse.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub database: &'a Path,
    pub root: &'a Path,
    pub settings: &'a Release,
    pub staging: &'a Staging,
    /// This program.
    pub program: PathBuf,
    /// Words in names of values that are secret.
    pub mask: Vec<String>,
    pub is_unsafe: bool,
}

/// The scratch place; it goes when this goes, unless it is kept.
pub struct Stage {
    pub scratch: PathBuf,
    pub scene: Scene,
    pub keep: bool,
    /// Held while we live: a scratch place whose lock is free was left by one that was killed.
    _held: File,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Without the lock it is nobody's leftover, and stays.
        if self.keep {
            let _ = fs::remove_file(self.scratch.join(HELD));
        } else {
            let _ = self.drop_databases();
            let _ = fs::remove_dir_all(&self.scratch);
        }
    }
}

impl Stage {
    /// Drops the scratch databases. What could not be dropped, a sentence each.
    pub fn drop_databases(&mut self) -> Vec<String> {
        drop_all(std::mem::take(&mut self.scene.postgres))
    }
}

/// For whoever clears up after us.
fn write_copies(scratch: &Path, copies: &[Copied]) -> io::Result<()> {
    let (new, file) = (scratch.join("copies.new"), scratch.join(COPIES));
    files::new_private(&new)?.write_all(&serde_json::to_vec(copies)?)?;
    fs::rename(new, file)
}

fn drop_all(copies: Vec<Copied>) -> Vec<String> {
    let dropped = copies.into_iter().map(|copied| (postgres::drop_copy(&copied), copied));
    dropped.filter_map(|(done, copied)| done.err().map(|why| format!("the database {} is still there: {why}", copied.database))).collect()
}

/// A scratch place that a killed rehearsal left: a copy of the store, of files with secrets, perhaps with processes in it.
#[derive(Debug)]
pub struct Leftover {
    /// The mark of its processes: `WORKADAY_REHEARSAL`.
    pub id: String,
    pub path: PathBuf,
    _held: File,
}

impl Leftover {
    /// Deletes it, and drops its databases; its processes are ended before. What could not be dropped, a sentence each:
    /// then the place stays too, for the next attempt.
    pub fn remove(self) -> Vec<String> {
        take_away(&self.path)
    }
}

/// Drops the scratch databases of a place and deletes it. The caller holds it, and its processes are ended.
pub fn take_away(scratch: &Path) -> Vec<String> {
    let known = fs::read(scratch.join(COPIES)).ok();
    let copies: Vec<Copied> = known.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let remarks = drop_all(copies);
    if remarks.is_empty() {
        let _ = fs::remove_file(sockets::beside(scratch));
        let _ = fs::remove_dir_all(scratch);
    }
    remarks
}

/// Those of this user, or of anybody, each held by us now.
pub fn leftovers(of_anybody: bool) -> Vec<Leftover> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    let ours = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && (of_anybody || found.uid() == own));
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let one = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned();
        let path = entry.path();
        let held = ours(&path).then(|| hold(&path, false).ok()).flatten()?;
        Some(Leftover { id, path, _held: held })
    };
    entries.filter_map(one).collect()
}

/// The lock of a scratch place; an error when somebody has it, or when it has none and is not to get one.
fn hold(scratch: &Path, create: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(create).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(scratch.join(HELD))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Sets it up. Reads from production: the repository, the named files, a snapshot of each database. `began` hears the mark
/// and the folder as soon as there is something to clear up.
pub fn set(request: &Request<'_>, began: &mut dyn FnMut(&str, &Path)) -> Result<Stage, Problem> {
    let repository = Repository::of(request.root).ok_or_else(|| failed("the folder is in no git repository with a commit"))?;
    let revision = repository.head().unwrap_or_default();
    let (deploy, rollback) = commands(request)?;
    let id = uuid::Uuid::now_v7().simple().to_string();
    let temporary = std::env::temp_dir();
    let scratch = temporary.canonicalize().unwrap_or(temporary).join(format!("{PREFIX}{id}"));
    for folder in ["", "home", "tmp", "outputs"] {
        files::private_folder(&scratch.join(folder)).map_err(|error| io_failed(&scratch, &error))?;
    }
    // From here on it is deleted again, whatever fails.
    let held = hold(&scratch, true).map_err(|error| io_failed(&scratch, &error))?;
    began(&id, &scratch);
    let mut stage = Stage { scratch: scratch.clone(), scene: Scene::default(), keep: false, _held: held };
    let start = before(request.database, &repository, &revision)?;
    let code = scratch.join("code");
    repository.clone_into(&code, &start).map_err(|error| failed(&format!("the code could not be cloned: {error}")))?;
    let work = code.join(repository.prefix());
    let mut env = request.staging.env.clone();
    for (number, variable) in request.staging.postgres.iter().enumerate() {
        let dsn = dsn_of(request, variable)?;
        let copied = postgres::plan(variable, &dsn, &format!("{id}_{number}"))?;
        env.insert(variable.clone(), copied.dsn.clone());
        // Known to the stage and to the next rehearsal before it is there: it is dropped, whatever fails from here on.
        stage.scene.postgres.push(copied.clone());
        write_copies(&scratch, &stage.scene.postgres).map_err(|error| io_failed(&scratch, &error))?;
        postgres::copy(&copied, &dsn, &scratch)?;
    }
    let (config, mut replaced) = copy_files(request, &env, &work)?;
    replaced.extend(request.staging.postgres.iter().filter(|name| !replaced.contains(name)).cloned().collect::<Vec<_>>());
    let (store, databases) = snapshots(request, &work)?;
    let ports = free_ports(&request.staging.ports)?;
    let variables = variables(&env, &scratch, &store, &ports, &id);
    let clean = request.staging.level >= 2;
    let (health_url, health_command) = match request.staging.health.clone().or_else(|| request.settings.health.clone()) {
        Some(Probe::Url(url)) => (Some(filled(&url, &ports)), None),
        Some(Probe::Command(words)) => (None, Some(words.iter().map(|word| filled(word, &ports)).collect())),
        None => (None, None),
    };
    stage.scene = Scene {
        id,
        scratch,
        work,
        store,
        databases,
        postgres: std::mem::take(&mut stage.scene.postgres),
        config,
        production: request.root.to_path_buf(),
        program: request.program.clone(),
        revision,
        start,
        deploy,
        rollback,
        health_url,
        health_command,
        integration: request.staging.integration.clone().map(|words| words.iter().map(|word| filled(word, &ports)).collect()),
        schedules: match request.staging.schedules {
            Rehearsed::Dry => "dry",
            Rehearsed::Run => "run",
            Rehearsed::Skip => "skip",
        }
        .to_owned(),
        only: clean.then(|| inherited(&request.staging.keep_env)),
        also: variables,
        port: ports.iter().next().map(|(name, port)| (name.clone(), port.to_string())),
        replaced,
        wanted: request.staging.level,
        is_unsafe: request.is_unsafe,
        timeout_us: request.settings.deploy_timeout.0,
        health_timeout_us: request.settings.health_timeout.0,
        ..Scene::default()
    };
    Ok(stage)
}

fn commands(request: &Request<'_>) -> Result<(Vec<String>, Vec<String>), Problem> {
    let deploy = request.staging.deploy.clone().or_else(|| request.settings.deploy.clone());
    let rollback = request.staging.rollback.clone().or_else(|| request.settings.rollback.clone());
    match (deploy, rollback) {
        (Some(deploy), Some(rollback)) => Ok((deploy, rollback)),
        (deploy, _) => {
            let lacks = if deploy.is_none() { "deploy" } else { "rollback" };
            Err(Problem::new("rehearse.no_staging", format!("there is no {lacks} command to rehearse"))
                .expected("`[release] deploy` and `rollback`, or those of [release.staging]")
                .retry(RetryAdvice::SafeAfterFix, format!("safe once both are there; {UNTOUCHED}")))
        }
    }
}

/// What is in place now, as recorded; without a record the commit before.
fn before(database: &Path, repository: &Repository, revision: &str) -> Result<String, Problem> {
    let reader = open_reader(database).map_err(|error| error.problem())?;
    let recorded =
        last_in_place(&reader)?.map(|(_, plan)| plan.revision).filter(|known| known != revision && repository.revision(known).is_some());
    Ok(recorded.or_else(|| repository.revision("HEAD~1")).unwrap_or_else(|| revision.to_owned()))
}

/// What the variable holds, here or in a file that is copied.
fn dsn_of(request: &Request<'_>, variable: &str) -> Result<String, Problem> {
    if request.staging.level >= 3 {
        let why = "level 3 has no network, and a server that is reached by a socket has the real database beside the copy".to_owned();
        return Err(postgres::failed(variable, why, "level 2 is as far as it goes with PostgreSQL"));
    }
    let in_files = || {
        let texts = request.staging.copy.iter().filter_map(|name| fs::read_to_string(request.root.join(name)).ok());
        texts.flat_map(|text| text.lines().filter_map(|line| value_of(line, variable)).next_back()).last()
    };
    let dsn = std::env::var(variable).ok().filter(|value| !value.is_empty()).or_else(in_files);
    dsn.ok_or_else(|| postgres::failed(variable, "it is not set".to_owned(), "nothing was copied"))
}

/// The value in a line like `NAME=value` or `export NAME="value"`.
fn value_of(line: &str, variable: &str) -> Option<String> {
    let (name, value) = line.split_once('=')?;
    let is_it = name.trim().trim_start_matches("export ").trim() == variable;
    is_it.then(|| unquoted(value.trim()).1.to_owned())
}

/// The quotes around a value, and what is between them. Only a pair counts: a DSN may end in a quote of its own.
fn unquoted(value: &str) -> (&str, &str) {
    let pair = ["\"", "'"].into_iter().find(|quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote));
    pair.map_or(("", value), |quote| (quote, &value[1..value.len() - 1]))
}

/// The files that git does not carry, with the secrets in them replaced. Returns all configuration, and the names replaced.
fn copy_files(request: &Request<'_>, env: &BTreeMap<String, String>, work: &Path) -> Result<(Vec<PathBuf>, Vec<String>), Problem> {
    let mut config = vec![work.join(crate::release::CONFIG_FILE)];
    let mut replaced = vec![];
    for name in &request.staging.copy {
        let inner = Path::new(name);
        if inner.is_absolute() || inner.components().any(|part| part == std::path::Component::ParentDir) {
            return Err(missing(name, "it lies outside the folder of workaday.toml"));
        }
        let bytes = fs::read(request.root.join(inner)).map_err(|error| missing(name, &error.to_string()))?;
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => without_secrets(&text, &request.mask, env, &mut replaced).into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        let target = work.join(inner);
        let write = || {
            target.parent().map(files::private_folder).transpose()?;
            let _ = fs::remove_file(&target);
            io::Write::write_all(&mut files::new_private(&target)?, &bytes)
        };
        write().map_err(|error: io::Error| io_failed(&target, &error))?;
        config.push(target);
    }
    Ok((config, replaced))
}

/// Lines `NAME=value`, `name = "value"` and `name: value` whose name is a secret's get another value: that of `env`, if given.
fn without_secrets(text: &str, mask: &[String], env: &BTreeMap<String, String>, replaced: &mut Vec<String>) -> String {
    let one = |line: &str| -> Option<(String, String)> {
        let at = line.find(['=', ':'])?;
        let (before, after) = line.split_at(at);
        let name = before.trim().trim_start_matches("export ").trim_matches(['"', '\'']).to_owned();
        let lower = name.to_lowercase();
        let is_secret = mask.iter().any(|word| lower.contains(&word.to_lowercase())) || env.contains_key(&name);
        if !is_secret || after[1..].trim().is_empty() || name.starts_with('#') {
            return None;
        }
        let space = if after[1..].starts_with(' ') { " " } else { "" };
        let value = env.get(&name).map_or(REPLACED, String::as_str);
        let quote = match unquoted(after[1..].trim()).0 {
            // As it was quoted, unless the new value would end there.
            quote if !quote.is_empty() && !value.contains(quote) => quote,
            _ if !value.contains([' ', '\'', '$']) && !after.contains('"') => "",
            _ if value.contains('"') => "",
            _ => "\"",
        };
        Some((format!("{before}{}{space}{quote}{value}{quote}", &after[..1]), name))
    };
    let lines: Vec<String> = text
        .lines()
        .map(|line| match one(line) {
            Some((line, name)) => {
                replaced.push(name);
                line
            }
            None => line.to_owned(),
        })
        .collect();
    lines.join("\n") + if text.ends_with('\n') { "\n" } else { "" }
}

fn snapshots(request: &Request<'_>, work: &Path) -> Result<(PathBuf, Vec<PathBuf>), Problem> {
    let root = request.root.canonicalize().unwrap_or_else(|_| request.root.to_path_buf());
    let live = request.database.canonicalize().unwrap_or_else(|_| request.database.to_path_buf());
    let place = |path: &Path| {
        path.strip_prefix(&root)
            .map_or_else(|_| work.join(".workaday").join(path.file_name().unwrap_or_default()), |inner| work.join(inner))
    };
    let store = place(&live);
    let mut all = vec![(live, store.clone())];
    for name in &request.staging.databases {
        let path = root.join(name);
        let path = path.canonicalize().map_err(|error| missing(name, &error.to_string()))?;
        let target = place(&path);
        if target != store {
            all.push((path, target));
        }
    }
    for (from, to) in &all {
        let make = || {
            to.parent().map(files::private_folder).transpose()?;
            let _ = fs::remove_file(to);
            files::new_private(to)
        };
        make().map_err(|error| io_failed(to, &error))?;
        copy_online(from, to, Pace::default(), &mut |_, _| {}).map_err(|error| error.problem())?;
        // As production has it: several processes will open it.
        workaday_store::sqlite::backup::back_to_wal(to).map_err(|error| error.problem())?;
    }
    workaday_store::sqlite::restore::prepare(&store, None).map_err(|error| error.problem())?;
    Ok((store, all.into_iter().map(|(_, to)| to).collect()))
}

fn free_ports(names: &[String]) -> Result<BTreeMap<String, u16>, Problem> {
    // All are held until the last is known: no number comes twice.
    let mut held = vec![];
    let mut ports = BTreeMap::new();
    for name in names.iter().map(String::as_str).chain(["WORKADAY_WEB_BIND"]) {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| failed(&format!("no port is free: {error}")))?;
        let port = listener.local_addr().map_err(|error| failed(&error.to_string()))?.port();
        ports.insert(name.to_owned(), port);
        held.push(listener);
    }
    Ok(ports)
}

fn variables(
    env: &BTreeMap<String, String>,
    scratch: &Path,
    store: &Path,
    ports: &BTreeMap<String, u16>,
    id: &str,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = env.iter().map(|(name, value)| (name.clone(), filled(value, ports))).collect();
    for (name, port) in ports {
        let value = if name == "WORKADAY_WEB_BIND" { format!("127.0.0.1:{port}") } else { port.to_string() };
        all.push((name.clone(), value));
    }
    let text = |path: PathBuf| path.display().to_string();
    all.extend([
        ("HOME".to_owned(), text(scratch.join("home"))),
        ("TMPDIR".to_owned(), text(scratch.join("tmp"))),
        ("WORKADAY_DATABASE".to_owned(), text(store.to_path_buf())),
        ("WORKADAY_REHEARSAL".to_owned(), id.to_owned()),
        ("WORKADAY_RELEASE_KIND".to_owned(), Kind::Release.as_str().to_owned()),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
    ]);
    all
}

fn inherited(keep: &[String]) -> Vec<String> {
    INHERITED.iter().map(|name| (*name).to_owned()).chain(keep.iter().cloned()).collect()
}

/// `{PORT}` → the free port of that variable.
fn filled(text: &str, ports: &BTreeMap<String, u16>) -> String {
    ports.iter().fold(text.to_owned(), |text, (name, port)| text.replace(&format!("{{{name}}}"), &port.to_string()))
}

fn missing(name: &str, why: &str) -> Problem {
    Problem::new("rehearse.file_missing", format!("`{name}` of [release.staging] cannot be copied: {why}"))
        .expected("a file below the folder of workaday.toml")
        .retry(RetryAdvice::SafeAfterFix, format!("safe once it is there; {UNTOUCHED}"))
}

fn failed(why: &str) -> Problem {
    Problem::new("rehearse.stage_failed", format!("the scratch place could not be set up: {why}"))
        .expected("a repository, git, a free port and room in the temporary folder")
        .retry(RetryAdvice::SafeAfterFix, format!("safe after that is mended; {UNTOUCHED}"))
}

fn io_failed(path: &Path, error: &io::Error) -> Problem {
    failed(&format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_copied_files_are_replaced_and_named() {
        let mut named = vec![];
        let env = BTreeMap::from([("DSN".to_owned(), "postgres://staging".to_owned())]);
        let kept = |text: &str, value: &str| {
            let env = BTreeMap::from([("DSN".to_owned(), value.to_owned())]);
            without_secrets(text, &[], &env, &mut vec![])
        };
        assert_eq!(kept("DSN='host=db dbname=shop'", "host=db dbname=copy"), "DSN='host=db dbname=copy'");
        assert_eq!(kept("export DSN=\"host=db password='a b'\"", "host=x password='a b'"), "export DSN=\"host=x password='a b'\"");
        assert_eq!(kept("DSN=postgres://real", "host=db dbname=copy"), "DSN=\"host=db dbname=copy\"");
        assert_eq!(value_of("DSN=\"dbname=shop password='a b'\"", "DSN").as_deref(), Some("dbname=shop password='a b'"));
        let text = "# token=\nDEBUG=1\nAPI_TOKEN=abc\npassword = \"x=y\"\nDSN=postgres://real\nEMPTY_SECRET=\nsecret: s\n";
        let clean = without_secrets(text, &["password".into(), "token".into(), "secret".into()], &env, &mut named);
        assert_eq!(
            clean,
            "# token=\nDEBUG=1\nAPI_TOKEN=replaced-in-rehearsal\npassword = \"replaced-in-rehearsal\"\nDSN=postgres://staging\nEMPTY_SECRET=\nsecret: replaced-in-rehearsal\n"
        );
        assert_eq!(named, ["API_TOKEN", "password", "DSN", "secret"]);
    }
}
