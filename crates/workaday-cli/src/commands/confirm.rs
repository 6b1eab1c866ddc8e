//! The question before many things are changed at once.

use crate::failure::{Failure, REFUSED};
use std::io::{BufRead, IsTerminal, Write};
use workaday_core::explain::{Problem, RetryAdvice};

/// Asks on the terminal. Without one, the answer has to be given beforehand.
///
/// `what` says it all: "Retry 37 jobs of mail.send_invoice".
pub fn confirm(what: &str, yes: bool) -> Result<Option<u8>, Failure> {
    if yes {
        return Ok(None);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Problem::new("usage.confirm", format!("{what}: this was not confirmed"))
            .expected("--yes, or a terminal to ask on")
            .retry(RetryAdvice::SafeAfterFix, "safe with --yes; nothing was changed")
            .hint("--dry-run lists what it would concern")
            .into());
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{what}? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        return Ok(None);
    }
    let _ = writeln!(stderr, "Nothing was changed.");
    Ok(Some(REFUSED))
}
