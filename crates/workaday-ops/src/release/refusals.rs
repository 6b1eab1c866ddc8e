//! What must hold before the first step. Everything that does not is said at once: nobody mends one thing to hear of the next.

use super::Host;
use super::gate::{changed_tasks, fitting, misfits, unowned};
use super::plan::{self, Kind, Plan, Previous, fingerprint, last_in_place};
use crate::command::{Ran, Surroundings, run};
use crate::git::{Repository, short};
use crate::scratch::{self, Scratch};
use serde_json::Value;
use std::path::{Path, PathBuf};
use workaday_config::release::Release as Settings;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::sqlite::read::ReleaseRow;
use workaday_store::{Reader, open_reader};

const NOTHING: &str = "nothing was deployed";

/// The project and its settings.
#[derive(Clone, Debug)]
pub struct Ground {
    pub database: PathBuf,
    /// The folder of workaday.toml.
    pub root: PathBuf,
    pub config: Option<PathBuf>,
    pub settings: Settings,
    /// Where the output of commands is kept.
    pub outputs: PathBuf,
    /// How long a drain may take.
    pub drain_within: Length,
}

/// What somebody asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub kind: Kind,
    /// Rollback: the release to undo; else the last one that was deployed.
    pub undo: Option<i64>,
    pub reason: String,
    pub assumptions: Vec<String>,
    /// In place of `[release] deploy` or `rollback`.
    pub command: Option<Vec<String>>,
    pub clear_caches: Vec<String>,
    pub watch: Option<Length>,
    pub owner: Option<String>,
}

/// All that was found out before.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub plan: Plan,
}

/// Looks at everything, runs the checks, and gives the plan or every reason against it.
pub fn prepare(ground: &Ground, asked: &Asked, host: &mut dyn Host) -> Result<Prepared, Vec<Problem>> {
    let settings = &ground.settings;
    let Some(repository) = Repository::of(&ground.root) else { return Err(vec![no_repository(&ground.root)]) };
    let reader = open_reader(&ground.database).map_err(|error| vec![error.problem()])?;
    let mut against = vec![];
    let head = repository.head().unwrap_or_default();
    let dirt = repository.dirt(&settings.notes);
    if !dirt.changed.is_empty() {
        against.push(dirty(&dirt.changed));
    }
    against.extend(missing_words(settings, asked));
    against.extend(unknown_caches(settings, asked));
    let in_place = last_in_place(&reader).map_err(|problem| vec![problem])?;
    let (revision, previous, undoes) = match asked.kind {
        Kind::Release => {
            let previous = in_place.as_ref().map(|(row, plan)| Previous { release: row.release, revision: plan.revision.clone() });
            (head.clone(), previous, None)
        }
        Kind::Rollback => match way_back(&reader, &repository, asked.undo) {
            Ok((undone, target)) => (target.revision, Some(Previous { release: undone.0, revision: undone.1 }), Some(undone.0)),
            Err(problem) => {
                against.push(problem);
                (head.clone(), None, None)
            }
        },
    };
    let deploy = match asked.kind {
        Kind::Release => asked.command.clone().or_else(|| settings.deploy.clone()),
        Kind::Rollback => asked.command.clone().or_else(|| settings.rollback.clone()),
    };
    let rehearsal = match asked.kind {
        Kind::Release => rehearsed(ground, &reader, &head, host.now()).unwrap_or_else(|problem| {
            against.push(problem);
            None
        }),
        Kind::Rollback => None,
    };
    let (gate, tasks_changed) = judge_code(ground, &repository, &reader, asked.kind, &revision, &head, host, &mut against);
    let checks = if asked.kind == Kind::Release { run_checks(ground, host, &mut against) } else { vec![] };
    let now = fingerprint(&ground.root, ground.config.as_deref());
    let files_touched = plan::touched(&repository, previous.as_ref(), &revision, &settings.notes);
    let warnings = match asked.kind {
        Kind::Release => plan::warnings(in_place.as_ref().map(|(_, plan)| plan), &now, &files_touched, &settings.notes),
        Kind::Rollback => vec![],
    };
    for warning in &warnings {
        host.say(&format!("warning: {warning}"));
    }
    if !against.is_empty() {
        return Err(against);
    }
    Ok(Prepared {
        plan: Plan {
            kind: asked.kind,
            revision,
            previous,
            undoes,
            reason: asked.reason.clone(),
            assumptions: asked.assumptions.clone(),
            owner: asked.owner.clone().or_else(|| settings.owner.clone()).unwrap_or_default(),
            expects: settings.expects.clone().unwrap_or_default(),
            deploy: deploy.unwrap_or_default(),
            rollback: settings.rollback.clone().unwrap_or_default(),
            clear_caches: asked.clear_caches.clone(),
            watch_us: asked.watch.unwrap_or(settings.watch).0,
            fingerprint: now,
            files_touched,
            untracked: dirt.untracked,
            warnings,
            checks,
            rehearsal,
            gate,
            tasks_changed,
        },
    })
}

/// The folder belongs to no repository.
pub fn no_repository(root: &Path) -> Problem {
    Problem::new("release.no_repository", format!("`{}` is in no git repository with a commit", root.display()))
        .expected("a revision that can be named, compared and gone back to")
        .retry(RetryAdvice::SafeAfterFix, format!("safe in a repository; {NOTHING}"))
        .hint("git init, git add, git commit")
}

/// Tracked files differ.
pub fn dirty(changed: &[String]) -> Problem {
    const SHOWN: usize = 10;
    let more = if changed.len() > SHOWN { format!(" and {} more", changed.len() - SHOWN) } else { String::new() };
    let differ = if changed.len() == 1 { "1 tracked file differs".to_owned() } else { format!("{} tracked files differ", changed.len()) };
    Problem::new("release.dirty", format!("{differ} from the commit"))
        .expected("what is released is what is committed")
        .got(format!("{}{more}", changed.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")))
        .retry(RetryAdvice::SafeAfterFix, format!("safe after a commit or `git stash`; {NOTHING}"))
}

fn missing_words(settings: &Settings, asked: &Asked) -> Vec<Problem> {
    let fields = [
        ("owner", asked.owner.is_some() || settings.owner.is_some()),
        ("expects", settings.expects.is_some()),
        ("rollback", settings.rollback.is_some()),
    ];
    let lacks: Vec<&str> = fields.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    let mut problems = vec![];
    if !lacks.is_empty() {
        problems.push(
            Problem::new("release.unowned", format!("[release] says no {}", lacks.join(", no ")))
                .expected("who stands for releases, what holds when one has worked, and the command that goes back")
                .retry(RetryAdvice::SafeAfterFix, format!("safe once they stand in workaday.toml; {NOTHING}")),
        );
    }
    if asked.kind == Kind::Release && asked.command.is_none() && settings.deploy.is_none() {
        problems.push(
            Problem::new("release.no_deploy", "there is no deploy command")
                .expected("`[release] deploy`, or the command after `--`: workaday release run --reason … -- make deploy")
                .retry(RetryAdvice::SafeAfterFix, format!("safe with one; {NOTHING}")),
        );
    }
    problems
}

fn unknown_caches(settings: &Settings, asked: &Asked) -> Vec<Problem> {
    let known: Vec<&str> = settings.caches.keys().map(String::as_str).collect();
    let unknown = asked.clear_caches.iter().filter(|name| !settings.caches.contains_key(*name));
    unknown
        .map(|name| {
            let problem = Problem::new("release.unknown_cache", format!("there is no cache `{name}`"))
                .expected(if known.is_empty() {
                    "a name of `[release] caches`, which has none".to_owned()
                } else {
                    format!("one of {}", known.join(", "))
                })
                .retry(RetryAdvice::SafeAfterFix, format!("safe with another name; {NOTHING}"));
            problem.meant(name, known.iter().copied())
        })
        .collect()
}

type Undone = (i64, String);

/// The release to undo, and the one before it, both as recorded.
fn way_back(reader: &Reader, repository: &Repository, undo: Option<i64>) -> Result<(Undone, Previous), Problem> {
    const LOOK_BACK: usize = 200;
    let explained = |error: workaday_store::StoreError| error.problem();
    let was_deployed = |number: i64| -> Result<bool, Problem> {
        Ok(reader.release_steps(number).map_err(explained)?.iter().any(|step| step.step == "deploy"))
    };
    let row = match undo {
        Some(number) => reader.release(number).map_err(explained)?.ok_or_else(|| not_found(number))?,
        None => {
            let mut found = None;
            for row in reader.releases(None, LOOK_BACK).map_err(explained)? {
                if row.state != "open" && was_deployed(row.release)? {
                    found = Some(row);
                    break;
                }
            }
            let found = found.ok_or_else(|| {
                Problem::new("release.no_previous", "no release is recorded that could be undone")
                    .expected("a release that was deployed by `workaday release run`")
                    .retry(RetryAdvice::SafeAfterFix, "safe after a first release; nothing was changed")
            })?;
            once_more(reader, found)?
        }
    };
    let plan: Plan = serde_json::from_str(&row.plan).map_err(|_| not_found(row.release))?;
    let previous = plan.previous.ok_or_else(|| {
        Problem::new("release.no_previous", format!("no release is recorded before release {}", row.release))
            .expected("a recorded release to go back to: the one before is never guessed")
            .retry(RetryAdvice::SafeAfterFix, "safe once there is one; nothing was changed")
            .hint("put the old code in place by hand, then record it: workaday release run --reason \"back to …\"")
    })?;
    if repository.revision(&previous.revision).is_none() {
        return Err(Problem::new(
            "release.revision_gone",
            format!("the revision {} of release {} is not in the repository", short(&previous.revision), previous.release),
        )
        .expected("the recorded revision, to go back to it")
        .retry(RetryAdvice::SafeAfterFix, "safe after `git fetch`; nothing was changed"));
    }
    Ok(((row.release, plan.revision), previous))
}

/// What is undone when the last that was deployed is itself a rollback. One that did not get through is tried once more:
/// undoing it would put back the very release that somebody is fleeing. After one that did, the next step is said, not guessed.
fn once_more(reader: &Reader, last: ReleaseRow) -> Result<ReleaseRow, Problem> {
    let plan: Plan = serde_json::from_str(&last.plan).map_err(|_| not_found(last.release))?;
    let (Kind::Rollback, Some(undone)) = (plan.kind, plan.undoes) else { return Ok(last) };
    if last.state == "failed" || last.state == "aborted" {
        return reader.release(undone).map_err(|error| error.problem())?.ok_or_else(|| not_found(undone));
    }
    // What is in place now is the release before the undone one: undoing that goes one further, if there is a further one.
    let previous_of = |number: i64| -> Result<Option<i64>, Problem> {
        let row = reader.release(number).map_err(|error| error.problem())?;
        let plan = row.and_then(|row| serde_json::from_str::<Plan>(&row.plan).ok());
        Ok(plan.and_then(|plan| plan.previous).map(|previous| previous.release))
    };
    let further = match previous_of(undone)? {
        Some(in_place) if previous_of(in_place)?.is_some() => format!(", `workaday release rollback {in_place}` goes further back"),
        _ => String::new(),
    };
    Err(Problem::new("release.rolled_back", format!("release {undone} was undone already, by rollback {}", last.release))
        .expected("the number of the release to undo, after a rollback")
        .retry(RetryAdvice::SafeAfterFix, format!("safe with a number; {NOTHING}"))
        .hint(format!("`workaday release rollback {}` puts release {undone} back{further}", last.release)))
}

pub(super) fn not_found(number: i64) -> Problem {
    Problem::new("release.not_found", format!("there is no release {number}"))
        .expected("a number that `workaday release list` shows")
        .retry(RetryAdvice::SafeAfterFix, "safe with another number; nothing was changed")
}

/// The proof that stands for this revision and configuration. `None`: none is asked for.
fn rehearsed(ground: &Ground, reader: &Reader, head: &str, now: Timestamp) -> Result<Option<i64>, Problem> {
    let Some(staging) = &ground.settings.staging else { return Ok(None) };
    let last = reader.rehearsals(1).map_err(|error| error.problem())?.pop();
    let rehearse = "`workaday rehearse` makes one";
    let Some(last) = last else {
        return Err(Problem::new("release.rehearsal_missing", "[release.staging] is configured, and this was never rehearsed")
            .expected("a rehearsal of this revision that passed")
            .retry(RetryAdvice::SafeAfterFix, format!("safe after a rehearsal; {NOTHING}"))
            .hint(rehearse));
    };
    let config = fingerprint(&ground.root, ground.config.as_deref()).config;
    let why = if !last.passed {
        "it failed".to_owned()
    } else if last.revision != head {
        format!("it was of revision {}, this is {}", short(&last.revision), short(head))
    } else if last.config_hash != config {
        "workaday.toml has changed since".to_owned()
    } else if last.at + staging.expires < now {
        "its time is up".to_owned()
    } else if last.level < staging.level {
        format!("it reached level {} and {} is configured", last.level, staging.level)
    } else {
        return Ok(Some(last.rehearsal));
    };
    Err(Problem::new("release.rehearsal_stale", format!("rehearsal {} does not stand for this release: {why}", last.rehearsal))
        .expected("a rehearsal of this revision and configuration that passed")
        .retry(RetryAdvice::SafeAfterFix, format!("safe after a new rehearsal; {NOTHING}"))
        .hint(rehearse))
}

/// The deploy gate. Returns what it found, in words, and the tasks that are new or changed.
#[allow(clippy::too_many_arguments)] // one caller, and each is a different thing
fn judge_code(
    ground: &Ground,
    repository: &Repository,
    reader: &Reader,
    kind: Kind,
    revision: &str,
    head: &str,
    host: &mut dyn Host,
    against: &mut Vec<Problem>,
) -> (String, Vec<String>) {
    host.say("gate: reading the tasks of the new code");
    let stated = match code_at(ground, repository, revision, head, host) {
        Ok(stated) => stated,
        Err(problem) if problem.code == "worker.import_failed" => {
            against.push(
                Problem::new("release.import_failed", problem.message)
                    .expected("new code that imports in the interpreter of the workers")
                    .retry(RetryAdvice::SafeAfterFix, format!("safe after that is mended; {NOTHING}")),
            );
            return (String::new(), vec![]);
        }
        Err(problem) => {
            against.push(problem);
            return (String::new(), vec![]);
        }
    };
    let new: Vec<TaskEntry> = stated.iter().filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect();
    let found = match misfits(reader, &new) {
        Ok(found) => found,
        Err(problem) => {
            against.push(problem);
            return (String::new(), vec![]);
        }
    };
    against.extend(found.problems());
    let mut words = fitting(found.looked_at, new.len());
    let mut tasks_changed = vec![];
    if kind == Kind::Release {
        match changed_tasks(reader, &stated) {
            Ok(changed) => {
                against.extend(unowned(&changed, &new));
                tasks_changed.extend(changed);
                if !tasks_changed.is_empty() {
                    words += &format!("; new or changed: {}", tasks_changed.join(", "));
                }
            }
            Err(problem) => against.push(problem),
        }
    }
    (words + ".", tasks_changed)
}

/// The catalogue of a revision: of the folder itself, else of a checkout beside it.
fn code_at(ground: &Ground, repository: &Repository, revision: &str, head: &str, host: &mut dyn Host) -> Result<Vec<Value>, Problem> {
    if revision == head {
        return host.catalogue(&ground.root);
    }
    let not_checked_out = |error: String| {
        Problem::new("release.revision_gone", format!("revision {} could not be checked out: {error}", short(revision)))
            .expected("the recorded revision in the repository, and room in the temporary folder")
            .retry(RetryAdvice::SafeAfterFix, "safe after `git fetch`; nothing was changed")
    };
    let scratch = Scratch::new(&std::env::temp_dir(), scratch::Kind::Code).map_err(|error| not_checked_out(error.to_string()))?;
    let folder = scratch.path().join(scratch::TREE);
    repository.check_out(revision, &folder).map_err(not_checked_out)?;
    let stated = host.catalogue(&folder.join(repository.prefix()));
    repository.take_away(&folder);
    stated
}

fn run_checks(ground: &Ground, host: &mut dyn Host, against: &mut Vec<Problem>) -> Vec<Ran> {
    let around = Surroundings { folder: ground.root.clone(), ..Surroundings::default() };
    let mut all = vec![];
    for (name, argv) in &ground.settings.checks {
        host.say(&format!("check {name}: {}", crate::command::line(argv)));
        let ran = run(argv, &around, ground.settings.check_timeout, &ground.outputs.join("checks").join(format!("{name}.log")));
        if !ran.succeeded() {
            against.push(
                Problem::new("release.check_failed", format!("the check `{name}` is red: `{}`, {}", ran.line(), ran.ending()))
                    .expected("exit code 0")
                    .got(ran.last_lines(5))
                    .retry(RetryAdvice::SafeAfterFix, format!("safe once it is green; {NOTHING}"))
                    .hint(format!("all it printed is in {}", ran.output.display())),
            );
        }
        all.push(ran);
    }
    all
}
