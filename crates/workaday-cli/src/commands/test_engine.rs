//! `test-engine`: the engine, driven by JSON lines on standard input and output. For the pytest plugin.

use crate::failure::{DONE, Done};

pub fn run() -> Done {
    workaday_supervisor::test_mode::run(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(DONE)
}
