//! `init`: a configuration, a task and its test that pass as they are. Never overwrites.

use crate::args::Init;
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::{text, words};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};

const FILES: &[(&str, &str)] = &[
    ("workaday.toml", include_str!("init/workaday.toml")),
    ("jobs.py", include_str!("init/jobs.py.txt")),
    ("test_jobs.py", include_str!("init/test_jobs.py.txt")),
];

pub fn run(args: &Init, context: &mut Context) -> Done {
    let there: Vec<&str> =
        FILES.iter().map(|(name, _)| *name).filter(|name| std::fs::symlink_metadata(args.folder.join(name)).is_ok()).collect();
    if !there.is_empty() {
        return Err(exists(&args.folder, &there).into());
    }
    if !args.dry_run {
        std::fs::create_dir_all(&args.folder).map_err(|error| unwritable(&args.folder, &error))?;
        for (name, content) in FILES {
            write_new(&args.folder.join(name), content)?;
        }
    }
    report(args, context)
}

fn report(args: &Init, context: &mut Context) -> Done {
    let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    if context.out.json {
        context.out.json(&json!({"folder": args.folder, "files": names, "dry_run": args.dry_run}))?;
        return Ok(DONE);
    }
    let verb = if args.dry_run { "Would write" } else { "Wrote" };
    let place = if args.folder == Path::new(".") { String::new() } else { format!(" into {}", args.folder.display()) };
    context.out.line(text::line(&format!("{verb} {}{place}.", names.join(", "))))?;
    if !args.dry_run {
        context.out.line("")?;
        context.out.line("  workaday up            # in one terminal: the workers")?;
        context.out.line("  # in another terminal: a job, and its result")?;
        context.out.line("  workaday enqueue jobs.hello --args '{\"name\": \"you\"}' --wait")?;
        context.out.line("  python -m pytest       # the test of the example (pip install pytest)")?;
    }
    Ok(DONE)
}

/// Made new: what came into being since we looked is not overwritten either.
fn write_new(path: &Path, content: &str) -> Result<(), Failure> {
    let write = || std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(content.as_bytes());
    write().map_err(|error| unwritable(path, &error).into())
}

fn exists(folder: &Path, there: &[&str]) -> Problem {
    let are = if there.len() == 1 { "is" } else { "are" };
    Problem::new("init.exists", format!("nothing was written: {} {are} there already", words::listed(there)))
        .expected(format!("a folder without {}", FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")))
        .got(folder.display().to_string())
        .retry(RetryAdvice::SafeAfterFix, "safe in another folder: `workaday init FOLDER`; nothing is ever overwritten")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("init.unwritable", format!("`{}` could not be written: {error}", path.display()))
        .expected("a folder that this user may write to")
        .retry(RetryAdvice::SafeAfterFix, "safe once it can be written")
}
