//! docs/reference/cli.md, from the definitions that the program itself parses with.

use crate::args::Line;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

/// The whole page.
pub fn markdown() -> String {
    let mut root = Line::command();
    root.build();
    let mut page = String::from(
        "# Command line\n\nGenerated from `crates/workaday-cli/src/args.rs` by `cargo run -p xtask -- docs`; change it there.\n\n\
         Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 worse, 5 not enough data, 75 try again. `--json` prints JSON, errors too (on standard error).\n\
         Colour appears on a terminal only, and never when `NO_COLOR` is set.\n\n## Options of every command\n\n",
    );
    options(&mut page, root.get_arguments().filter(|argument| argument.is_global_set()));
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        section(&mut page, command, "workaday");
    }
    page
}

// Writing to a String cannot fail.
fn section(page: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let inner: Vec<&Command> = command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help").collect();
    if inner.is_empty() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim();
        let usage = if usage.starts_with("workaday") { usage.to_owned() } else { format!("{parent} {usage}") };
        let _ = write!(page, "\n## {name}\n\n{about}.\n\n```text\n{usage}\n```\n\n");
        options(page, command.get_arguments().filter(|argument| !argument.is_global_set()));
    }
    for command in inner {
        section(page, command, &name);
    }
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let shown: Vec<&Arg> =
        arguments.filter(|argument| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())).collect();
    if shown.is_empty() {
        return;
    }
    page.push_str("| option | meaning |\n|---|---|\n");
    for argument in shown {
        let default: Vec<String> = argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let default = if default.is_empty() || !argument.get_action().takes_values() {
            String::new()
        } else {
            format!(" (default {})", default.join(" "))
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {help}{default} |", spelled(argument));
    }
}

fn spelled(argument: &Arg) -> String {
    let value = argument.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let value = if argument.get_action().takes_values() {
        value.unwrap_or_else(|| argument.get_id().as_str().to_uppercase())
    } else {
        String::new()
    };
    match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("-{short}, --{long} {value}").trim_end().to_owned(),
        (Some(long), None) => format!("--{long} {value}").trim_end().to_owned(),
        (None, Some(short)) => format!("-{short} {value}").trim_end().to_owned(),
        (None, None) => value,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_its_section() {
        let page = super::markdown();
        for heading in ["## workaday up", "## workaday job why", "## workaday task pause", "## workaday cron next"] {
            assert!(page.contains(heading), "{heading}");
        }
        assert!(!page.contains("test-engine"));
    }

    #[test]
    fn the_definitions_hold_together() {
        use clap::CommandFactory;
        crate::args::Line::command().debug_assert();
    }
}
