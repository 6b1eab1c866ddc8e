//! `completions SHELL` and `man`: generated from the definitions that the program parses with.

use crate::args::{Completions, Line};
use crate::context::Context;
use crate::failure::{DONE, Done};
use clap::CommandFactory;

pub fn run(args: &Completions, context: &mut Context) -> Done {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Line::command(), "workaday", &mut script);
    context.out.write(&String::from_utf8_lossy(&script))?;
    Ok(DONE)
}

pub fn man(context: &mut Context) -> Done {
    let mut page = vec![];
    clap_mangen::Man::new(Line::command()).render(&mut page)?;
    context.out.write(&String::from_utf8_lossy(&page))?;
    Ok(DONE)
}
