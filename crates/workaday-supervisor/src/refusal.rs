//! Why a command could not be started, in words that say what to mend, and whether another try can help.

use serde_json::{Value, json};
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Reads the error of an exec. `retry`: might it go by itself?
pub fn refusal(error: &Error, program: &str, cwd: &Path) -> Value {
    let (code, message, retry) = match error.kind() {
        _ if !cwd.is_dir() => (
            "command.folder_missing",
            format!("`{program}` was not started: its folder `{}` is not there; make it, or mend `cwd`", cwd.display()),
            false,
        ),
        ErrorKind::NotFound if cwd.join(program).is_file() && program.contains('/') => (
            "command.not_executable",
            format!("`{program}` is there, but the interpreter that its first line names is not; install it, or mend the line"),
            false,
        ),
        ErrorKind::NotFound => (
            "command.not_found",
            format!("there is no program `{program}`; install it, or give its whole path in `run` (a service's PATH is short)"),
            false,
        ),
        ErrorKind::PermissionDenied => {
            ("command.not_executable", format!("`{program}` may not be run by this user; chmod +x makes a file a program"), false)
        }
        ErrorKind::ArgumentListTooLong => {
            ("command.not_started", format!("`{program}` was not started: its arguments are longer than the kernel takes"), false)
        }
        _ => ("command.not_started", format!("`{program}` was not started: {error}"), true),
    };
    workaday_core::reached::note(code);
    json!({"type": code, "message": message, "retry": retry, "lack": is_lack(error)})
}

/// The machine has no process, descriptor or memory left: not the job's doing, and over some time.
fn is_lack(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: i32, cwd: &str) -> String {
        let value = refusal(&Error::from_raw_os_error(error), "/no/such/program", Path::new(cwd));
        format!("{} {}", value["type"].as_str().expect("a code"), value["retry"])
    }

    #[test]
    fn what_no_second_try_mends_is_not_tried_again() {
        assert_eq!(code(libc::ENOENT, "/"), "command.not_found false");
        assert_eq!(code(libc::ENOENT, "/no/such/folder"), "command.folder_missing false");
        assert_eq!(code(libc::EACCES, "/"), "command.not_executable false");
        assert_eq!(code(libc::EIO, "/"), "command.not_started true");
    }

    #[test]
    fn what_the_machine_lacks_is_told_from_what_is_wrong() {
        let lacks = |error| refusal(&Error::from_raw_os_error(error), "/no/such/program", Path::new("/"))["lack"] == true;
        assert_eq!([libc::EAGAIN, libc::EMFILE, libc::ENFILE, libc::ENOMEM].map(lacks), [true; 4]);
        assert_eq!([libc::ENOENT, libc::EACCES, libc::E2BIG, libc::EIO].map(lacks), [false; 4]);
    }
}
