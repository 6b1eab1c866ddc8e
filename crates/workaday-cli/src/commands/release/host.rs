//! What the pipeline asks of the machine: the clock, the supervisor, a backup, the tasks of some code.

use crate::args::By;
use crate::beside;
use crate::commands::{backup, catalogue};
use crate::context::{Context, transaction};
use crate::failure::Failure;
use crate::text;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use workaday_config::release;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_ops::backup::Place;
use workaday_ops::release::Host;
use workaday_ops::restore::{prove, unpack};
use workaday_store::ByHand;

pub struct Machine<'a> {
    context: &'a Context,
    database: PathBuf,
    by: ByHand,
}

impl<'a> Machine<'a> {
    pub fn new(context: &'a Context, by: &By) -> Result<Self, Failure> {
        Ok(Self { context, database: context.existing()?, by: context.by(by) })
    }

    fn backed_up(&self, number: i64) -> Result<Value, Failure> {
        let settings = release::backup(self.context.settings()?);
        let place = Place::Folder { folder: settings.folder, keep: Some(settings.keep) };
        let (made, unrecorded) = backup::take(self.context, &self.database, place, &self.by, &format!("release {number}"))?;
        let unpacked = unpack(&made.path, &std::env::temp_dir())?;
        let now = self.now();
        let proof = prove(&unpacked, now)?;
        if unrecorded.is_none() {
            let mut store = self.context.writer()?;
            transaction(&mut store, |store| store.prove_backup(&made.manifest.sha256, &proof.to_string(), now))?;
        }
        let says = format!("{}, {} rows, proved to restore", made.path.display(), made.manifest.counts.values().sum::<i64>());
        Ok(json!({"path": made.path, "sha256": made.manifest.sha256, "proof": proof, "says": says}))
    }
}

impl Host for Machine<'_> {
    fn now(&self) -> Timestamp {
        self.context.now()
    }

    fn sleep(&mut self, length: Length) {
        std::thread::sleep(length.to_std());
    }

    /// To standard error: standard output is for the report.
    fn say(&mut self, line: &str) {
        if !self.context.out.json {
            let _ = writeln!(std::io::stderr(), "{}", text::line(line));
        }
    }

    fn back_up(&mut self, number: i64) -> Result<Value, Problem> {
        self.backed_up(number).map_err(first)
    }

    fn supervisor(&self) -> Option<i64> {
        beside::supervisor(&self.database).map(|found| found.pid.unwrap_or(0))
    }

    fn drain(&mut self) -> Result<(), Problem> {
        let Some(pid) = self.supervisor().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) else { return Ok(()) };
        match kill_process(pid, Signal::TERM) {
            // Gone since we looked: that is what was wanted.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => {
                Err(Problem::new("supervisor.system", format!("supervisor {} could not be asked to stop: {error}", pid.as_raw_nonzero()))
                    .expected("the right to signal it: the same user, or root")
                    .retry(RetryAdvice::SafeAfterFix, "safe as its own user; nothing was deployed"))
            }
        }
    }

    fn catalogue(&mut self, folder: &Path) -> Result<Vec<Value>, Problem> {
        let settings = self.context.settings().map_err(first)?;
        catalogue::of_folder(settings, folder)
    }
}

fn first(failure: Failure) -> Problem {
    match failure {
        Failure::Problems(problems) if !problems.is_empty() => problems.into_iter().next().expect("not empty"),
        _ => Problem::new("cli.output", "the output was closed"),
    }
}
