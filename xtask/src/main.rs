//! Generators and checks of this repository: `cargo xtask docs [--check]`.

mod docs;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate docs/reference from the code
    Docs {
        /// Write nothing; fail when a page is stale or a code is undocumented
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let Command::Docs { check } = Line::parse().command;
    match docs::run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaints) => {
            eprintln!("{complaints}");
            ExitCode::FAILURE
        }
    }
}
