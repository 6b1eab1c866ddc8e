//! `completions SHELL`: generated from the definitions that the program parses with.

use crate::args::{COMPLETIONS_HELP, Completions, Line};
use crate::context::Context;
use crate::failure::{DONE, Done};
use clap::CommandFactory;
use std::io::IsTerminal;

pub fn run(args: &Completions, context: &mut Context) -> Done {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Line::command(), "workaday", &mut script);
    context.out.write(&String::from_utf8_lossy(&script))?;
    // Whoever sees the script scroll by wanted to know where it goes; a file or `source` sees none of this.
    if std::io::stdout().is_terminal() {
        context.out.flush()?;
        eprintln!("\n{COMPLETIONS_HELP}");
    }
    Ok(DONE)
}
