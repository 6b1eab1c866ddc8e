//! The steps of a release, each written down before it begins and after it ended.
//!
//! · Will not: guess. A deploy that was cut off is run again only by `resume`, and never while it still runs.
//! · Killed midway: the row says which step; every other step may be repeated without harm.

use super::Host;
use super::judge::{Judge, Judgement, Verdict, Window};
use super::note;
use super::plan::{Kind, Plan};
use super::record::{ReleaseLock, open_row, subject, write, write_note};
use super::refusals::Ground;
use crate::command::{self, Ran, Surroundings};
use crate::git::Repository;
use crate::probe;
use serde_json::{Value, json};
use std::path::PathBuf;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::sqlite::NewRelease;
use workaday_store::sqlite::read::{ReleaseRow, StepRow};
use workaday_store::{Reader, Store, open_reader};

/// In their order; their places are kept in the store.
pub const STEPS: &[&str] = &["backup", "baseline", "drain", "deploy", "caches", "health", "watch", "compare"];
const DEPLOY: usize = 3;
/// A baseline looks back at least this far: ten minutes of watching compare with no less before.
const BASELINE_MIN: Length = Length::minutes(10);
/// How often is asked whether the supervisor has ended, or the service is well: neither can tell us by itself.
const LOOK_EVERY: Length = Length::millis(200);
/// While watching, the service is asked this often.
const PROBE_EVERY: Length = Length::seconds(10);
const ALERTS_MAX: usize = 100;

/// How a release that was cut off is taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The deploy command got through: it is not run again.
    pub deployed: bool,
}

/// What a release came to.
#[derive(Clone, Debug)]
pub struct Ended {
    pub release: i64,
    /// `done`, `worse`, `failed`, `aborted`.
    pub state: &'static str,
    pub judgement: Option<Judgement>,
    pub problem: Option<Problem>,
    /// Did the deploy command run?
    pub deployed: bool,
    /// Was the supervisor asked to stop?
    pub drained: bool,
    /// How to go back, in words.
    pub way_back: String,
    pub note: PathBuf,
    /// What of the note or the tag could not be written.
    pub remarks: Vec<String>,
}

/// A release under way.
pub struct Pipeline<'a> {
    pub ground: &'a Ground,
    pub judge: &'a dyn Judge,
    pub release: i64,
    pub plan: Plan,
    _lock: ReleaseLock,
}

impl<'a> Pipeline<'a> {
    /// Opens a release. The lock was taken before anything was looked at.
    pub fn open(ground: &'a Ground, judge: &'a dyn Judge, plan: Plan, lock: ReleaseLock, now: Timestamp) -> Result<Self, Problem> {
        let new = NewRelease {
            kind: plan.kind.as_str(),
            revision: plan.revision.clone(),
            previous: plan.previous.as_ref().map(|previous| previous.release),
            reason: plan.reason.clone(),
            owner: plan.owner.clone(),
            plan: serde_json::to_string(&plan).unwrap_or_default(),
        };
        let release = write(&ground.database, |store| store.open_release(&new, now))?;
        Ok(Self { ground, judge, release, plan, _lock: lock })
    }

    /// Takes up the release that is open.
    pub fn take_up(ground: &'a Ground, judge: &'a dyn Judge, lock: ReleaseLock) -> Result<Self, Problem> {
        let row = open_row(&ground.database)?.ok_or_else(|| {
            Problem::new("release.none_open", "no release was cut off")
                .expected("a release that began and did not end")
                .retry(RetryAdvice::SafeAfterFix, "there is nothing to do; nothing was changed")
        })?;
        let plan = serde_json::from_str(&row.1).map_err(|error| {
            Problem::new("release.not_found", format!("the plan of release {} does not read: {error}", row.0))
                .expected("a plan of this version")
                .retry(RetryAdvice::SafeAfterFix, "safe with the version that began it, or `workaday release abort`")
        })?;
        Ok(Self { ground, judge, release: row.0, plan, _lock: lock })
    }

    /// Goes through the steps that are not done yet, writes the note, closes.
    pub fn run(&mut self, resume: Resume, host: &mut dyn Host) -> Result<Ended, Problem> {
        self.refuse_while_deploying()?;
        for (seq, step) in STEPS.iter().enumerate() {
            let before = self.steps()?;
            let known = before.iter().find(|row| row.seq == seq);
            if known.is_some_and(|row| row.state == "done" || row.state == "skipped") {
                continue;
            }
            // Closed already as failed, and killed before the note: only the note is missing.
            if known.is_some_and(|row| row.state == "failed") {
                return self.finish("failed", None, None, host);
            }
            let skip_deploy = seq == DEPLOY && resume.deployed && known.is_some();
            let began = host.now();
            write(&self.ground.database, |store| store.begin_step(self.release, seq, step, began))?;
            host.say(&format!("{step} …"));
            let done = if skip_deploy {
                Ok(json!({"says": "said to have got through before it was cut off"}))
            } else {
                self.step(step, &before, host)
            };
            let (state, detail) = match &done {
                Ok(detail) => ("done", detail.clone()),
                Err(failed) => ("failed", json!({"problem": failed.problem.to_json(), "commands": failed.commands})),
            };
            let ended = host.now();
            write(&self.ground.database, |store| store.end_step(self.release, seq, state, &detail.to_string(), ended))?;
            match done {
                Ok(detail) => host.say(&format!("{step}: {}", detail.get("says").and_then(Value::as_str).unwrap_or("done"))),
                Err(failed) => return self.finish("failed", None, Some(failed.problem), host),
            }
        }
        self.conclude(host)
    }

    /// Closes a release that was cut off, as it stands. One that got through every step and was cut off before its end was
    /// written is what it was judged to be: its tag may be set already.
    pub fn abort(&mut self, host: &mut dyn Host) -> Result<Ended, Problem> {
        self.refuse_while_deploying()?;
        let judged = self.steps()?.iter().any(|row| row.step == "compare" && row.state == "done");
        if judged { self.conclude(host) } else { self.finish("aborted", None, None, host) }
    }

    /// The end of a release that got through every step.
    fn conclude(&self, host: &mut dyn Host) -> Result<Ended, Problem> {
        let judgement = self.judgement()?;
        let state = if judgement.as_ref().is_some_and(|found| found.verdict == Verdict::Worse) { "worse" } else { "done" };
        self.finish(state, judgement, None, host)
    }

    fn refuse_while_deploying(&self) -> Result<(), Problem> {
        let Some(pid) = command::still_running(&self.output("deploy")) else { return Ok(()) };
        Err(Problem::new("release.deploy_running", format!("the deploy command of release {} still runs: pid {pid}", self.release))
            .expected("its end: two deploys at once leave nobody knows what")
            .retry(RetryAdvice::SafeAfterFix, "safe once it has ended; nothing was changed")
            .hint(format!(
                "what it prints is in {}; if it got through: `workaday release resume --deployed`",
                self.output("deploy").display()
            )))
    }

    fn step(&self, step: &str, before: &[StepRow], host: &mut dyn Host) -> Result<Value, Failed> {
        match step {
            "backup" => Ok(host.back_up(self.release)?),
            "baseline" => self.baseline(host),
            "drain" => self.drain(host),
            "deploy" => self.deploy(),
            "caches" => self.caches(),
            "health" => self.health(before, host),
            "watch" => self.watch(before, host),
            _ => self.compare(before, host),
        }
    }

    fn baseline(&self, host: &mut dyn Host) -> Result<Value, Failed> {
        let before = host.now();
        let window = Window { since: before - Length(self.plan.watch_us.max(BASELINE_MIN.0)), before };
        let reader = self.reader()?;
        let kept = self.judge.capture(&reader, window)?;
        let outcomes = reader.outcomes_between(window.since, window.before).map_err(|error| error.problem())?;
        let ran = match outcomes.iter().map(|row| row.count).sum::<i64>() {
            0 => "nothing ended in them".to_owned(),
            1 => "1 attempt ended in them".to_owned(),
            ran => format!("{ran} attempts ended in them"),
        };
        let says = format!("{} before the change are kept; {ran}", format_length(Length((window.before - window.since).0)));
        Ok(json!({"baseline": kept, "window": window, "supervisor": host.supervisor(), "says": says}))
    }

    fn drain(&self, host: &mut dyn Host) -> Result<Value, Failed> {
        let Some(pid) = host.supervisor() else { return Ok(json!({"says": "no supervisor was running"})) };
        let began = host.now();
        host.drain()?;
        while host.supervisor() == Some(pid) {
            if host.now() - began > self.ground.drain_within {
                return Err(Problem::new(
                    "release.not_drained",
                    format!("supervisor {pid} still runs after {}", format_length(self.ground.drain_within)),
                )
                .expected("its end within the grace and a little more")
                .retry(RetryAdvice::SafeAfterFix, "nothing was deployed; look at `workaday status`, then release again")
                .into());
            }
            host.sleep(LOOK_EVERY);
        }
        Ok(json!({"supervisor": pid, "says": format!("supervisor {pid} finished what ran and stopped")}))
    }

    fn deploy(&self) -> Result<Value, Failed> {
        let ran = command::run(&self.plan.deploy, &self.around(), self.ground.settings.deploy_timeout, &self.output("deploy"));
        if !ran.succeeded() {
            let problem = failed_command("release.deploy_failed", "the deploy command", &ran, &self.plan.way_back())
                .hint(format!("all it printed is in {}", ran.output.display()));
            return Err(Failed { problem, commands: vec![ran] });
        }
        Ok(json!({"says": format!("`{}` exit code 0", ran.line()), "commands": [ran]}))
    }

    /// Only those that were named.
    fn caches(&self) -> Result<Value, Failed> {
        let mut commands = vec![];
        for name in &self.plan.clear_caches {
            let argv = self.ground.settings.caches.get(name).cloned().unwrap_or_default();
            let ran = command::run(&argv, &self.around(), self.ground.settings.check_timeout, &self.output(&format!("cache-{name}")));
            commands.push(ran.clone());
            if !ran.succeeded() {
                return Err(Failed {
                    problem: failed_command("release.cache_failed", &format!("clearing the cache `{name}`"), &ran, &self.plan.way_back()),
                    commands,
                });
            }
        }
        let says = if commands.is_empty() {
            "none was named, none was cleared".to_owned()
        } else {
            format!("cleared {}", self.plan.clear_caches.join(", "))
        };
        Ok(json!({"says": says, "commands": commands}))
    }

    fn health(&self, before: &[StepRow], host: &mut dyn Host) -> Result<Value, Failed> {
        let had_supervisor = detail(before, "baseline").get("supervisor").is_some_and(Value::is_number);
        let began = host.now();
        loop {
            let found = self.well(had_supervisor, host);
            let took = host.now() - began;
            match found {
                Ok(says) => {
                    let after = match took.0 / 1_000 * 1_000 {
                        0 => String::new(),
                        us => format!(", after {}", format_length(Length(us))),
                    };
                    return Ok(json!({"says": says + &after}));
                }
                Err(why) if took >= self.ground.settings.health_timeout => {
                    return Err(Problem::new(
                        "release.unhealthy",
                        format!("the service was not well within {}: {why}", format_length(self.ground.settings.health_timeout)),
                    )
                    .expected("the workers back, and `[release] health` answering")
                    .retry(RetryAdvice::CheckFirst, "the new release is in place; look at the service")
                    .hint(self.plan.way_back())
                    .into());
                }
                Err(_) => host.sleep(LOOK_EVERY),
            }
        }
    }

    fn well(&self, needs_supervisor: bool, host: &dyn Host) -> Result<String, String> {
        if needs_supervisor && host.supervisor().is_none() {
            return Err("no supervisor has come back: does the deploy command start `workaday up`?".to_owned());
        }
        match &self.ground.settings.health {
            Some(what) => {
                probe::ask(what, &self.around(), &self.output("health")).map(|answer| format!("{} says {answer}", probe::shown(what)))
            }
            None if needs_supervisor => Ok("the supervisor is back; no `[release] health` is configured".to_owned()),
            None => Ok("nothing was asked: no supervisor ran before, and no `[release] health` is configured".to_owned()),
        }
    }

    fn watch(&self, before: &[StepRow], host: &mut dyn Host) -> Result<Value, Failed> {
        let had_supervisor = detail(before, "baseline").get("supervisor").is_some_and(Value::is_number);
        let since = self.deployed_at(before).unwrap_or_else(|| host.now());
        let until = self.well_at(before).unwrap_or(since) + Length(self.plan.watch_us);
        let mut unwell = None;
        let mut said = 0;
        let mut probe_at = host.now();
        while host.now() < until {
            if host.now() >= probe_at {
                unwell = self.well(had_supervisor, host).err();
                probe_at = host.now() + PROBE_EVERY;
                let alerts = self.alerts(since)?;
                for alert in alerts.iter().skip(said) {
                    host.say(&format!("alert since the release: {alert}"));
                }
                said = said.max(alerts.len());
            }
            host.sleep(Length((until - host.now()).0.clamp(1_000, 1_000_000)));
        }
        if self.plan.watch_us > 0 {
            unwell = self.well(had_supervisor, host).err();
        }
        let alerts = self.alerts(since)?;
        let outcomes = self.reader()?.outcomes_between(since, host.now()).map_err(|error| error.problem())?;
        let errors: i64 = outcomes
            .iter()
            .filter(|row| row.outcome != "completed" && row.outcome != "snoozed" && row.outcome != "given_back")
            .map(|row| row.count)
            .sum();
        let attempts: i64 = outcomes.iter().map(|row| row.count).sum();
        let length = if self.plan.watch_us == 0 { "no time was asked for".to_owned() } else { format_length(Length(self.plan.watch_us)) };
        let says = format!(
            "{length}: {attempts} attempts, {errors} that did not complete, {} alerts{}",
            alerts.len(),
            unwell.as_ref().map_or_else(String::new, |why| format!("; not well at the end: {why}"))
        );
        Ok(json!({"says": says, "since": since, "alerts": alerts, "attempts": attempts, "errors": errors, "unwell": unwell}))
    }

    fn alerts(&self, since: Timestamp) -> Result<Vec<String>, Problem> {
        let rows = self.reader()?.alerts(true, None, ALERTS_MAX).map_err(|error| error.problem())?;
        let mut new: Vec<_> = rows.into_iter().filter(|row| row.last_at >= since).collect();
        new.reverse();
        Ok(new.into_iter().map(|row| format!("{} {}: {}", row.code, row.subject, row.message)).collect())
    }

    fn compare(&self, before: &[StepRow], host: &mut dyn Host) -> Result<Value, Failed> {
        let baseline = detail(before, "baseline").get("baseline").cloned().unwrap_or(Value::Null);
        let now = host.now();
        let after = Window { since: self.deployed_at(before).unwrap_or(now), before: now };
        let mut found = self.judge.judge(&self.reader()?, &baseline, after)?;
        // Not well is worse, whatever the numbers say.
        if let Some(why) = detail(before, "watch").get("unwell").and_then(Value::as_str) {
            found.verdict = Verdict::Worse;
            found.sentences.insert(0, format!("The service was not well at the end of the watch: {why}"));
        }
        let (verdict, first) = (found.verdict.as_str(), found.sentences.first().map_or("", String::as_str));
        // The sentence often begins with the verdict: once is enough.
        let says = if first.to_lowercase().starts_with(verdict) { first.to_owned() } else { format!("{verdict}. {first}") };
        let mut detail = serde_json::to_value(&found).unwrap_or_default();
        detail["says"] = says.into();
        Ok(detail)
    }

    /// When the new release was in place and well: the watch begins.
    fn well_at(&self, steps: &[StepRow]) -> Option<Timestamp> {
        steps.iter().find(|row| row.step == "health").and_then(|row| row.ended_at)
    }

    /// After the drain and before the deploy command nothing runs: what ends from here on is the new code's.
    fn deployed_at(&self, steps: &[StepRow]) -> Option<Timestamp> {
        steps.iter().find(|row| row.step == "deploy").map(|row| row.began_at)
    }

    fn judgement(&self) -> Result<Option<Judgement>, Problem> {
        Ok(serde_json::from_value(detail(&self.steps()?, "compare")).ok())
    }

    /// Note, tag, and only then the end in the store: a crash before it leaves the release open, to be resumed.
    fn finish(
        &self,
        state: &'static str,
        judgement: Option<Judgement>,
        problem: Option<Problem>,
        host: &mut dyn Host,
    ) -> Result<Ended, Problem> {
        let steps = self.steps()?;
        let now = host.now();
        let undone = self.undone()?;
        let undone_file = undone.as_ref().map(|row| note::file_name(row.release, &row.reason));
        let text = note::markdown(self.release, &self.plan, &steps, state, now, undone_file.as_deref());
        let notes = self.ground.root.join(&self.ground.settings.notes);
        let file = note::file_name(self.release, &self.plan.reason);
        let path = notes.join(&file);
        let mut remarks = vec![];
        if let Err(error) = write_note(&path, &text) {
            remarks.push(format!("the note stands in the store alone, `{}` could not be written: {error}", path.display()));
        }
        if (state == "done" || state == "worse") && self.ground.settings.tag {
            remarks.extend(self.tag(&text));
        }
        let deployed = steps.iter().any(|row| row.step == "deploy");
        let drained = steps.iter().any(|row| row.step == "drain");
        let told = undone.filter(|_| deployed).and_then(|row| {
            let how = note::Undone { release: self.release, file: &file, state, command: &self.plan.deploy, at: now };
            let known = row.note?;
            // The file may have been written into, or may have gone with its commit: one that is not there is not made again.
            let of_undone = notes.join(undone_file?);
            if let Ok(in_file) = std::fs::read_to_string(&of_undone)
                && let Err(error) = write_note(&of_undone, &note::rolled_back(&in_file, &how))
            {
                remarks.push(format!("`{}` does not say that it was rolled back: {error}", of_undone.display()));
            }
            Some((row.release, note::rolled_back(&known, &how)))
        });
        let verdict = judgement.as_ref().map(|found| found.verdict.as_str());
        let why = judgement.as_ref().and_then(|found| found.sentences.first()).map_or("", String::as_str);
        write(&self.ground.database, |store| {
            if state == "worse" {
                store.raise_alert(
                    "release.worse",
                    &subject(self.release),
                    &format!("release {} turned out worse: {why}", self.release),
                    now,
                )?;
            }
            // What was undone needs no hand any more.
            if let (Some(undone), "done") = (self.plan.undoes, state) {
                store.close_alert("release.worse", &subject(undone), now)?;
            }
            if let Some((undone, text)) = &told {
                store.put_note(*undone, text)?;
            }
            store.close_release(self.release, state, verdict, &text, now)
        })?;
        Ok(Ended {
            release: self.release,
            state,
            judgement,
            problem,
            deployed,
            drained,
            way_back: self.plan.way_back(),
            note: path,
            remarks,
        })
    }

    /// The release that this one undoes, as recorded.
    fn undone(&self) -> Result<Option<ReleaseRow>, Problem> {
        let Some(number) = self.plan.undoes else { return Ok(None) };
        self.reader()?.release(number).map_err(|error| error.problem())
    }

    fn tag(&self, text: &str) -> Option<String> {
        let name = format!("release-{:04}", self.release);
        let repository = Repository::of(&self.ground.root)?;
        if repository.revision(&name).is_some() {
            return None;
        }
        repository.tag(&name, &self.plan.revision, text).err().map(|error| format!("the tag {name} could not be set: {error}"))
    }

    fn around(&self) -> Surroundings {
        let mut also = vec![
            ("WORKADAY_REVISION".to_owned(), self.plan.revision.clone()),
            ("WORKADAY_RELEASE_NUMBER".to_owned(), self.release.to_string()),
            ("WORKADAY_RELEASE_KIND".to_owned(), self.plan.kind.as_str().to_owned()),
        ];
        if let Some(previous) = &self.plan.previous {
            also.push(("WORKADAY_PREVIOUS_REVISION".to_owned(), previous.revision.clone()));
        }
        Surroundings { folder: self.ground.root.clone(), only: None, also }
    }

    fn output(&self, name: &str) -> PathBuf {
        self.ground.outputs.join(format!("{:04}", self.release)).join(format!("{name}.log"))
    }

    fn steps(&self) -> Result<Vec<StepRow>, Problem> {
        self.reader()?.release_steps(self.release).map_err(|error| error.problem())
    }

    fn reader(&self) -> Result<Reader, Problem> {
        // Anew each time: the deploy may have brought the store to another schema.
        open_reader(&self.ground.database).map_err(|error| error.problem())
    }

    /// What kind it is, for words.
    pub fn kind(&self) -> Kind {
        self.plan.kind
    }
}

/// A step that did not get through.
struct Failed {
    problem: Problem,
    commands: Vec<Ran>,
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self { problem, commands: vec![] }
    }
}

fn failed_command(code: &'static str, what: &str, ran: &Ran, way_back: &str) -> Problem {
    Problem::new(code, format!("{what} failed: `{}`, {}", ran.line(), ran.ending()))
        .expected("exit code 0")
        .got(ran.last_lines(3))
        .retry(RetryAdvice::CheckFirst, format!("look what it did; {way_back}"))
}

fn detail(steps: &[StepRow], step: &str) -> Value {
    let row = steps.iter().find(|row| row.step == step);
    row.and_then(|row| serde_json::from_str(row.detail.as_deref()?).ok()).unwrap_or(Value::Null)
}
