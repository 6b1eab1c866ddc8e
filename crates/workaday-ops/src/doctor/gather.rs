//! Looks once at everything. What cannot be looked at stays `None`; a store that fails to answer is no reason to say nothing of the rest.

use super::facts::{Alerts, Backup, Clock, Facts, Rehearsed, Release, Schedules, Security, Store, System, Tasks, Worker};
use super::{leaks, machine};
use crate::{files, git};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use workaday_config::settings::{Auth, Settings};
use workaday_config::{alerts, release as practice};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::ending::is_death;
use workaday_core::schedule::{Pause, ScheduleState};
use workaday_store::sqlite::read::{Reader, WorkerStatus, open_reader};
use workaday_store::sqlite::{checkpoint, file_system, schema};
use workaday_store::{beside, migrate};

const DAY: Length = Length(86_400_000_000);
/// Jobs whose arguments and lines are looked through.
const SAMPLE: usize = 100;
const LIST: usize = 1_000;

/// What the checklist looks at.
pub struct Ground<'a> {
    pub settings: &'a Settings,
    pub now: Timestamp,
    /// The interpreter of the workers, if one was found.
    pub python: Option<PathBuf>,
}

pub fn gather(ground: &Ground<'_>) -> Facts {
    let settings = ground.settings;
    let database = settings.database.path();
    let reader = if database.exists() { open_reader(database).ok() } else { None };
    let reader = reader.as_ref();
    let supervisor = beside::supervisor(database);
    let pid = supervisor.as_ref().and_then(|found| found.pid);
    Facts {
        now: ground.now,
        store: store(ground, reader, pid),
        backup: backup(settings, reader),
        worker: worker(reader, supervisor.is_some(), pid, ground.now),
        tasks: reader.and_then(|reader| tasks(reader, ground.now)),
        schedules: reader.and_then(|reader| schedules(reader, ground.now)),
        clock: Clock {
            is_synchronised: machine::is_synchronised(),
            zones: zones(reader),
            ahead: reader.and_then(|reader| ahead(reader, ground.now)),
        },
        security: security(settings, reader, pid),
        release: release(settings, reader),
        system: System { exposure: machine::exposure(pid), leftovers: leftovers(database) },
        alerts: Alerts {
            receivers: alerts::stated(settings).routes.len(),
            undelivered: reader.and_then(|reader| {
                let rows = reader.notices(true, None, LIST).ok()?;
                Some(rows.iter().filter(|row| row.created_at >= ground.now - DAY).count())
            }),
        },
    }
}

/// Where commands make scratch folders: beside the store, and among temporary files.
pub fn scratch_folders(database: &Path) -> Vec<PathBuf> {
    let beside = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    vec![beside.to_path_buf(), std::env::temp_dir()]
}

fn leftovers(database: &Path) -> Vec<String> {
    let restores = crate::scratch::leftovers(&scratch_folders(database), true).into_iter().map(|left| left.path);
    let all = restores.chain(crate::rehearsal::leftovers(true).into_iter().map(|left| left.path));
    all.map(|path| path.display().to_string()).collect()
}

fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.mode() & 0o7777)
}

fn store(ground: &Ground<'_>, reader: Option<&Reader>, pid: Option<i64>) -> Store {
    let path = ground.settings.database.path();
    let is_present = path.exists();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let limits = alerts::stated(ground.settings);
    // The worst of the file and of those beside it: what is in the WAL is in the store.
    let beside = ["", "-wal", "-shm"].iter().filter_map(|end| mode(&files::with_end(path, end)));
    Store {
        path: path.display().to_string(),
        is_present,
        mode: beside.reduce(|one, other| one | other),
        folder_mode: is_present.then(|| mode(folder)).flatten(),
        owner: std::fs::metadata(path).ok().map(|found| found.uid()),
        user: pid.and_then(machine::uid_of),
        asker: rustix::process::geteuid().as_raw(),
        file_system: is_present.then(|| file_system::verdict(path)),
        schema: schema::inspect(path).ok().filter(|_| is_present).map(|found| (found.number, found.differences)),
        newest_schema: migrate::NEWEST,
        sqlite: schema::sqlite_version().to_owned(),
        python_sqlite: ground.python.as_deref().and_then(machine::python_sqlite),
        wal_bytes: is_present.then(|| checkpoint::wal_bytes(path)),
        wal_max: limits.wal_size,
        disk_free: files::free_bytes(folder),
        disk_free_min: limits.disk_free,
        sync_us: is_present.then(|| machine::sync_us(folder)).flatten(),
        is_copy: reader.and_then(|reader| reader.is_copy().ok().flatten()),
        writer: is_present.then(|| machine::long_writer(path)).flatten(),
    }
}

fn backup(settings: &Settings, reader: Option<&Reader>) -> Backup {
    let stated = practice::backup(settings);
    let status = reader.and_then(|reader| reader.backup_status().ok());
    let device = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    Backup {
        newest: status.as_ref().map(|status| status.newest.as_ref().map(|row| row.at)),
        gone: status.as_ref().and_then(|status| status.gone.as_ref()).map(|row| row.path.clone()),
        proved: status.as_ref().map(|status| status.proved.as_ref().and_then(|row| row.proved_at)),
        every: stated.every,
        is_same_disk: device(&stated.folder).zip(device(settings.database.path())).map(|(one, other)| one == other),
    }
}

fn worker(reader: Option<&Reader>, is_running: bool, pid: Option<i64>, now: Timestamp) -> Worker {
    let living = reader.and_then(|reader| reader.workers(false, LIST).ok());
    let died = |row: &&WorkerStatus| row.kind != "supervisor" && row.end_cause.as_deref().is_some_and(is_death);
    Worker {
        is_running,
        seen_at: living.and_then(|rows| rows.iter().filter(|row| row.kind == "supervisor").map(|row| row.seen_at).max()),
        open_files_max: pid.and_then(machine::open_files_max),
        uid: pid.and_then(machine::uid_of),
        memory_free: machine::memory_free(),
        deaths: reader.and_then(|reader| Some(reader.worker_ends(now - DAY, LIST).ok()?.iter().filter(died).count())),
    }
}

fn tasks(reader: &Reader, now: Timestamp) -> Option<Tasks> {
    let rows = reader.tasks().ok()?;
    let entries: Vec<TaskEntry> = rows.iter().filter(|row| row.present).filter_map(|row| serde_json::from_str(&row.entry).ok()).collect();
    if entries.is_empty() {
        return None;
    }
    let lacking =
        |is_lacking: fn(&TaskEntry) -> bool| entries.iter().filter(|entry| is_lacking(entry)).map(|entry| entry.name.clone()).collect();
    let empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    let status = reader.status(now).ok()?;
    let names = |field: fn(&TaskEntry) -> &Option<String>| {
        entries.iter().filter(|entry| empty(field(entry))).map(|entry| entry.name.clone()).collect::<Vec<_>>()
    };
    Some(Tasks {
        without_owner: names(|entry| &entry.owner),
        without_expects: names(|entry| &entry.expects),
        without_rollback: names(|entry| &entry.rollback),
        without_timeout: lacking(|entry| entry.timeout_us.is_none()),
        retried_unsafe: lacking(|entry| entry.retry_safe == Some(false) && entry.attempts() > 1),
        held: status.held,
        waiting_since: status.oldest_waiting_at,
        discarded: status.discarded_last_day,
    })
}

fn schedules(reader: &Reader, now: Timestamp) -> Option<Schedules> {
    let rows = reader.schedules().ok()?;
    let mut found = Schedules { health: reader.schedule_health(now).ok()?, ..Schedules::default() };
    for row in rows {
        match row.state {
            ScheduleState::Broken => found.broken.push(row.name),
            ScheduleState::Active if row.pause() == Pause::No => {
                let ticks = reader.ticks(&row.name, None, 50).ok()?;
                let ran = ticks.iter().any(|seen| seen.tick.reason.is_none());
                if !ran && !ticks.is_empty() {
                    found.never_run.push(row.name);
                } else if !ran && row.next_at.is_none() {
                    // A one-off that ran has no tick to come either; this one never had any.
                    found.unreachable.push(row.name);
                }
            }
            _ => {}
        }
    }
    Some(found)
}

/// How far the newest that the store knows lies in the future: then this clock, or the one before, is wrong.
fn ahead(reader: &Reader, now: Timestamp) -> Option<Length> {
    let ends = reader.worker_ends(Timestamp(0), LIST).ok()?;
    let living = reader.workers(false, LIST).ok()?;
    let seen = living.iter().chain(&ends).flat_map(|row| [Some(row.started_at), Some(row.seen_at), row.ended_at]).flatten();
    let released = reader.releases(None, 1).ok()?.into_iter().map(|row| row.started_at);
    let newest = seen.chain(released).max()?;
    Some(Length((newest - now).0.max(0)))
}

fn zones(reader: Option<&Reader>) -> Option<String> {
    let kept = reader.and_then(|reader| reader.zone_mark().ok().flatten()).filter(|mark| !mark.is_empty());
    machine::zone_version().or(kept)
}

fn security(settings: &Settings, reader: Option<&Reader>, pid: Option<i64>) -> Security {
    let (web, security) = (&settings.web, &settings.security);
    let mask = &security.mask;
    let config = settings.file.as_deref();
    let text = config.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let dotenv = settings.root.join(".env");
    Security {
        is_served: web.enabled,
        bind: web.bind.clone(),
        public_url: web.public_url.clone(),
        auth: match web.auth {
            Auth::Login => "login",
            Auth::Proxy => "proxy",
            Auth::Nobody => "none",
        },
        has_proxies: !web.trusted_proxies.is_empty(),
        users: reader.and_then(|reader| reader.users().ok()).map(|users| users.len()),
        endless_tokens: reader
            .and_then(|reader| reader.tokens().ok())
            .map(|tokens| tokens.into_iter().filter(|token| token.expires_at.is_none()).map(|token| token.name).collect()),
        environment: pid.and_then(|pid| leaks::environment(pid, mask)),
        arguments: reader.and_then(|reader| leaks::arguments(reader, mask, SAMPLE)),
        logs: reader.and_then(|reader| leaks::logs(reader, mask, SAMPLE)),
        config_mode: config.and_then(mode),
        config_holds_secrets: text.lines().any(|line| leaks::is_telling(line, mask)),
        dotenv_mode: settings.root.is_dir().then(|| mode(&dotenv)),
        body_max: security.body_max,
        proxy: super::proxy::look(Path::new("/")),
        missing_headers: machine::missing_headers(settings.database.path()),
    }
}

fn release(settings: &Settings, reader: Option<&Reader>) -> Release {
    let stated = practice::release(settings);
    let repository = git::Repository::of(&settings.root);
    let head = repository.as_ref().and_then(git::Repository::head);
    let newest = reader.and_then(|reader| reader.rehearsals(1).ok());
    Release {
        open: reader
            .and_then(|reader| reader.releases(None, 1).ok())
            .map(|rows| rows.first().filter(|row| row.state == "open").map(|row| (row.release, row.started_at))),
        has_staging: stated.staging.is_some(),
        rehearsed: newest.map(|rows| {
            rows.first().map(|row| Rehearsed {
                at: row.at,
                passed: row.passed,
                is_of_this_revision: head.as_ref().map(|head| *head == row.revision),
            })
        }),
        expires: stated.staging.as_ref().map_or(DAY, |staging| staging.expires),
        dirt: repository.map(|repository| repository.dirt(&stated.notes).changed),
    }
}
