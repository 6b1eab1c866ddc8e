//! One of the processes that `dev` runs: start, stop, notice its end.

use crate::failure::Failure;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use workaday_config::Settings;
use workaday_core::explain::{Problem, RetryAdvice};

/// Time between SIGTERM and SIGKILL: while developing nobody waits for a drain.
const PATIENCE: Duration = Duration::from_millis(800);

pub struct Part {
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    child: Option<Child>,
}

impl Part {
    pub fn new(name: &'static str, program: PathBuf, arguments: Vec<OsString>, settings: &Settings) -> Self {
        Self { name, program, arguments, folder: settings.root.clone(), child: None }
    }

    pub fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).stdin(std::process::Stdio::null());
        // What still runs when code changes is given back soon and runs again on the new code.
        if std::env::var_os("WORKADAY_WORKER_GRACE").is_none() {
            command.env("WORKADAY_WORKER_GRACE", "300ms");
        }
        // A group of its own: Ctrl-C reaches us, and we stop the parts once, in order.
        command.process_group(0);
        // SAFETY: prctl and the signal mask are async-signal-safe; the only memory touched is this closure's own set.
        unsafe {
            command.pre_exec(|| {
                // We block signals for our own descriptor; a web server that inherits that never hears SIGTERM.
                let mut none: libc::sigset_t = std::mem::zeroed();
                libc::sigemptyset(&mut none);
                libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
                match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn().map_err(|error| self.unstartable(&error))?;
        self.child = Some(child);
        Ok(())
    }

    pub fn ask_to_stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    pub fn wait_or_kill(&mut self) {
        let until = Instant::now() + PATIENCE;
        // Looked for again and again: a child can be waited for without a limit or not at all.
        while let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    self.signal(rustix::process::Signal::KILL);
                    let _ = self.child.take().map(|mut child| child.wait());
                }
                Ok(Some(_)) | Err(_) => self.child = None,
            }
        }
    }

    /// How it ended by itself, said once.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown".to_owned(),
        })
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.as_ref().and_then(|child| rustix::process::Pid::from_raw(child.id() as i32));
        if let Some(pid) = pid {
            // Not yet waited for, so the number still is this child's.
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    fn unstartable(&self, error: &std::io::Error) -> Problem {
        Problem::new("dev.cannot_start", format!("{} could not be started: `{}`: {error}", self.name, self.program.display()))
            .expected("a program that this user may run")
            .retry(RetryAdvice::SafeAfterFix, "safe once it is there; what had been started was ended again")
            .hint("the web service runs in the workers' interpreter: WORKADAY_WORKER_PYTHON, VIRTUAL_ENV, or the one beside `workaday`")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.ask_to_stop();
        self.wait_or_kill();
    }
}
