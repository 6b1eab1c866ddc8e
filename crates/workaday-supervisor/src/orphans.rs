//! Finds and ends what an earlier generation, or a dead child, left behind.
//!
//! A process is ours by its WORKADAY_RUN (`instance:generation:child`) in /proc/PID/environ, never by its number alone:
//! numbers are used again. setsid and double forks do not hide it.

use crate::tree::Census;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::mpsc::channel;
use std::time::Duration;

/// All processes: number and name.
pub fn processes() -> Vec<(i64, String)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbered = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i64>().ok());
    numbered.map(|pid| (pid, std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned())).collect()
}

/// How long it may take to look through the environments of what is below us.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

/// Processes whose WORKADAY_RUN begins with `prefix`, this one left out.
pub fn marked(prefix: &str) -> Vec<i64> {
    with_mark(processes().into_iter().map(|(pid, _)| pid).collect(), prefix)
}

fn with_mark(pids: Vec<i64>, prefix: &str) -> Vec<i64> {
    let own = std::process::id() as i64;
    let needle = format!("WORKADAY_RUN={prefix}");
    pids.into_iter().filter(|pid| *pid != own && has_mark(*pid, &needle)).collect()
}

fn has_mark(pid: i64, needle: &str) -> bool {
    let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    environ.split(|byte| *byte == 0).any(|variable| variable.starts_with(needle.as_bytes()))
}

/// Kills every process of this machine with this mark, and what they start meanwhile. Returns how many were found.
///
/// To read a process's environment is to wait for its memory: a stranger that is short of it holds us up. For the start.
pub fn end_marked(prefix: &str) -> usize {
    end_all(|| marked(prefix))
}

/// The same among what descends from this process, which is where everything is that a child of ours left: we are its
/// subreaper. No stranger is asked, and one of our own that does not answer is waited for two seconds.
pub fn end_below(mark: &str) -> usize {
    let (said, heard) = channel();
    let looked_for = mark.to_owned();
    let look = move || {
        let _ = said.send(end_all(|| with_mark(below(), &looked_for)));
    };
    if std::thread::Builder::new().name("orphans".into()).spawn(look).is_err() {
        return end_all(|| with_mark(below(), mark));
    }
    heard.recv_timeout(LOOK_PATIENCE).unwrap_or_else(|_| {
        tracing::warn!("a process does not let its environment be read: what a child left behind may live on");
        0
    })
}

fn below() -> Vec<i64> {
    Census::take().below(i64::from(std::process::id()))
}

fn end_all(find: impl Fn() -> Vec<i64>) -> usize {
    let mut ended = 0;
    // A process may fork between our look and our kill: look until none is found, a bounded number of times.
    for _ in 0..10 {
        let found = find();
        let found: Vec<i64> = found.into_iter().filter(|pid| !is_zombie(*pid)).collect();
        if found.is_empty() {
            break;
        }
        for pid in found {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                ended += usize::from(kill_process(pid, Signal::KILL).is_ok());
            }
        }
    }
    ended
}

fn is_zombie(pid: i64) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// This boot, from the kernel: a number that a process of an earlier boot cannot have.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a process started, in clock ticks since boot; 0 when it is gone.
pub fn process_started_at(pid: i64) -> i64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0 };
    rest.split_whitespace().nth(19).and_then(|field| field.parse().ok()).unwrap_or(0)
}
