//! systemd services: rendered for the version found, shown before they are written, taken away without a trace.
//!
//! | file | one idea |
//! |---|---|
//! | `render` | the units and the files beside them, as text |
//! | `place` | what differs, writing it, and putting back what was there |

mod place;
mod render;

pub use place::{Change, Kept, apply, changes, installed, take_away};
pub use render::{FileText, Plan, files, stays_at_home};

use std::path::Path;
use std::process::Command;

/// The systemd of this machine, by its number; `None` without the tool.
pub fn systemd_version() -> Option<u32> {
    let text = crate::doctor::answer(Command::new("systemd-analyze").arg("--version"))?;
    text.split_whitespace().nth(1)?.split(['.', '~', '-']).next()?.parse().ok()
}

/// Does systemd run this machine, so that services can be started?
pub fn runs_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// What `systemd-analyze verify` complains of; `None` without the tool.
pub fn verify(unit: &Path, is_user: bool) -> Option<Result<(), String>> {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no", "--recursive-errors=no"]);
    if is_user {
        command.arg("--user");
    }
    let answer = command.arg(unit).output().ok()?;
    let said = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
    // Warnings come with exit code 0 and are mistakes all the same: a key that this systemd ignores, say.
    Some(if answer.status.success() && said.is_empty() { Ok(()) } else { Err(said) })
}
