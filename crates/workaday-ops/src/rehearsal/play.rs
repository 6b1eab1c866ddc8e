//! What is played in the scratch place, and the proof of it. Runs inside the isolation.

use super::postgres::Copied;
use super::state::{State, differences};
use super::traps::{Probed, Trap, level};
use crate::command::{Ran, Surroundings, run};
use crate::probe;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use workaday_config::release::Probe;
use workaday_core::clock::Length;
use workaday_core::explain::Problem;

/// How often the service, or the store of the rehearsal, is asked again: neither can tell us by itself.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// A schedule that is run here may take this long.
const JOB_WITHIN: Duration = Duration::from_secs(60);

/// All that the player has to know; written into the scratch place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scene {
    pub id: String,
    pub scratch: PathBuf,
    /// The folder of workaday.toml in the clone.
    pub work: PathBuf,
    pub store: PathBuf,
    /// All databases, the store first.
    pub databases: Vec<PathBuf>,
    /// Copies of PostgreSQL databases.
    pub postgres: Vec<Copied>,
    pub config: Vec<PathBuf>,
    pub production: PathBuf,
    pub program: PathBuf,
    pub revision: String,
    /// The revision that is gone back to.
    pub start: String,
    pub deploy: Vec<String>,
    pub rollback: Vec<String>,
    pub health_url: Option<String>,
    pub health_command: Option<Vec<String>>,
    pub integration: Option<Vec<String>>,
    pub schedules: String,
    /// Names of the variables that are inherited; `None`: all.
    pub only: Option<Vec<String>>,
    pub also: Vec<(String, String)>,
    pub port: Option<(String, String)>,
    /// Names whose values were replaced.
    pub replaced: Vec<String>,
    pub wanted: u8,
    pub is_unsafe: bool,
    pub timeout_us: i64,
    pub health_timeout_us: i64,
    /// Stands for everything on the network of production.
    pub listener: Option<SocketAddr>,
    /// Unix sockets of the machine, the planted one among them.
    pub sockets: Vec<PathBuf>,
    /// The planted one without a path.
    pub abstract_socket: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Did {
    pub step: String,
    pub passed: bool,
    pub says: String,
    pub commands: Vec<Ran>,
}

/// What a rehearsal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub passed: bool,
    pub level: u8,
    pub wanted: u8,
    pub traps: Vec<Trap>,
    pub steps: Vec<Did>,
    /// What was not as at the start after the way back.
    pub differences: Vec<String>,
    pub revision: String,
    pub start: String,
    pub replaced: Vec<String>,
    /// Below the configured level nothing is played, unless that was asked for.
    pub refused: bool,
}

/// Plays it all. What the commands left running is ended by the caller.
pub fn play(scene: &Scene) -> Result<Proof, Problem> {
    let mut proof = Proof {
        wanted: scene.wanted,
        revision: scene.revision.clone(),
        start: scene.start.clone(),
        replaced: scene.replaced.clone(),
        ..Proof::default()
    };
    (proof.level, proof.traps) = reached(scene);
    if proof.level < scene.wanted && !scene.is_unsafe {
        proof.refused = true;
        return Ok(proof);
    }
    let start = state(scene)?;
    let mut player = Player { scene, proof };
    let went = player.forth() && player.is_seen(&start)?;
    // The way back is tried also after a failure forth: that is when it is needed.
    let back = player.command("rollback", &scene.rollback, &scene.start) && player.health("health after rollback");
    let mut proof = player.proof;
    proof.differences = differences(&start, &state(scene)?);
    proof.passed = went && back && proof.differences.is_empty();
    Ok(proof)
}

fn state(scene: &Scene) -> Result<State, Problem> {
    State::of(&scene.work, &scene.databases, &scene.postgres, &scene.config)
}

fn around(scene: &Scene, revision: &str) -> Surroundings {
    let mut also = scene.also.clone();
    also.push(("WORKADAY_REVISION".to_owned(), revision.to_owned()));
    also.push(("WORKADAY_PREVIOUS_REVISION".to_owned(), scene.start.clone()));
    // Read here, inside: what would be inherited is what the traps have to see.
    let inherited = |names: &Vec<String>| names.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect();
    Surroundings { folder: scene.work.clone(), only: scene.only.as_ref().map(inherited), also }
}

/// Asks a process that is started as the user's commands are.
fn reached(scene: &Scene) -> (u8, Vec<Trap>) {
    let output = scene.scratch.join("outputs/traps.log");
    let file = scene.scratch.join("scene.json").display().to_string();
    let argv = vec![scene.program.display().to_string(), "rehearsal-probe".to_owned(), "--scene".to_owned(), file];
    let ran = run(&argv, &around(scene, &scene.revision), Length::seconds(30), &output);
    let found: Option<Probed> = ran.tail.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let port = scene.port.as_ref().map(|(_, port)| port.as_str());
    match found {
        Some(found) => level(&found, &scene.scratch, port),
        None => (0, vec![Trap { trap: format!("the probe did not run: {}", ran.tail), level: 1, stopped: false, reached: vec![] }]),
    }
}

struct Player<'a> {
    scene: &'a Scene,
    proof: Proof,
}

impl Player<'_> {
    /// Puts the new code there as a person does before a release, then deploys it and looks at it.
    fn forth(&mut self) -> bool {
        let checkout: Vec<String> = ["git", "checkout", "--quiet", "--detach", &self.scene.revision].map(str::to_owned).to_vec();
        let deploy = self.scene.deploy.clone();
        let revision = self.scene.revision.clone();
        self.command("new code", &checkout, &revision)
            && self.command("deploy", &deploy, &revision)
            && self.health("health after deploy")
            && self.integration()
            && self.schedules()
    }

    /// A deploy that changes nothing proves nothing of its way back.
    fn is_seen(&mut self, start: &State) -> Result<bool, Problem> {
        let seen = *start != state(self.scene)?;
        let says = if seen {
            "the new release can be told from the old one"
        } else {
            "nothing here differs from the start, so going back would prove nothing"
        };
        Ok(self.did("trace", seen, says.to_owned(), vec![]))
    }

    fn did(&mut self, step: &str, passed: bool, says: String, commands: Vec<Ran>) -> bool {
        self.proof.steps.push(Did { step: step.to_owned(), passed, says, commands });
        passed
    }

    fn command(&mut self, step: &str, argv: &[String], revision: &str) -> bool {
        let output = self.scene.scratch.join("outputs").join(format!("{}.log", step.replace(' ', "-")));
        let ran = run(argv, &around(self.scene, revision), Length(self.scene.timeout_us), &output);
        let says = format!("`{}`: {}{}", ran.line(), ran.ending(), if ran.succeeded() { String::new() } else { format!(", {}", ran.tail) });
        self.did(step, ran.succeeded(), says, vec![ran])
    }

    fn health(&mut self, step: &str) -> bool {
        let what = match (&self.scene.health_url, &self.scene.health_command) {
            (Some(url), _) => Probe::Url(url.clone()),
            (None, Some(words)) => Probe::Command(words.clone()),
            (None, None) => return self.did(step, true, "no health is configured, nothing was asked".to_owned(), vec![]),
        };
        let until = Instant::now() + Length(self.scene.health_timeout_us).to_std();
        let around = around(self.scene, &self.scene.revision);
        loop {
            match probe::ask(&what, &around, &self.scene.scratch.join("outputs/health.log")) {
                Ok(answer) => return self.did(step, true, format!("{} says {answer}", probe::shown(&what)), vec![]),
                Err(why) if Instant::now() >= until => return self.did(step, false, why, vec![]),
                Err(_) => std::thread::sleep(PROBE_EVERY),
            }
        }
    }

    fn integration(&mut self) -> bool {
        let revision = self.scene.revision.clone();
        match self.scene.integration.clone() {
            Some(argv) => self.command("integration", &argv, &revision),
            None => self.did("integration", true, "none is configured".to_owned(), vec![]),
        }
    }

    fn schedules(&mut self) -> bool {
        if self.scene.schedules == "skip" {
            return self.did("schedules", true, "left out, as configured".to_owned(), vec![]);
        }
        let names = match self.ask(&["schedule", "list", "--json"]) {
            Ok(text) => names(&text),
            Err(ran) => return self.did("schedules", false, format!("they could not be listed: {}", ran.tail), vec![*ran]),
        };
        if names.is_empty() {
            return self.did("schedules", true, "there are none".to_owned(), vec![]);
        }
        if self.scene.schedules == "run" { self.run_schedules(&names) } else { self.dry_schedules(&names) }
    }

    fn dry_schedules(&mut self, names: &[String]) -> bool {
        for name in names {
            if let Err(ran) = self.ask(&["schedule", "next", name, "-n", "1", "--json"]) {
                return self.did("schedules", false, format!("{name} has no next tick: {}", ran.tail), vec![*ran]);
            }
        }
        self.did("schedules", true, format!("dry: {} have a next tick: {}", names.len(), names.join(", ")), vec![])
    }

    /// Once each, by workers of this place. Waiting jobs of the original are cancelled here first: only the schedules run.
    fn run_schedules(&mut self, names: &[String]) -> bool {
        for state in ["available", "scheduled", "retryable", "pending"] {
            let _ = self.ask(&["job", "cancel", "--state", state, "--yes", "--reason", "rehearsal"]);
        }
        let mut up = std::process::Command::new(&self.scene.program);
        let around = around(self.scene, &self.scene.revision);
        up.args(["up", "--adopt"]).current_dir(&around.folder).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        if let Some(only) = &around.only {
            up.env_clear().envs(only.iter().cloned());
        }
        let log = std::fs::File::create(self.scene.scratch.join("outputs/up.log"));
        let started = log.and_then(|log| up.envs(around.also.iter().cloned()).stderr(log).spawn());
        let mut up = match started {
            Ok(child) => child,
            Err(error) => return self.did("schedules", false, format!("no workers could be started: {error}"), vec![]),
        };
        let wrong: Vec<String> = names.iter().filter_map(|name| self.run_one(name).err().map(|why| format!("{name}: {why}"))).collect();
        let _ = up.kill();
        let _ = up.wait();
        let says = if wrong.is_empty() { format!("each ran once: {}", names.join(", ")) } else { wrong.join("; ") };
        self.did("schedules", wrong.is_empty(), says, vec![])
    }

    fn run_one(&self, name: &str) -> Result<(), String> {
        let text = self.ask(&["schedule", "run", name, "--json", "--reason", "rehearsal"]).map_err(|ran| ran.tail)?;
        let job = job_of(&text).ok_or_else(|| format!("it gave no job: {text}"))?;
        let until = Instant::now() + JOB_WITHIN;
        loop {
            let shown = self.ask(&["job", "show", &job, "--json"]).map_err(|ran| ran.tail)?;
            let state = serde_json::from_str::<serde_json::Value>(&shown).ok().and_then(|shown| shown["state"].as_str().map(str::to_owned));
            match state.as_deref() {
                Some("completed") => return Ok(()),
                Some(state @ ("discarded" | "cancelled")) => return Err(format!("its job was {state}")),
                _ if Instant::now() >= until => return Err("its job did not end in a minute".to_owned()),
                _ => std::thread::sleep(PROBE_EVERY),
            }
        }
    }

    fn ask(&self, words: &[&str]) -> Result<String, Box<Ran>> {
        let argv: Vec<String> =
            std::iter::once(self.scene.program.display().to_string()).chain(words.iter().map(|word| (*word).to_owned())).collect();
        let output = self.scene.scratch.join("outputs/ask.log");
        let ran = run(&argv, &around(self.scene, &self.scene.revision), Length::seconds(60), &output);
        if !ran.succeeded() {
            return Err(Box::new(ran));
        }
        // Whole, where the record keeps the end alone; its first line is the command.
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        Ok(text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default())
    }
}

fn names(text: &str) -> Vec<String> {
    let whole: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let rows = whole.as_array().or_else(|| whole.get("schedules").and_then(serde_json::Value::as_array)).cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect()
}

fn job_of(text: &str) -> Option<String> {
    let whole: serde_json::Value = serde_json::from_str(text).ok()?;
    ["job_id", "job", "id"]
        .iter()
        .find_map(|name| whole.get(*name).and_then(|value| value.as_str().or_else(|| value["id"].as_str())).map(str::to_owned))
}
