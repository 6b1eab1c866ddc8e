//! Commands: tasks that are programs, one process tree an attempt, kept by a [`crate::shim`].
//!
//! Started from the supervisor's main thread by exec of this same program (`/proc/self/exe`, so that an upgrade in the
//! meantime changes nothing), argv only and never a shell. stdin is /dev/null; stdout and stderr come line by line.

use crate::child::{Pipe, Recipe, inherit_environment, reap};
use crate::death;
use crate::orphans;
use crate::refusal::refusal;
use crate::tree::Census;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::measure::Evidence;
use workaday_engine::event::{CommandEnd, Ended, Line, Spent};
use workaday_engine::{ChildNo, Event, JobFrame, Moment, Seq};

/// Of the last line on stderr, this much stands in the error.
const LAST_WORDS_CHARS: usize = 300;

/// A command for which the machine had no process or descriptor is started anew after this long.
const LACK_PAUSE: Length = Length::seconds(5);

/// Reads of what is left in a pipe at the end: more than any pipe holds.
const READS_AT_END_MAX: usize = 32;

/// One `[command.NAME]` of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandTask {
    pub entry: TaskEntry,
    pub run: Vec<String>,
    pub cwd: PathBuf,
    pub env: BTreeMap<String, String>,
    /// A text that some line of its output must contain, else the run is `unexpected`.
    pub expects_output: Option<String>,
}

/// What of a command can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Stdout,
    Stderr,
    End,
}

/// One attempt: the shim, its pipes, what is known of it.
#[derive(Debug)]
struct Running {
    seq: Seq,
    program: String,
    pid: i32,
    pidfd: OwnedFd,
    socket: OwnedFd,
    mark: String,
    stdout: Option<Pipe>,
    stderr: Option<Pipe>,
    has_limit: bool,
    /// We asked it to stop, or killed it.
    asked: bool,
    /// Steady clock: when the shim was told to kill.
    killed_at: Option<Timestamp>,
    oom_before: u64,
    last_words: String,
    /// The text that its output must contain, until a line has it.
    output_missing: Option<String>,
}

/// All commands: as configured, and as they run.
#[derive(Debug, Default)]
pub struct Commands {
    tasks: BTreeMap<String, CommandTask>,
    running: BTreeMap<ChildNo, Running>,
}

impl Commands {
    pub fn new(tasks: Vec<CommandTask>) -> Commands {
        Commands { tasks: by_name(tasks), running: BTreeMap::new() }
    }

    /// Takes over another configuration, for what starts from now on. `false`: nothing has changed.
    pub fn reconfigure(&mut self, tasks: Vec<CommandTask>) -> bool {
        let tasks = by_name(tasks);
        let has_changed = tasks != self.tasks;
        self.tasks = tasks;
        has_changed
    }

    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// The catalogue entries, each with its JSON.
    pub fn stated(&self) -> Vec<(TaskEntry, String)> {
        self.tasks.values().map(|task| (task.entry.clone(), serde_json::to_string(&task.entry).unwrap_or_default())).collect()
    }

    pub fn has(&self, no: ChildNo) -> bool {
        self.running.contains_key(&no)
    }

    /// Is this the shim of a running command?
    pub fn has_process(&self, pid: i32) -> bool {
        self.running.values().any(|running| running.pid == pid)
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Does a running command have a memory limit to be watched?
    pub fn watches_memory(&self) -> bool {
        self.running.values().any(|running| running.has_limit)
    }

    // -- starting and stopping ---------------------------------------------------------------------------------------

    /// Starts the command of a job; what cannot be started has ended.
    pub fn start(&mut self, recipe: &Recipe, lock: &File, no: ChildNo, job: &JobFrame, kill_after: Length, now: Moment) -> Vec<Event> {
        let Some(task) = self.tasks.get(&job.task) else {
            return vec![not_begun(no, Ended::UnknownTask, "is not configured")];
        };
        let argv = match extra_arguments(&job.args) {
            Ok(extra) => task.run.iter().cloned().chain(extra).collect::<Vec<String>>(),
            Err(why) => {
                let error = json!({"type": "args.invalid", "message": format!("`args` of {} {why}", job.task)}).to_string();
                return vec![not_begun(no, Ended::Misfit { error }, "was given arguments that do not fit")];
            }
        };
        match Running::spawn(task, argv, recipe, lock, no, job, kill_after) {
            Ok(running) => {
                self.running.insert(no, running);
                Vec::new()
            }
            Err(error) => {
                let refusal = refusal(&error, &task.run[0], &task.cwd);
                let told = told_of_lack(no, job.seq, &refusal, now);
                told.into_iter().chain([not_begun(no, refused(&refusal, now), "could not be started")]).collect()
            }
        }
    }

    /// SIGTERM to the group of the command.
    pub fn ask(&mut self, no: ChildNo) {
        if let Some(running) = self.running.get_mut(&no) {
            running.asked = true;
            running.say(b"T");
        }
    }

    /// Kills the tree.
    pub fn kill(&mut self, no: ChildNo, now: Moment) {
        if let Some(running) = self.running.get_mut(&no) {
            running.asked = true;
            running.killed_at.get_or_insert(now.steady);
            running.say(b"K");
        }
    }

    pub fn kill_all(&mut self, now: Moment) {
        let all: Vec<ChildNo> = self.running.keys().copied().collect();
        all.into_iter().for_each(|no| self.kill(no, now));
    }

    /// A shim that was told to kill and does not end (stopped by somebody, say) is killed itself, and its tree by its mark.
    pub fn end_lingering(&mut self, patience: Length, now: Moment) {
        for running in self.running.values_mut() {
            if running.killed_at.is_some_and(|at| now.steady >= at + patience) {
                running.killed_at = None;
                running.end_without_shim();
            }
        }
    }

    /// When [`Self::end_lingering`] has something to do, if no shim ends before.
    pub fn next_at(&self, patience: Length) -> Option<Timestamp> {
        self.running.values().filter_map(|running| running.killed_at).min().map(|at| at + patience)
    }

    // -- waiting -----------------------------------------------------------------------------------------------------

    pub fn sources(&self) -> Vec<(ChildNo, Part)> {
        let of = |(no, running): (&ChildNo, &Running)| {
            let stdout = running.stdout.as_ref().map(|_| (*no, Part::Stdout));
            let stderr = running.stderr.as_ref().map(|_| (*no, Part::Stderr));
            stdout.into_iter().chain(stderr).chain([(*no, Part::End)]).collect::<Vec<_>>()
        };
        self.running.iter().flat_map(of).collect()
    }

    pub fn poll_fd(&self, no: ChildNo, part: Part) -> PollFd<'_> {
        let running = &self.running[&no];
        let fd = match part {
            Part::Stdout => running.stdout.as_ref().expect("a source only when there").file.as_fd(),
            Part::Stderr => running.stderr.as_ref().expect("a source only when there").file.as_fd(),
            Part::End => running.pidfd.as_fd(),
        };
        PollFd::from_borrowed_fd(fd, PollFlags::IN)
    }

    // -- taking in ---------------------------------------------------------------------------------------------------

    /// Lines that a command wrote, once around.
    pub fn output(&mut self, no: ChildNo, part: Part, now: Moment) -> Vec<Event> {
        self.running.get_mut(&no).map_or_else(Vec::new, |running| running.output(no, part, now))
    }

    /// The shim is dead, and so is its tree: what was still in the pipes, then the end.
    pub fn end(&mut self, no: ChildNo, now: Moment) -> Vec<Event> {
        let Some((status, _)) = self.running.get(&no).and_then(|running| reap(running.pid)) else { return Vec::new() };
        let Some(mut running) = self.running.remove(&no) else { return Vec::new() };
        let report = running.report();
        if report.is_none() {
            running.end_without_shim();
        }
        let mut events = Vec::new();
        for part in [Part::Stdout, Part::Stderr] {
            // Nothing of the tree lives, so the pipe ends; a process that left it by another way must not hold us up.
            for _ in 0..READS_AT_END_MAX {
                events.extend(running.output(no, part, now));
            }
        }
        if let Some(outlived @ 1..) = report.as_ref().and_then(|report| report["outlived"].as_u64()) {
            let text = format!("… {outlived} processes that it had started outlived it and were ended");
            events.push(line(no, running.seq, "system", text, now));
        }
        if let Some(text) = &running.output_missing {
            let unexpected = Some(format!("no line of its output contains \"{text}\""));
            let evidence = Box::new(Evidence { unexpected, ..Evidence::default() });
            events.push(Event::Evidence { child: no, seq: running.seq, evidence });
        }
        events.extend(report.as_ref().and_then(|report| told_of_lack(no, running.seq, &report["refused"], now)));
        let end = running.judge(report.as_ref(), status, now);
        events.push(Event::CommandEnded { child: no, end });
        events
    }

    /// Resident sizes of the trees that have a limit.
    pub fn measure(&self) -> Vec<Event> {
        let census = Census::take();
        let limited = self.running.iter().filter(|(_, running)| running.has_limit);
        limited
            .map(|(no, running)| Event::Memory { child: *no, resident_bytes: census.resident_bytes_below(i64::from(running.pid)) })
            .collect()
    }
}

impl Running {
    fn spawn(
        task: &CommandTask,
        argv: Vec<String>,
        recipe: &Recipe,
        lock: &File,
        no: ChildNo,
        job: &JobFrame,
        kill_after: Length,
    ) -> std::io::Result<Running> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let mark = recipe.mark(no);
        let mut command = Command::new("/proc/self/exe");
        command.arg0("workaday").arg("command-shim");
        command.args(["--socket", &theirs.as_raw_fd().to_string(), "--children-lock", &lock.as_raw_fd().to_string(), "--mark", &mark]);
        if job.timeout_us > 0 {
            let deadline_us = job.timeout_us.saturating_add(kill_after.0.saturating_mul(2));
            command.args(["--deadline-us", &deadline_us.to_string()]);
        }
        command.arg("--cwd").arg(&task.cwd).arg("--").args(&argv);
        inherit_environment(&mut command, recipe);
        command.env_remove("WORKADAY_RUN").envs(&task.env);
        crate::notify::VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("WORKADAY_JOB_ID", job.id.to_string()).env("WORKADAY_ATTEMPT", job.attempt.to_string());
        command.current_dir(&recipe.root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let inherited = [theirs.as_raw_fd(), lock.as_raw_fd()];
        // SAFETY: between fork and exec only fcntl is called, which is async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                inherited.iter().for_each(|fd| {
                    libc::fcntl(*fd, libc::F_SETFD, 0);
                });
                Ok(())
            });
        }
        let oom_before = death::oom_kills();
        let mut process = command.spawn()?;
        let pid = process.id() as i32;
        Ok(Running {
            seq: job.seq,
            program: task.run[0].clone(),
            pid,
            pidfd: pidfd_open(Pid::from_raw(pid).expect("a spawned process has a number"), PidfdFlags::empty())?,
            socket: ours,
            mark,
            stdout: process.stdout.take().map(|pipe| Pipe::new(pipe.into())).transpose()?,
            stderr: process.stderr.take().map(|pipe| Pipe::new(pipe.into())).transpose()?,
            has_limit: job.memory_bytes > 0,
            asked: false,
            killed_at: None,
            oom_before,
            last_words: String::new(),
            output_missing: task.expects_output.clone(),
        })
    }

    fn say(&self, word: &[u8]) {
        // A shim that is gone needs no word: its pidfd says so.
        let _ = send(&self.socket, word, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    fn end_without_shim(&self) {
        if let Some(group) = Pid::from_raw(self.pid) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        orphans::end_below(&self.mark);
    }

    fn output(&mut self, no: ChildNo, part: Part, now: Moment) -> Vec<Event> {
        let (pipe, stream) = match part {
            Part::Stdout => (&mut self.stdout, "stdout"),
            Part::Stderr => (&mut self.stderr, "stderr"),
            Part::End => return Vec::new(),
        };
        let mut lines = Vec::new();
        let open = pipe.as_mut().is_some_and(|pipe| pipe.read_lines(&mut |line| lines.push(line)));
        if !open {
            *pipe = None;
        }
        if self.output_missing.as_ref().is_some_and(|text| lines.iter().any(|line| line.contains(text))) {
            self.output_missing = None;
        }
        if part == Part::Stderr
            && let Some(last) = lines.iter().rev().find(|line| !line.trim().is_empty())
        {
            self.last_words = last.trim().chars().take(LAST_WORDS_CHARS).collect();
        }
        lines.into_iter().map(|text| line(no, self.seq, stream, text, now)).collect()
    }

    /// The shim's report; `None` when it died without one.
    fn report(&self) -> Option<Value> {
        let mut text = [0_u8; 4096];
        let (_, got) = recv(&self.socket, &mut text[..], RecvFlags::DONTWAIT).ok()?;
        serde_json::from_slice(&text[..got]).ok()
    }

    fn judge(&self, report: Option<&Value>, shim_status: i32, now: Moment) -> CommandEnd {
        let number = |name: &str| report.and_then(|report| report[name].as_i64());
        let oom = death::oom_kills() > self.oom_before;
        let peak_kib = number("memory_peak_kib").unwrap_or(0);
        let status = number("status").map(|status| status as i32);
        let mut death = death::explain(status.unwrap_or(shim_status), peak_kib, self.asked, oom);
        let spent = Spent {
            started_at: None,
            ran_us: number("ran_us").unwrap_or(0),
            cpu_us: number("cpu_us").unwrap_or(0),
            memory_peak_kib: peak_kib,
        };
        let ended = match (report, status) {
            (Some(report), None) => Some(refused(&report["refused"], now)),
            (None, _) => {
                death.words = format!("its shim was {}", death.words);
                None
            }
            (Some(report), Some(_)) if report["dead_man"] == true => Some(Ended::TimedOut { error: None }),
            (Some(_), Some(status)) if libc::WIFEXITED(status) => {
                let code = libc::WEXITSTATUS(status);
                death.words = format!("`{}` left with exit code {code}", self.program);
                Some(self.of_exit(code))
            }
            (Some(_), Some(_)) => {
                death.words = format!("`{}` was {}", self.program, death.words);
                None
            }
        };
        CommandEnd { ended, death, spent }
    }

    fn of_exit(&self, code: i32) -> Ended {
        if code == 0 {
            return Ended::Completed { result: Some(json!({"exit_code": 0}).to_string()), mark: None };
        }
        let said = if self.last_words.is_empty() { String::new() } else { format!(": {}", self.last_words) };
        let message = format!("`{}` left with exit code {code}{said}", self.program);
        Ended::Failed { error: json!({"type": "command.failed", "message": message, "exit_code": code}).to_string(), retry: true }
    }
}

fn by_name(tasks: Vec<CommandTask>) -> BTreeMap<String, CommandTask> {
    tasks.into_iter().map(|task| (task.entry.name.clone(), task)).collect()
}

fn line(no: ChildNo, seq: Seq, stream: &'static str, text: String, now: Moment) -> Event {
    Event::Log { child: no, seq: Some(seq), line: Line { stream, level: None, logger: None, text, at: now.wall } }
}

/// What the machine lacks is no failure of the job: it is put off, and its attempt is not spent.
fn refused(refusal: &Value, now: Moment) -> Ended {
    if refusal["lack"] == true {
        return Ended::Snoozed { until: now.wall + LACK_PAUSE };
    }
    Ended::Failed { error: refusal.to_string(), retry: refusal["retry"].as_bool().unwrap_or(true) }
}

/// A line of the job and of the supervisor when the machine lacked something, for the attempt itself says only `snoozed`.
fn told_of_lack(no: ChildNo, seq: Seq, refusal: &Value, now: Moment) -> Option<Event> {
    let message = refusal["message"].as_str().filter(|_| refusal["lack"] == true)?;
    tracing::error!("{message}; it is tried again");
    Some(line(no, seq, "system", format!("… {message}; it is tried again, and no attempt is spent"), now))
}

fn not_begun(no: ChildNo, ended: Ended, words: &str) -> Event {
    let death = workaday_engine::Death { cause: json!({"kind": "not_started"}), words: words.to_owned() };
    Event::CommandEnded { child: no, end: CommandEnd { ended: Some(ended), death, spent: Spent::default() } }
}

/// `{"args": ["x"]}`: what is appended to `run`.
fn extra_arguments(args: &str) -> Result<Vec<String>, &'static str> {
    let value: Value = serde_json::from_str(args).map_err(|_| "is no JSON")?;
    let extra = match value.get("args") {
        None => return Ok(Vec::new()),
        Some(extra) => serde_json::from_value::<Vec<String>>(extra.clone()).map_err(|_| "is no list of texts")?,
    };
    if extra.iter().any(|argument| argument.contains('\0')) { Err("has a zero byte in it") } else { Ok(extra) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_arguments_are_a_list_of_texts_or_nothing() {
        assert_eq!(extra_arguments("{}"), Ok(vec![]));
        assert_eq!(extra_arguments(r#"{"args": ["a", "b c"]}"#), Ok(vec!["a".to_owned(), "b c".to_owned()]));
        assert!(extra_arguments(r#"{"args": "a"}"#).is_err());
        assert!(extra_arguments(r#"{"args": ["a\u0000b"]}"#).is_err());
    }
}
