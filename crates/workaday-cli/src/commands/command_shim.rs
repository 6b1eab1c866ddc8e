//! `command-shim`: the process between the supervisor and one command. Started by `up` alone.

use crate::args::CommandShim;
use crate::failure::{DONE, Done};
use std::time::Duration;
use workaday_supervisor::shim::{self, ShimOptions};

pub fn run(args: CommandShim) -> Done {
    shim::run(&ShimOptions {
        socket: args.socket,
        children_lock: args.children_lock,
        mark: args.mark,
        deadline: args.deadline_us.map(Duration::from_micros),
        cwd: args.cwd,
        argv: args.argv,
    })?;
    Ok(DONE)
}
