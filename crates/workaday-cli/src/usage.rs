//! A command line that does not read, in the shape of every other error: code, what was expected, what to do.

use crate::args::Line;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::nearest::nearest;

const FIXED: &str = "safe after the command is fixed; nothing was changed";

/// The problem of a refused command line. `words` is what was typed, without the program's own name.
pub fn problem(error: &clap::Error, words: &[String]) -> Problem {
    let said = |kind| error.get(kind).map(text).unwrap_or_default();
    let (command, path) = typed(words);
    let help = format!("`{path} --help` lists what it takes");
    let argument = option_name(&said(ContextKind::InvalidArg));
    let problem = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = said(ContextKind::InvalidSubcommand);
            let names: Vec<&str> = command.get_subcommands().filter(|one| !one.is_hide_set()).map(clap::Command::get_name).collect();
            let problem = Problem::new("usage.unknown_command", format!("`{path}` has no command `{word}`"))
                .expected(format!("one of {}", quoted(&names)));
            return hinted(problem, nearest(&word, names), &help);
        }
        ErrorKind::UnknownArgument => {
            let long = |argument: &clap::Arg| argument.get_long().map(|name| format!("--{name}"));
            let names: Vec<String> = command.get_arguments().filter(|one| !one.is_hide_set()).filter_map(long).collect();
            let wanted = nearest(&argument, names.iter().map(String::as_str));
            let (what, expected) = if argument.starts_with('-') {
                (format!("`{path}` has no option `{argument}`"), "an option of this command".to_owned())
            } else {
                (format!("`{path}` takes no further word, and got `{argument}`"), usage_line(&command, &path))
            };
            return hinted(Problem::new("usage.unknown_option", what).expected(expected), wanted, &help);
        }
        ErrorKind::MissingRequiredArgument => {
            Problem::new("usage.missing", format!("`{path}` needs {}", said(ContextKind::InvalidArg))).expected(usage_line(&command, &path))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let names: Vec<&str> = command.get_subcommands().filter(|one| !one.is_hide_set()).map(clap::Command::get_name).collect();
            Problem::new("usage.missing", format!("`{path}` needs a command")).expected(format!("one of {}", quoted(&names)))
        }
        ErrorKind::ArgumentConflict => {
            let other = option_name(&said(ContextKind::PriorArg));
            let what = if other.is_empty() || other == argument {
                format!("`{argument}` is given twice")
            } else {
                format!("`{argument}` and `{other}` exclude each other")
            };
            Problem::new("usage.conflict", what).expected("one of the two")
        }
        ErrorKind::InvalidValue => {
            let (value, valid) = (said(ContextKind::InvalidValue), error.get(ContextKind::ValidValue).map(list).unwrap_or_default());
            let names: Vec<&str> = valid.iter().map(String::as_str).collect();
            if value.is_empty() {
                Problem::new("usage.value", format!("`{argument}` has no value")).expected("a value after it")
            } else {
                let problem =
                    Problem::new("usage.value", format!("{argument} is \"{value}\"")).expected(format!("one of {}", quoted(&names)));
                return hinted(problem, nearest(&value, names), &help);
            }
        }
        ErrorKind::ValueValidation => {
            let expected =
                std::error::Error::source(error).map_or_else(|| "a value of another form".into(), |why| wanted(&why.to_string()));
            Problem::new("usage.value", format!("{argument} is \"{}\"", said(ContextKind::InvalidValue))).expected(expected)
        }
        _ => {
            let whole = error.render().to_string();
            let first = whole.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Problem::new("usage.value", first).expected(usage_line(&command, &path))
        }
    };
    problem.retry(RetryAdvice::SafeAfterFix, FIXED).hint(help)
}

/// What was expected, from a parser's own words where they only say what is wrong: `0 is not in 1..=10000`.
fn wanted(why: &str) -> String {
    match why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..=")) {
        Some((least, most)) => format!("a whole number from {least} to {most}"),
        None if why.contains("digit found") || why.contains("parse integer") => "a whole number".to_owned(),
        None => why.to_owned(),
    }
}

fn hinted(problem: Problem, wanted: Option<&str>, help: &str) -> Problem {
    let hint = wanted.map_or_else(|| help.to_owned(), |name| format!("did you mean `{name}`?"));
    problem.retry(RetryAdvice::SafeAfterFix, FIXED).hint(hint)
}

/// The command that the words lead to, with its options, and how it is typed.
fn typed(words: &[String]) -> (clap::Command, String) {
    let mut root = Line::command();
    root.build(); // brings the options of every command into each
    let (mut command, mut path) = (root, "workaday".to_owned());
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        let Some(next) = command.find_subcommand(word) else { continue };
        path = format!("{path} {word}");
        command = next.clone();
    }
    (command, path)
}

fn usage_line(command: &clap::Command, path: &str) -> String {
    let line = command.clone().render_usage().to_string();
    let words = line.trim_start_matches("Usage: ").trim();
    let after = words.strip_prefix(path).unwrap_or_else(|| words.strip_prefix(command.get_name()).unwrap_or(words));
    format!("{path}{after}")
}

/// `--state` of `--state <STATE>`.
fn option_name(shown: &str) -> String {
    if shown.starts_with('-') { shown.split([' ', '=']).next().unwrap_or(shown).to_owned() } else { shown.to_owned() }
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        other => other.to_string(),
    }
}

fn list(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::Strings(texts) => texts.clone(),
        other => vec![other.to_string()],
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
