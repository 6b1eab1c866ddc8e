//! Runs the user's commands: argv, never a shell; what they print is kept in a file, how they ended in the record.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use workaday_core::clock::Length;

/// Of the output this much is shown in messages.
const TAIL_BYTES: u64 = 2_000;
/// How often is asked whether the command has ended: a child can be waited for without a limit or not at all.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Between the request to end and the end.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub argv: Vec<String>,
    /// `None`: it was ended by a signal, or never started.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub timed_out: bool,
    pub took_us: i64,
    /// Where all it printed is kept.
    pub output: PathBuf,
    /// The end of that.
    pub tail: String,
}

impl Ran {
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// `exit code 1`, `signal 9`, `stopped after its time`.
    pub fn ending(&self) -> String {
        match (self.timed_out, self.code, self.signal) {
            (true, ..) => "stopped, its time was up".to_owned(),
            (_, Some(code), _) => format!("exit code {code}"),
            (_, _, Some(signal)) => format!("signal {signal}"),
            _ => format!("not started: {}", self.tail),
        }
    }

    /// The end of what it printed, in one line.
    pub fn last_lines(&self, count: usize) -> String {
        let lines: Vec<&str> = self.tail.lines().collect();
        match lines[lines.len().saturating_sub(count)..].join(" / ") {
            nothing if nothing.trim().is_empty() => "it printed nothing".to_owned(),
            lines => lines,
        }
    }

    /// As one types it.
    pub fn line(&self) -> String {
        line(&self.argv)
    }
}

/// Words as one types them, quoted where needed.
pub fn line(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@+%{}".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Where and with what commands run.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub folder: PathBuf,
    /// Nothing is inherited but this.
    pub only: Option<Vec<(String, String)>>,
    /// Added to what is inherited.
    pub also: Vec<(String, String)>,
}

/// Runs a command to its end. Its pid stands in `<output>.pid` meanwhile, for whoever takes up after us.
pub fn run(argv: &[String], around: &Surroundings, timeout: Length, output: &Path) -> Ran {
    let began = Instant::now();
    let mut ran = Ran { argv: argv.to_vec(), output: output.to_path_buf(), ..Ran::default() };
    match spawn(argv, around, output) {
        Ok(mut child) => {
            let pid_file = pid_file(output);
            let _ = fs::write(&pid_file, format!("{} {}\n", child.id(), started_at(child.id()).unwrap_or_default()));
            wait(&mut child, timeout, began, &mut ran);
            let _ = fs::remove_file(&pid_file);
            ran.tail = tail(output);
        }
        Err(error) => ran.tail = error.to_string(),
    }
    ran.took_us = began.elapsed().as_micros() as i64;
    ran
}

fn spawn(argv: &[String], around: &Surroundings, output: &Path) -> io::Result<Child> {
    if let Some(folder) = output.parent() {
        crate::files::private_folder(folder)?;
    }
    let _ = fs::remove_file(output);
    let mut file = crate::files::new_private(output)?;
    writeln!(file, "$ {}", line(argv))?;
    let mut command = Command::new(argv.first().map_or("", String::as_str));
    command.args(&argv[1..]).current_dir(&around.folder).stdin(Stdio::null());
    if let Some(only) = &around.only {
        command.env_clear().envs(only.iter().cloned());
    }
    command.envs(around.also.iter().cloned()).stdout(file.try_clone()?).stderr(file);
    // A group of its own: a hang-up of our terminal does not end a deploy in the middle.
    command.process_group(0).spawn()
}

fn wait(child: &mut Child, timeout: Length, began: Instant, ran: &mut Ran) {
    let group = rustix::process::Pid::from_raw(child.id() as i32);
    let signal = |signal| group.map(|group| rustix::process::kill_process_group(group, signal));
    let mut kill_at = None;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                (ran.code, ran.signal) = (status.code(), status.signal());
                return;
            }
            Err(error) => {
                ran.tail = error.to_string();
                return;
            }
            Ok(None) => {}
        }
        if !ran.timed_out && began.elapsed() >= timeout.to_std() {
            ran.timed_out = true;
            kill_at = Some(Instant::now() + KILL_AFTER);
            let _ = signal(rustix::process::Signal::TERM);
        }
        if kill_at.is_some_and(|at| Instant::now() >= at) {
            kill_at = None;
            let _ = signal(rustix::process::Signal::KILL);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The pid of a command that an earlier process of ours started and that still runs.
pub fn still_running(output: &Path) -> Option<u32> {
    let text = fs::read_to_string(pid_file(output)).ok()?;
    let (pid, started) = text.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (started_at(pid)? == started).then_some(pid)
}

fn pid_file(output: &Path) -> PathBuf {
    crate::files::with_end(output, ".pid")
}

/// When a process started, in the kernel's ticks: with the number, its name for as long as the machine is up.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" { None } else { fields.nth(18).map(str::to_owned) }
}

fn tail(output: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = fs::File::open(output)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    // The command itself stands on the first line of the file, and in the record.
    let text = text.strip_prefix("$ ").and_then(|text| text.split_once('\n')).map_or(text.as_str(), |(_, rest)| rest);
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str, timeout: Length) -> Ran {
        let folder = tempfile::tempdir().expect("a folder");
        let around = Surroundings { folder: folder.path().into(), only: None, also: vec![("WORD".into(), "here".into())] };
        run(&["sh".into(), "-c".into(), text.into()], &around, timeout, &folder.path().join("out/a.log"))
    }

    #[test]
    fn what_a_command_prints_and_how_it_ends_is_kept() {
        let ran = sh("echo $WORD; echo there >&2; exit 3", Length::minutes(1));
        assert_eq!((ran.code, ran.tail.as_str(), ran.ending()), (Some(3), "here\nthere", "exit code 3".to_owned()));
        assert_eq!(line(&["sh".into(), "-c".into(), "it's".into()]), "sh -c 'it'\\''s'");
        assert_eq!((ran.last_lines(1).as_str(), ran.last_lines(9).as_str()), ("there", "here / there"));
        assert_eq!(sh("exit 1", Length::minutes(1)).last_lines(3), "it printed nothing");
        let late = sh("sleep 60", Length::millis(50));
        assert!(late.timed_out && !late.succeeded(), "{late:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let around = Surroundings { folder: folder.path().into(), ..Surroundings::default() };
        let absent = run(&["no-such-program-here".into()], &around, Length::minutes(1), &folder.path().join("b.log"));
        assert!(absent.ending().starts_with("not started: No such file"), "{}", absent.ending());
    }
}
