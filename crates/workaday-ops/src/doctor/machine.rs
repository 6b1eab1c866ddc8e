//! What the kernel, other programs and the running dashboard say.

use super::facts::LongWriter;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use workaday_core::clock::Length;

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

/// Who holds the write lock of a store for two seconds on end; inner `None`: nobody.
///
/// Read from `/proc/locks`. To ask for the lock would mean to open the file, and to close it again would end every lock that
/// this process has on it (POSIX): in a supervisor that would be the end of its store.
pub fn long_writer(database: &Path) -> Option<Option<LongWriter>> {
    const LONG: Duration = Duration::from_secs(2);
    let shm = std::fs::metadata(crate::files::with_end(database, "-shm")).ok().map(|found| found.ino());
    let wal = || std::fs::metadata(crate::files::with_end(database, "-wal")).ok().map(|found| (found.mtime(), found.mtime_nsec()));
    let Some(inode) = shm else { return Some(None) };
    let holder = || Some(writer_of(&std::fs::read_to_string("/proc/locks").ok()?, inode));
    let Some(pid) = holder()? else { return Some(None) };
    let (began, written) = (Instant::now(), wal());
    while began.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(20));
        // A commit in between: many short transactions, which is as it should be.
        if holder()? != Some(pid) || wal() != written {
            return Some(None);
        }
    }
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
    Some(Some(LongWriter { pid, program, held: Length(LONG.as_micros() as i64) }))
}

/// The process whose write lock covers the byte that SQLite's writers take in the shared memory of a WAL.
fn writer_of(locks: &str, inode: u64) -> Option<i64> {
    const WRITE_BYTE: u64 = 120;
    let end = format!(":{inode}");
    locks.lines().find_map(|line| {
        // `1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 120 120`; those that wait have `->` behind the number.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX" | "OFDLCK", _, "WRITE", pid, place, from, to] = words[..] else { return None };
        let (from, to) = (from.parse::<u64>().ok()?, to.parse::<u64>().unwrap_or(u64::MAX));
        (place.ends_with(&end) && (from..=to).contains(&WRITE_BYTE)).then(|| pid.parse().ok()).flatten()
    })
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
    fn the_holder_of_the_write_lock_is_read_from_the_kernels_list() {
        let locks = "1: POSIX  ADVISORY  READ 10 fe:01:77 123 123\n2: POSIX  ADVISORY  WRITE 11 fe:01:78 120 120\n\
                     3: -> POSIX  ADVISORY  WRITE 12 fe:01:77 120 120\n4: POSIX  ADVISORY  WRITE 13 fe:01:77 120 120\n5: FLOCK  ADVISORY  WRITE 14 fe:01:77 0 EOF\n";
        assert_eq!(writer_of(locks, 77), Some(13));
        assert_eq!(writer_of(locks, 79), None);
    }

    #[test]
    fn a_unit_is_graded_by_systemd_itself() {
        use crate::install::{Plan, files};
        if answer(Command::new("systemd-analyze").arg("--version")).is_none() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let plan = Plan {
            is_user: false,
            account: "workaday".into(),
            program: "/bin/true".into(),
            config: "/opt/shop/workaday.toml".into(),
            folder: "/opt/shop".into(),
            writes: vec!["/opt/shop/.workaday".into()],
            service: None,
            stop: Length::seconds(40),
            user_config: "/opt/ada".into(),
        };
        let text = files(&plan).expect("units").into_iter().find(|file| file.path.ends_with("workaday.service")).expect("a unit").text;
        let graded = |text: &str| {
            let unit = folder.path().join("workaday.service");
            std::fs::write(&unit, text).expect("written");
            grade(&unit).expect("a figure")
        };
        assert!(graded(&text) <= 2.0, "as installed: {}", graded(&text));
        let opened: Vec<&str> = text.lines().filter(|line| !line.starts_with("Protect") && !line.starts_with("System")).collect();
        assert!(graded(&opened.join("\n")) > 2.0, "with its walls taken down");
    }

    #[test]
    fn a_program_that_fails_or_is_not_there_gives_no_answer() {
        assert_eq!(answer(Command::new("sh").args(["-c", "echo 1"])).as_deref(), Some("1\n"));
        assert_eq!(answer(Command::new("sh").args(["-c", "echo 1; exit 3"])), None);
        assert_eq!(answer(&mut Command::new("no-such-program-here")), None);
    }
}
