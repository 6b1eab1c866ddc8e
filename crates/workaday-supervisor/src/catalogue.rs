//! What the code in a folder states, asked of one child that runs nothing: for the deploy gate.

use crate::child::{Application, ChildProcess, Pipe, Recipe};
use crate::interpreter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_engine::ChildNo;
use workaday_engine::crew::ChildKind;
use workaday_wire::Frame;

/// Imports may be slow; beyond this nobody waits.
const WITHIN: Duration = Duration::from_secs(60);
/// Of what the import printed, the last lines are shown.
const LINES_SHOWN: usize = 5;

/// Imports `app` in `root` and gives the catalogue entries as stated.
///
/// The child is told of a store in `scratch`: what an import enqueues by mistake goes nowhere.
pub fn state(app: &str, root: &Path, python: Option<&Path>, scratch: &Path) -> Result<Vec<Value>, Problem> {
    let recipe = Recipe {
        application: Some(Application { python: interpreter::find(python)?, app: app.to_owned() }),
        root: root.to_path_buf(),
        database: scratch.join("catalogue.db"),
        instance: "catalogue".to_owned(),
        generation: 0,
        release: None,
    };
    let system = |error: std::io::Error| failed(app, root, &format!("it could not be started: {error}"));
    let lock = std::fs::File::create(scratch.join("children")).map_err(system)?;
    let mut child = ChildProcess::spawn(&recipe, ChildNo(0), ChildKind::Sync, &lock).map_err(system)?;
    let answer = listen(&mut child, app, root);
    child.signal(Signal::KILL);
    // Looked for again and again: a child can be waited for without a limit or not at all, and one that the kernel holds would hold us.
    let until = Instant::now() + Duration::from_secs(5);
    while child.reap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    answer
}

fn listen(child: &mut ChildProcess, app: &str, root: &Path) -> Result<Vec<Value>, Problem> {
    let until = Instant::now() + WITHIN;
    let mut printed: Vec<String> = vec![];
    loop {
        wait(child);
        for pipe in [&mut child.stdout, &mut child.stderr] {
            read_all(pipe, &mut printed);
        }
        while child.read(Timestamp(0)) {}
        while let Some(frame) =
            child.decoder.next().map_err(|error| failed(app, root, &format!("it does not speak the protocol: {error:?}")))?
        {
            match frame {
                Frame::Hello { json } => return entries(&json).map_err(|why| failed(app, root, &why)),
                Frame::Bye { json } => {
                    let why = crate::translate::import_error(&json).unwrap_or_else(|| "it left without a word".to_owned());
                    return Err(failed(app, root, &why));
                }
                _ => {}
            }
        }
        if child.closed_at.is_some() || Instant::now() >= until {
            let last = printed.iter().rev().take(LINES_SHOWN).rev().cloned().collect::<Vec<_>>().join(" / ");
            let why = if child.closed_at.is_some() { "it ended before it stated its tasks" } else { "it did not state its tasks in time" };
            return Err(failed(app, root, &format!("{why}: {last}")));
        }
    }
}

fn wait(child: &ChildProcess) {
    let mut sources = vec![PollFd::new(&child.wire, PollFlags::IN)];
    sources.extend([&child.stdout, &child.stderr].into_iter().flatten().map(|pipe| PollFd::new(&pipe.file, PollFlags::IN)));
    // Woken at least this often, so that the time is kept.
    let _ = poll(&mut sources, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 }));
}

fn read_all(pipe: &mut Option<Pipe>, printed: &mut Vec<String>) {
    if pipe.as_mut().is_some_and(|open| !open.read_lines(&mut |line| printed.push(line))) {
        *pipe = None;
    }
}

fn entries(hello: &str) -> Result<Vec<Value>, String> {
    let value: Value = serde_json::from_str(hello).map_err(|error| format!("hello is no JSON: {error}"))?;
    Ok(value.get("catalogue").and_then(Value::as_array).cloned().unwrap_or_default())
}

fn failed(app: &str, root: &Path, why: &str) -> Problem {
    Problem::new("worker.import_failed", format!("`{app}` in `{}` could not be imported: {why}", root.display()))
        .expected("an app that imports in the interpreter of the workers")
        .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing was changed")
}
