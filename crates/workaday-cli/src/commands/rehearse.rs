//! `rehearse`: the real commands in a scratch place, forth and back, with a proof that is kept.

use super::leftovers;
use super::release::dirty;
use crate::args::{By, RehearsalPlay, RehearsalProbe, Rehearse};
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::render::Tone;
use crate::text;
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use workaday_config::kind::Value;
use workaday_config::release;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_ops::rehearsal::{PLANTED, Planted, Proof, REFUSED_EXIT, Request, Scene, Stage, Trap, enter, play, probe, set, take_away};
use workaday_ops::release::fingerprint;
use workaday_store::Store;
use workaday_store::sqlite::NewRehearsal;

const SCENE: &str = "scene.json";
const PROOF: &str = "proof.json";

pub fn run(args: &Rehearse, context: &mut Context) -> Done {
    let settings = release::release(context.settings()?);
    let Some(staging) = settings.staging.clone() else { return Err(no_staging().into()) };
    let database = context.existing()?;
    let known = context.settings()?;
    let (root, config) = (known.root.clone(), known.file.clone());
    dirty(&root, &settings.notes)?;
    let began = context.now();
    let program = std::env::current_exe().map_err(|error| stage_failed(&error.to_string()))?;
    let mask = match known.value("security", "", "mask") {
        Some(Value::Texts(words)) => words,
        _ => vec![],
    };
    let request =
        Request { database: &database, root: &root, settings: &settings, staging: &staging, program, mask, is_unsafe: args.is_unsafe };
    leftovers::clear(context, &database);
    let mut stage = set(&request, &mut |id, scratch| {
        let (id, scratch) = (id.to_owned(), scratch.to_path_buf());
        leftovers::before_ending(move || {
            leftovers::end_marked(&id);
            take_away(&scratch);
        });
    })?;
    stage.keep = args.keep;
    let mut proof = carry_out(&mut stage, &database)?;
    let ended = leftovers::end_marked(&stage.scene.id);
    if ended > 0 {
        proof
            .steps
            .iter_mut()
            .filter(|step| step.step == "rollback")
            .for_each(|step| step.says += &format!("; {ended} processes were left and ended"));
    }
    if !args.keep {
        for remark in stage.drop_databases() {
            tracing::warn!("{remark}");
            proof.steps.iter_mut().filter(|step| step.step == "rollback").for_each(|step| step.says += &format!("; {remark}"));
        }
    }
    if !proof.refused {
        let new = NewRehearsal {
            at: began,
            took_us: (context.now() - began).0,
            revision: proof.revision.clone(),
            config_hash: fingerprint(&root, config.as_deref()).config,
            level: proof.level,
            passed: proof.passed,
            proof: serde_json::to_string(&proof).unwrap_or_default(),
        };
        let by = context.by(&By::default());
        let now = context.now();
        transaction(&mut context.writer()?, |store| {
            store.write_rehearsal(&new)?;
            store.note(&by, "rehearse", &new.revision, None, now)
        })?;
    }
    report(&proof, &stage, context)
}

/// Plays it in a process of its own, in the jail when that is asked for; where the kernel refuses the jail, without.
fn carry_out(stage: &mut Stage, database: &Path) -> Result<Proof, Failure> {
    // It listens outside: who reaches it could reach production.
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| stage_failed(&error.to_string()))?;
    stage.scene.listener = listener.local_addr().ok();
    let planted = Planted::beside(&stage.scratch).map_err(|error| stage_failed(&error.to_string()))?;
    let production = stage.scene.production.clone();
    planted.show(&mut stage.scene, &[&production, database.parent().unwrap_or(&production)]);
    let scene = stage.scratch.join(SCENE);
    std::fs::write(&scene, serde_json::to_vec(&stage.scene).unwrap_or_default()).map_err(|error| stage_failed(&error.to_string()))?;
    let jail = stage.scene.wanted >= 3;
    let (mut code, mut said) = start(stage, &scene, jail)?;
    if jail && code == Some(REFUSED_EXIT) {
        (code, said) = start(stage, &scene, false)?;
    }
    let read = std::fs::read(stage.scratch.join(PROOF)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    drop((listener, planted));
    read.ok_or_else(|| stage_failed(&format!("the player ended with {code:?}: {said}")).into())
}

fn start(stage: &Stage, scene: &Path, jail: bool) -> Result<(Option<i32>, String), Failure> {
    let mut command = Command::new(&stage.scene.program);
    command
        .arg("rehearsal-play")
        .arg("--scene")
        .arg(scene)
        .current_dir(&stage.scene.work)
        .env(PLANTED, "postgresql://planted@production/shop")
        // The player too: should we be killed, the next rehearsal ends it before it clears its place.
        .env("WORKADAY_REHEARSAL", &stage.scene.id);
    if jail {
        command.arg("--jail");
    }
    // A group of its own: Ctrl-C comes to us alone, and we end it.
    command.process_group(0);
    let done = command.stdin(Stdio::null()).output().map_err(|error| stage_failed(&error.to_string()))?;
    leftovers::still_going();
    Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).trim().to_owned()))
}

/// Inside: plays, and leaves the proof in the scratch place.
pub fn player(args: &RehearsalPlay) -> Done {
    let scene = scene(&args.scene)?;
    if args.jail
        && let Err(error) = enter(&scene.scratch)
    {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("no namespaces here: {error}\n").as_bytes());
        std::process::exit(REFUSED_EXIT);
    }
    let proof = play(&scene)?;
    let text = serde_json::to_vec(&proof).unwrap_or_default();
    std::fs::write(scene.scratch.join(PROOF), text).map_err(|error| stage_failed(&error.to_string()))?;
    Ok(DONE)
}

/// Inside, as a command of the user would be: what can be reached from here?
pub fn prober(args: &RehearsalProbe, context: &mut Context) -> Done {
    let scene = scene(&args.scene)?;
    let found = probe(&scene);
    context.out.json_line(&json!(found))?;
    Ok(DONE)
}

fn scene(path: &Path) -> Result<Scene, Problem> {
    let read = || serde_json::from_slice(&std::fs::read(path).ok()?).ok();
    read().ok_or_else(|| stage_failed(&format!("`{}` does not read", path.display())))
}

fn report(proof: &Proof, stage: &Stage, context: &mut Context) -> Done {
    let kept: Option<PathBuf> = stage.keep.then(|| stage.scratch.clone());
    if proof.refused {
        return Err(too_weak(proof).into());
    }
    if context.out.json {
        context.out.json(&json!({"proof": proof, "kept": kept}))?;
    } else {
        say(proof, context)?;
        if let Some(kept) = &kept {
            context.out.line(format!("The scratch place stays at {}.", super::backup::shown(kept)))?;
            for copied in &stage.scene.postgres {
                context.out.line(format!("The database {} stays too: DROP DATABASE ends it.", copied.database))?;
            }
        }
    }
    if proof.passed {
        return Ok(DONE);
    }
    let step = proof.steps.iter().find(|step| !step.passed).map(|step| format!("{}: {}", step.step, step.says));
    let why = step.into_iter().chain(proof.differences.iter().cloned()).collect::<Vec<_>>().join("; ");
    Err(Problem::new("rehearse.failed", format!("the rehearsal failed: {why}"))
        .expected("every step green, and all as before after the way back")
        .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing real was touched")
        .hint("--keep leaves the scratch place there, with all that the commands printed in `outputs`")
        .into())
}

fn say(proof: &Proof, context: &mut Context) -> Result<(), Failure> {
    let out = &mut context.out;
    out.line(format!("Isolation: level {} ({} is configured).", proof.level, proof.wanted))?;
    for trap in &proof.traps {
        let (mark, tone) = if trap.stopped { ("stopped", Tone::Good) } else { ("reached", Tone::Wait) };
        let from =
            if trap.stopped || trap.level <= proof.wanted { String::new() } else { format!(" (stopped from level {} on)", trap.level) };
        out.line(format!("  {}  {}{from}", out.paint(tone, mark), text::line(&named(trap))))?;
    }
    for step in &proof.steps {
        let (mark, tone) = if step.passed { ("passed", Tone::Good) } else { ("failed", Tone::Bad) };
        out.line(format!("  {}  {}: {}", out.paint(tone, mark), step.step, text::line(&step.says)))?;
    }
    for difference in &proof.differences {
        out.line(format!("  {}  after the way back {}", out.paint(Tone::Bad, "differs"), text::line(difference)))?;
    }
    if !proof.replaced.is_empty() {
        out.line(format!("Secrets replaced: {}.", text::line(&proof.replaced.join(", "))))?;
    }
    let revision = workaday_ops::git::short(&proof.revision);
    out.line(if proof.passed {
        format!("Proved for {revision}: it goes forth and back. New commits and another workaday.toml end the proof.")
    } else {
        format!("Not proved for {revision}.")
    })?;
    Ok(())
}

/// A trap with what was reached, the first of many.
fn named(trap: &Trap) -> String {
    const SHOWN: usize = 3;
    let more = trap.reached.len().saturating_sub(SHOWN);
    let first = trap.reached.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match (trap.reached.is_empty(), more) {
        (true, _) => trap.trap.clone(),
        (_, 0) => format!("{} ({first})", trap.trap),
        _ => format!("{} ({first} and {more} more)", trap.trap),
    }
}

fn too_weak(proof: &Proof) -> Problem {
    let reached: Vec<String> = proof.traps.iter().filter(|trap| !trap.stopped && trap.level <= proof.wanted).map(named).collect();
    Problem::new("rehearse.isolation", format!("level {} of isolation was reached, {} is configured", proof.level, proof.wanted))
        .expected("every trap up to that level stopped")
        .got(format!("reached: {}", reached.join(", ")))
        .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing was played")
        .hint("--unsafe rehearses all the same; a release still asks for the configured level")
}

fn no_staging() -> Problem {
    Problem::new("rehearse.no_staging", "there is no [release.staging] in workaday.toml")
        .expected("[release.staging] with a level, and the files and databases to copy")
        .retry(RetryAdvice::SafeAfterFix, "safe once it is there; nothing real was touched")
        .hint("docs/guides/rehearsing.md begins with a small one")
}

fn stage_failed(why: &str) -> Problem {
    Problem::new("rehearse.stage_failed", format!("the scratch place could not be set up or used: {why}"))
        .expected("a temporary folder with room, and this program")
        .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing real was touched")
}
