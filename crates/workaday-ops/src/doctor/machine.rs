//! What the kernel, other programs and the running dashboard say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether the kernel disciplines its clock; `None` when it refuses to say.
#[cfg(target_os = "linux")]
pub fn is_synchronised() -> Option<bool> {
    // SAFETY: a timex of zero bytes is valid; with `modes` 0 adjtimex changes nothing and only fills it.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut timex), timex.status)
    };
    (state >= 0).then_some(state != libc::TIME_ERROR && status & libc::STA_UNSYNC == 0)
}

#[cfg(not(target_os = "linux"))]
pub fn is_synchronised() -> Option<bool> {
    None
}

/// `2025b`, from the files that tzdata installs.
pub fn zone_version() -> Option<String> {
    let folder = Path::new("/usr/share/zoneinfo");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let named = read("tzdata.zi").and_then(|text| text.lines().next()?.strip_prefix("# version ").map(str::to_owned));
    named.or_else(|| read("+VERSION")).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn status_of(pid: i64, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches(':').trim().to_owned()))
}

/// The effective user of a process.
pub fn uid_of(pid: i64) -> Option<u32> {
    status_of(pid, "Uid")?.split_whitespace().nth(1)?.parse().ok()
}

/// The soft limit of a process.
pub fn open_files_max(pid: i64) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let soft = text.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

pub fn memory_free() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The SQLite that an interpreter brings along.
pub fn python_sqlite(python: &Path) -> Option<String> {
    answer(Command::new(python).args(["-I", "-c", "import sqlite3; print(sqlite3.sqlite_version)"])).map(|text| text.trim().to_owned())
}

/// systemd's figure for the unit that a process runs in, else for the installed `workaday.service`.
pub fn exposure(pid: Option<i64>) -> Option<f64> {
    let group = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()).unwrap_or_default();
    let unit = group.trim().rsplit('/').find(|part| part.ends_with(".service")).unwrap_or("workaday.service").to_owned();
    let path =
        ["/etc/systemd/system", "/lib/systemd/system"].iter().map(|folder| Path::new(folder).join(&unit)).find(|path| path.exists())?;
    grade(&path)
}

/// systemd's figure for a unit file, 0.0 to 10.0; `None` without the tool.
pub fn grade(unit: &Path) -> Option<f64> {
    let text = answer(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit))?;
    let line = text.lines().find(|line| line.contains("Overall exposure level"))?;
    // Not the last colon: without a UTF-8 locale the line ends in a face, `:-)`.
    line.split_once(": ")?.1.split_whitespace().next()?.parse().ok()
}

/// What a program prints, if it ends well within ten seconds.
pub fn answer(command: &mut Command) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    // Read beside the wait: a long answer would fill the pipe, and its writer would never end.
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).ok().map(|_| text)
    });
    let began = Instant::now();
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if began.elapsed() > PATIENCE => {
                let _ = child.kill();
                break child.wait().ok()?;
            }
            // Looked for again: a child can be waited for without a limit or not at all.
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = reading.join().ok().flatten()?;
    status.success().then_some(text)
}

/// The shortest of five synced writes in a folder, in microseconds.
pub fn sync_us(folder: &Path) -> Option<i64> {
    let path: PathBuf = folder.join(format!(".workaday-doctor-{}", std::process::id()));
    let mut file = crate::files::new_private(&path).ok()?;
    let _ = std::fs::remove_file(&path);
    let mut shortest = None;
    for _ in 0..5 {
        file.write_all(&[b'.'; 4096]).ok()?;
        let began = Instant::now();
        file.sync_data().ok()?;
        let took = began.elapsed().as_micros() as i64;
        shortest = Some(shortest.map_or(took, |known: i64| known.min(took)));
    }
    shortest
}

/// Headers that protect a page, with what has to stand in them.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "frame-ancestors"),
    ("content-security-policy", "default-src"),
    ("referrer-policy", ""),
    ("cache-control", "no-store"),
];

/// Asks the dashboard for its login page and looks what is missing; `None`: it is not served, or does not answer.
pub fn missing_headers(database: &Path) -> Option<Vec<String>> {
    let database = std::fs::canonicalize(database).ok()?;
    let url = std::fs::read_to_string(crate::files::with_end(&database, "-web")).ok()?;
    let host = url.lines().next()?.trim().strip_prefix("http://")?.trim_end_matches('/').to_owned();
    let address = std::net::ToSocketAddrs::to_socket_addrs(&*host).ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
    let mut head = vec![];
    let _ = stream.take(64 << 10).read_to_end(&mut head);
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let (head, _) = text.split_once("\r\n\r\n")?;
    head.starts_with("http/1.").then(|| missing(head))
}

fn missing(head: &str) -> Vec<String> {
    let sent = |name: &str, words: &str| {
        head.lines().filter_map(|line| line.split_once(':')).any(|(own, value)| own.trim() == name && value.contains(words))
    };
    let lacking = HEADERS.iter().filter(|(name, words)| !sent(name, words));
    lacking.map(|(name, words)| if words.is_empty() { (*name).to_owned() } else { format!("{name}: {words}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_that_is_not_sent_is_named() {
        let all = "http/1.1 200 ok\r\nx-content-type-options: nosniff\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\nreferrer-policy: no-referrer\r\ncache-control: no-store";
        assert_eq!(missing(all), Vec::<String>::new());
        assert_eq!(missing(&all.replace("nosniff", "sniff")), ["x-content-type-options: nosniff"]);
        assert_eq!(missing(&all.replace("referrer-policy", "x")), ["referrer-policy"]);
    }

    #[test]
    fn a_program_that_fails_or_is_not_there_gives_no_answer() {
        assert_eq!(answer(Command::new("sh").args(["-c", "echo 1"])).as_deref(), Some("1\n"));
        assert_eq!(answer(Command::new("sh").args(["-c", "echo 1; exit 3"])), None);
        assert_eq!(answer(&mut Command::new("no-such-program-here")), None);
    }
}
