//! `job …`: list, show, why, logs, and the acts by hand.

mod act;
mod list;
mod logs;
mod show;
mod why;

use crate::args::Job;
use crate::context::Context;
use crate::failure::Done;

pub use list::select;
pub use logs::log_line;

pub fn run(args: Job, context: &mut Context) -> Done {
    match args {
        Job::List(args) => list::run(&args, context),
        Job::Show(args) => show::run(&args, context),
        Job::Why(args) => why::run(&args, context),
        Job::Logs(args) => logs::run(&args, context),
        Job::Retry(args) => act::run(act::Deed::Retry, &args, context),
        Job::Cancel(args) => act::run(act::Deed::Cancel, &args, context),
        Job::Delete(args) => act::run(act::Deed::Delete, &args, context),
        Job::Release(args) => act::run(act::Deed::Release, &args, context),
    }
}
