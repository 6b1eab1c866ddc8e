//! `man [COMMAND…]` and `man --out DIR`: generated from the definitions that the program parses with.

use crate::args::{Line, Man};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure, usage};
use clap::{Command, CommandFactory};
use serde_json::json;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};

pub fn run(args: &Man, context: &mut Context) -> Done {
    let mut root = Line::command().disable_help_subcommand(true);
    root.build();
    match &args.out {
        Some(folder) => write_all(&root, folder, context),
        None => {
            let command = find(&root, &args.command)?;
            context.out.write(&String::from_utf8_lossy(&page(command)?))?;
            Ok(DONE)
        }
    }
}

fn find<'a>(root: &'a Command, words: &[String]) -> Result<&'a Command, Problem> {
    words.iter().try_fold(root, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = shown(command).map(Command::get_name).collect();
            let problem = usage(format!("there is no command `{} {word}`", command.get_bin_name().unwrap_or("workaday")), known.join(", "));
            problem.meant(word, known.iter().copied())
        })
    })
}

fn write_all(root: &Command, folder: &Path, context: &mut Context) -> Done {
    let unwritable = |path: &Path, error: std::io::Error| {
        Problem::new("cli.man_unwritable", format!("`{}` could not be written: {error}", path.display()))
            .expected("a folder that this user may write")
            .retry(RetryAdvice::SafeAfterFix, "safe; pages that are there already are written anew")
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    let mut written = vec![];
    for command in all(root) {
        let path = folder.join(format!("{}.1", name(command)));
        std::fs::write(&path, page(command)?).map_err(|error| unwritable(&path, error))?;
        written.push(path);
    }
    if context.out.json {
        context.out.json(&json!({"written": written}))?;
    } else {
        context.out.line(format!("{} pages are in {}. Read one: man -l {}", written.len(), folder.display(), written[0].display()))?;
    }
    Ok(DONE)
}

/// A command and all below it.
fn all(command: &Command) -> Vec<&Command> {
    std::iter::once(command).chain(shown(command).flat_map(all)).collect()
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

/// `workaday-job-retry`, as man pages of subcommands are called.
fn name(command: &Command) -> String {
    command.get_bin_name().unwrap_or("workaday").replace(' ', "-")
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = vec![];
    clap_mangen::Man::new(command.clone()).title(name(command)).render(&mut page)?;
    Ok(page)
}
