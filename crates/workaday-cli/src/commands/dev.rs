//! `dev [MODULE:APP]`: the web service and the workers in one terminal, started anew when code changes.
//!
//! A configuration that does not read keeps the old one running and says why. Ctrl-C stops both; if this process is
//! killed, the kernel stops them.

mod part;
mod watch;

use crate::args::Dev;
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::text;
use part::Part;
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use watch::Tree;
use workaday_config::Settings;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_supervisor::signals::Signals;

/// An editor writes several files at once; they count as one change.
const SETTLE: Duration = Duration::from_millis(50);
/// How often the parts are looked at: has one ended by itself?
const LOOK: Duration = Duration::from_millis(200);

pub fn run(args: &Dev, context: &mut Context) -> Done {
    let settings = context.settings_with(args.worker.as_deref())?.clone();
    let app = settings.app.clone().ok_or_else(|| super::up::app_missing("dev", &settings))?;
    let signals = Signals::open().map_err(|error| no_system("signals could not be opened", &error))?;
    let mut tree = Tree::open(&settings.root).map_err(|error| no_system("the folder could not be watched", &error))?;
    let mut parts = parts(args, context, &settings, &app)?;
    for part in &mut parts {
        part.start()?;
    }
    say(&format!("{} in {}; a changed file starts them anew, Ctrl-C ends", names(&parts), settings.root.display()));
    loop {
        let woken = wait(&signals, &tree);
        if !signals.read().is_empty() {
            say("stopping");
            parts.iter_mut().for_each(Part::ask_to_stop);
            parts.iter_mut().for_each(Part::wait_or_kill);
            return Ok(DONE);
        }
        if woken && let Some(changed) = settled(&mut tree) {
            reload(&changed, context, &mut parts)?;
        }
        for part in &mut parts {
            if let Some(how) = part.ended() {
                say(&format!("{} ended ({how}); it is started anew when a file changes", part.name));
            }
        }
    }
}

/// The two processes: this very program, and uvicorn when a web service was named.
fn parts(args: &Dev, context: &Context, settings: &Settings, app: &str) -> Result<Vec<Part>, Failure> {
    let program = std::env::current_exe().map_err(|error| no_system("the program's own path is unknown", &error))?;
    let mut up: Vec<OsString> = vec!["up".into(), app.into()];
    if let Some(config) = &context.common.config {
        up.extend(["--config".into(), std::path::absolute(config).unwrap_or_else(|_| config.clone()).into()]);
    }
    up.extend(["--database".into(), settings.database.path().into()]);
    let mut parts = vec![Part::new("workers", program, up, settings)];
    if let Some(api) = &args.api {
        if !workaday_config::kind::is_app(api) {
            let expected = "module:app of an ASGI service, for example \"api:app\"";
            return Err(crate::failure::usage(format!("MODULE:APP is \"{api}\""), expected).into());
        }
        let python: PathBuf = workaday_supervisor::interpreter::find(settings.worker.python.as_deref())?;
        let port = args.port.to_string();
        let uvicorn: Vec<OsString> = ["-m", "uvicorn", api, "--host", &args.host, "--port", &port].iter().map(OsString::from).collect();
        parts.push(Part::new("web", python, uvicorn, settings));
    }
    Ok(parts)
}

fn names(parts: &[Part]) -> String {
    parts.iter().map(|part| part.name).collect::<Vec<_>>().join(" and ")
}

/// Waits for a signal or a changed file, at most [`LOOK`]. `true`: the tree has something to say.
fn wait(signals: &Signals, tree: &Tree) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let (signals, tree) = (signals.fd(), tree.as_fd());
    let mut fds = [PollFd::new(&signals, PollFlags::IN), PollFd::new(&tree, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: LOOK.as_nanos() as i64 };
    poll(&mut fds, Some(&patience)).is_ok() && fds[1].revents().contains(PollFlags::IN)
}

/// The first relevant change, after the others that belong to it have arrived.
fn settled(tree: &mut Tree) -> Option<String> {
    let first = tree.changed()?;
    let quiet_at = Instant::now() + SETTLE;
    while Instant::now() < quiet_at {
        std::thread::sleep(SETTLE / 5);
        tree.changed();
    }
    Some(first)
}

fn reload(changed: &str, context: &Context, parts: &mut [Part]) -> Result<(), Failure> {
    let began = Instant::now();
    // Asked on every change: stopping what runs for a start that would be refused helps nobody.
    if let Err(failure) = Context::new(context.common.clone()).settings() {
        if let Failure::Problems(problems) = &failure {
            problems.iter().for_each(|problem| say(&problem.to_string()));
        }
        say("the old configuration stays until that is mended");
        return Ok(());
    }
    // Asked together, waited for together: one slow part does not delay the other.
    parts.iter_mut().for_each(Part::ask_to_stop);
    for part in parts.iter_mut() {
        part.wait_or_kill();
        part.start()?;
    }
    say(&format!("{changed} changed: {} started anew after {} ms", names(parts), began.elapsed().as_millis()));
    Ok(())
}

/// Our own lines go to standard error, among those of the parts.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "dev: {}", text::block(line));
}

fn no_system(what: &str, error: &std::io::Error) -> Problem {
    Problem::new("supervisor.system", format!("{what}: {error}"))
        .expected("a Linux system with free descriptors")
        .retry(RetryAdvice::Safe, "safe now; nothing was started")
}
