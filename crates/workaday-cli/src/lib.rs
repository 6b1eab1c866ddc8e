//! The command line: parses, asks the store, prints. It decides nothing that `core` decides and speaks no SQL.
//!
//! | module | does |
//! |---|---|
//! | [`args`] | every command and option, once |
//! | [`commands`] | one file a command |
//! | [`context`] | settings, store, clock and output of one run |
//! | [`beside`] | the files beside the store: is a supervisor there, wake it |
//! | [`facts`] | what explains a job |
//! | [`document`] | rows as JSON |
//! | [`render`] | words, tables, colour |
//! | [`progress`] | how far long work has come |
//! | [`words`] | times and counts as people read them |
//! | [`text`] | text of jobs made safe to show |
//! | [`usage`] | a command line that does not read |
//! | [`failure`] | problems and exit codes |
//! | [`log_writer`] | standard error that holds nobody up |
//! | [`reference`] | docs/reference/cli.md |

pub mod args;
pub use workaday_engine::{document, facts};
pub use workaday_store::beside;
pub mod commands;
pub mod context;
pub mod failure;
pub mod log_writer;
pub mod progress;
pub mod reference;
pub mod render;
pub mod text;
pub mod usage;
pub mod words;

use args::Line;
use clap::Parser;
use clap::error::ErrorKind;
use context::Context;
use failure::{Failure, USAGE};
use std::io::Write;
use std::process::ExitCode;
use workaday_core::explain::Problem;

/// Runs the program: parses the command line, runs the command, says what went wrong.
pub fn run() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => return not_understood(&error),
    };
    let mut context = Context::new(line.common);
    let done = commands::run(line.command, &mut context).and_then(|code| {
        context.out.flush()?;
        Ok(code)
    });
    let code = match done {
        Ok(code) => code,
        Err(failure) => {
            // What was printed before the failure belongs before its words.
            let _ = context.out.flush();
            if let Failure::Problems(problems) = &failure {
                complain(problems, context.common.json);
            }
            failure.exit_code()
        }
    };
    ExitCode::from(code)
}

/// Prints problems to standard error, in words or as one JSON document.
fn complain(problems: &[Problem], json: bool) {
    let mut stderr = std::io::stderr().lock();
    // Nothing is left to be done when even standard error is gone.
    if !json {
        for problem in problems {
            let _ = writeln!(stderr, "{}", text::block(&problem.to_string()));
        }
        return;
    }
    let Some((first, more)) = problems.split_first() else { return };
    let mut document = first.to_json();
    if !more.is_empty() {
        document["more"] = more.iter().map(Problem::to_json).collect();
    }
    let _ = writeln!(stderr, "{}", text::json(&document.to_string()));
}

/// Help and version are no errors; the rest is usage. A bare `workaday job` shows its help, unless a program reads along.
fn not_understood(error: &clap::Error) -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let wants_json = words.iter().any(|word| word == "--json");
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !wants_json;
    if !error.use_stderr() || is_help {
        let _ = error.print();
    } else {
        complain(&[usage::problem(error, &words)], wants_json);
    }
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}
