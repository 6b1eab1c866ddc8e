//! `release`: the pipeline, and what becomes of one that was cut off or turned out worse.

mod host;
mod show;

use super::confirm::confirm;
use super::leftovers;
use crate::args::{By, Release, ReleaseAbort, ReleaseResume, ReleaseRollback, ReleaseRun};
use crate::beside;
use crate::context::{Context, length};
use crate::failure::{DONE, Done, FAILED, Failure, WORSE};
use crate::text;
use host::Machine;
use serde_json::{Value, json};
use workaday_config::release::{self as settings, OnWorse};
use workaday_core::clock::Length;
use workaday_core::explain::Problem;
use workaday_engine::settings::ends_within;
use workaday_ops::release::{Asked, Ended, EvidenceJudge, Ground, Kind, Pipeline, Plan, ReleaseLock, Resume, prepare, refuse_open};

pub fn run(args: &Release, context: &mut Context) -> Done {
    match args {
        Release::Run(args) => start(args, context),
        Release::Resume(args) => resume(args, context),
        Release::Abort(args) => abort(args, context),
        Release::Rollback(args) => rollback(args, context),
        Release::List(args) => show::list(args, context),
        Release::Show(args) => show::one(args.id, context),
    }
}

fn start(args: &ReleaseRun, context: &mut Context) -> Done {
    let asked = Asked {
        kind: Kind::Release,
        undo: None,
        reason: args.reason.clone(),
        assumptions: args.assumptions.clone(),
        command: (!args.command.is_empty()).then(|| args.command.clone()),
        clear_caches: args.clear_caches.clone(),
        watch: watch(args.watch.as_deref())?,
        owner: args.owner.clone(),
    };
    carry_out(&asked, args.dry_run, context)
}

fn rollback(args: &ReleaseRollback, context: &mut Context) -> Done {
    let asked = Asked {
        kind: Kind::Rollback,
        undo: args.id,
        reason: args.reason.clone().unwrap_or_else(|| "rollback".to_owned()),
        assumptions: vec![],
        command: None,
        clear_caches: args.clear_caches.clone(),
        watch: watch(args.watch.as_deref())?,
        owner: None,
    };
    carry_out(&asked, args.dry_run, context)
}

fn watch(given: Option<&str>) -> Result<Option<Length>, Problem> {
    given.map(|text| length(text, "--watch")).transpose()
}

fn carry_out(asked: &Asked, dry_run: bool, context: &mut Context) -> Done {
    let ground = ground(context)?;
    let lock = ReleaseLock::take(&ground.database, context.now())?;
    leftovers::clear(context, &ground.database);
    refuse_open(&ground.database)?;
    let mut machine = Machine::new(context, &By { reason: Some(asked.reason.clone()), owner: asked.owner.clone() })?;
    let prepared = prepare(&ground, asked, &mut machine).map_err(Failure::Problems)?;
    if dry_run {
        return say_plan(&prepared.plan, context);
    }
    let now = context.now();
    let mut pipeline = Pipeline::open(&ground, &EvidenceJudge, prepared.plan, lock, now)?;
    let mut machine = Machine::new(context, &By { reason: Some(asked.reason.clone()), owner: asked.owner.clone() })?;
    let ended = pipeline.run(Resume::default(), &mut machine)?;
    drop(pipeline);
    settle(asked.kind, asked.watch, &ended, context)
}

fn resume(args: &ReleaseResume, context: &mut Context) -> Done {
    let ground = ground(context)?;
    let lock = ReleaseLock::take(&ground.database, context.now())?;
    leftovers::clear(context, &ground.database);
    let mut pipeline = Pipeline::take_up(&ground, &EvidenceJudge, lock)?;
    let (kind, watch) = (pipeline.kind(), Length(pipeline.plan.watch_us));
    let mut machine = Machine::new(context, &By::default())?;
    let ended = pipeline.run(Resume { deployed: args.deployed }, &mut machine)?;
    drop(pipeline);
    settle(kind, Some(watch), &ended, context)
}

fn abort(args: &ReleaseAbort, context: &mut Context) -> Done {
    let ground = ground(context)?;
    let lock = ReleaseLock::take(&ground.database, context.now())?;
    leftovers::clear(context, &ground.database);
    let mut pipeline = Pipeline::take_up(&ground, &EvidenceJudge, lock)?;
    if args.dry_run {
        let release = pipeline.release;
        if context.out.json {
            context.out.json(&json!({"release": release, "dry_run": true}))?;
        } else {
            context.out.line(format!("Would close release {release} as it stands."))?;
        }
        return Ok(DONE);
    }
    let mut machine = Machine::new(context, &By::default())?;
    let ended = pipeline.abort(&mut machine)?;
    let served = beside::supervisor(&ground.database).is_some();
    report(&ended, None, context)?;
    if !context.out.json {
        if ended.state == "aborted" && ended.deployed {
            context
                .out
                .line(format!("Its deploy command had begun: look what is in place. To go back: {}.", text::line(&ended.way_back)))?;
        }
        if served && ended.drained && !ended.deployed {
            context
                .out
                .line("The supervisor was asked to stop, and nothing was deployed that starts it: when it has, start `workaday up`.")?;
        }
        say_unserved(served, context)?;
    }
    Ok(DONE)
}

/// Whoever released goes on believing that jobs run, unless somebody says otherwise.
fn say_unserved(served: bool, context: &mut Context) -> Result<(), Failure> {
    if !served {
        context.out.line("No supervisor runs: start `workaday up`.")?;
    }
    Ok(())
}

/// After the end: says it, and on worse asks or goes back, as configured.
fn settle(kind: Kind, watch: Option<Length>, ended: &Ended, context: &mut Context) -> Done {
    let code = match ended.state {
        "worse" => WORSE,
        "failed" => FAILED,
        _ => DONE,
    };
    let policy = settings::release(context.settings()?).on_worse;
    let bad = code == WORSE || code == FAILED && ended.deployed;
    // A rollback that turned out bad is not rolled back by itself: that would go to and fro.
    let back = bad && kind == Kind::Release && go_back(policy, ended, context)?;
    let database = context.existing()?;
    if !back {
        report(ended, None, context)?;
        if code == FAILED && !context.out.json {
            say_unserved(beside::supervisor(&database).is_some(), context)?;
        }
        return Ok(code);
    }
    let why = format!("release {} turned out {}", ended.release, if code == WORSE { "worse" } else { "to fail" });
    let undone = undo(ended.release, why, watch, context);
    report(ended, Some(&undone), context)?;
    let undone_well = undone.as_ref().is_ok_and(|undone| undone.state != "failed");
    if !undone_well && !context.out.json {
        say_unserved(beside::supervisor(&database).is_some(), context)?;
    }
    // What is refused on the way back is in the report; the exit code stays that of the release.
    Ok(code)
}

fn go_back(policy: OnWorse, ended: &Ended, context: &Context) -> Result<bool, Failure> {
    use std::io::IsTerminal;
    Ok(match policy {
        OnWorse::Rollback => true,
        OnWorse::Keep => false,
        OnWorse::Ask if !std::io::stdin().is_terminal() || context.out.json => false,
        OnWorse::Ask => {
            let why = ended.judgement.as_ref().and_then(|found| found.sentences.first().cloned());
            let why = why.or_else(|| ended.problem.as_ref().map(|problem| problem.message.clone())).unwrap_or_default();
            confirm(&format!("{} Put the release before back", text::line(&why)), false)?.is_none()
        }
    })
}

fn undo(release: i64, reason: String, watch: Option<Length>, context: &mut Context) -> Result<Ended, Failure> {
    let ground = ground(context)?;
    let lock = ReleaseLock::take(&ground.database, context.now())?;
    leftovers::clear(context, &ground.database);
    let asked = Asked {
        kind: Kind::Rollback,
        undo: Some(release),
        reason: reason.clone(),
        assumptions: vec![],
        command: None,
        clear_caches: vec![],
        watch,
        owner: None,
    };
    let mut machine = Machine::new(context, &By { reason: Some(reason), owner: None })?;
    let prepared = prepare(&ground, &asked, &mut machine).map_err(Failure::Problems)?;
    let mut pipeline = Pipeline::open(&ground, &EvidenceJudge, prepared.plan, lock, context.now())?;
    let mut machine = Machine::new(context, &By::default())?;
    Ok(pipeline.run(Resume::default(), &mut machine)?)
}

fn document(ended: &Ended) -> Value {
    json!({
        "release": ended.release, "state": ended.state, "judgement": ended.judgement, "deployed": ended.deployed,
        "problem": ended.problem.as_ref().map(Problem::to_json), "note": ended.note, "remarks": ended.remarks,
    })
}

fn report(ended: &Ended, undone: Option<&Result<Ended, Failure>>, context: &mut Context) -> Result<(), Failure> {
    if context.out.json {
        let mut whole = document(ended);
        whole["rolled_back"] = match undone {
            Some(Ok(undone)) => document(undone),
            _ => Value::Null,
        };
        whole["rollback_refused"] = refusals(undone).iter().map(Problem::to_json).collect();
        context.out.json(&whole)?;
        return Ok(());
    }
    for one in [Some(ended), undone.and_then(|undone| undone.as_ref().ok())].into_iter().flatten() {
        say(one, context)?;
    }
    for problem in refusals(undone) {
        context.out.line("The release before was not put back:")?;
        context.out.line(text::block(&problem.to_string()))?;
    }
    Ok(())
}

/// Why the way back was not gone, if it was wanted.
fn refusals(undone: Option<&Result<Ended, Failure>>) -> Vec<Problem> {
    match undone {
        Some(Err(Failure::Problems(problems))) => problems.clone(),
        _ => vec![],
    }
}

fn say(ended: &Ended, context: &mut Context) -> Result<(), Failure> {
    if let Some(problem) = &ended.problem {
        context.out.line(text::block(&problem.to_string()))?;
    }
    let verdict = ended.judgement.as_ref().map_or_else(String::new, |found| format!(", {}", found.verdict.as_str()));
    context.out.line(format!("Release {}: {}{verdict}.", ended.release, ended.state))?;
    for sentence in ended.judgement.iter().flat_map(|found| &found.sentences) {
        context.out.line(format!("  {}", text::line(sentence)))?;
    }
    for remark in &ended.remarks {
        context.out.line(text::line(remark))?;
    }
    context.out.line(format!("The note: {}", super::backup::shown(&ended.note)))?;
    if ended.state == "worse" {
        context.out.line(format!("To go back: {}.", text::line(&ended.way_back)))?;
    }
    Ok(())
}

fn say_plan(plan: &Plan, context: &mut Context) -> Done {
    if context.out.json {
        context.out.json(&json!({"dry_run": true, "plan": plan}))?;
        return Ok(DONE);
    }
    let revision = workaday_ops::git::short(&plan.revision);
    context.out.line(format!("Would put {revision} in place with `{}`.", text::line(&workaday_ops::command::line(&plan.deploy))))?;
    context.out.line(format!("Gate: {}", text::line(&plan.gate)))?;
    for warning in &plan.warnings {
        context.out.line(format!("Warning: {}", text::line(warning)))?;
    }
    Ok(DONE)
}

/// A supervisor that is stuck is ended a moment after its time.
const END_MARGIN: Length = Length::seconds(4);

fn ground(context: &Context) -> Result<Ground, Failure> {
    let database = context.existing()?;
    let known = context.settings()?;
    let beside = database.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    Ok(Ground {
        root: known.root.clone(),
        config: known.file.clone(),
        settings: settings::release(known),
        outputs: beside.join("releases"),
        drain_within: Length(ends_within(known.worker.grace, known.worker.kill_after).0 + END_MARGIN.0),
        database,
    })
}

/// What is rehearsed is what is committed, as what is released.
pub fn dirty(root: &std::path::Path, notes: &std::path::Path) -> Result<(), Problem> {
    match workaday_ops::git::Repository::of(root) {
        Some(repository) => {
            let changed = repository.dirt(notes).changed;
            if changed.is_empty() { Ok(()) } else { Err(workaday_ops::release::dirty(&changed)) }
        }
        None => Err(workaday_ops::release::no_repository(root)),
    }
}
