//! The supervisor and what the machine leaves it.

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either, size};
use workaday_core::clock::{Length, format_length};

const SILENT_US: i64 = 90_000_000;
const FILES_MIN: u64 = 4_096;
const MEMORY_WARN: u64 = 256 << 20;
const MEMORY_RED: u64 = 64 << 20;
const NOBODY: &str = "no supervisor runs";

const RUNNING: Ask =
    ask("worker.running", Sure::Measured, "one `workaday up`, started by the system", "workaday up; `workaday install` keeps it up");
const HEARTBEAT: Ask =
    ask("worker.heartbeat", Sure::Measured, "heard in the last 90 seconds", "workaday worker list; restart it when it hangs");
const FILES: Ask = ask("worker.open_files", Sure::Measured, "4096 open files or more", "LimitNOFILE=65536 in its unit");
const ROOT: Ask = ask("worker.not_root", Sure::Measured, "a user of its own", "User=workaday in its unit: `workaday install`");
const MEMORY: Ask = ask(
    "worker.memory_free",
    Sure::Measured,
    "256 MiB or more that the kernel could give",
    "fewer processes, `recycle_above`, or more memory",
);
const DEATHS: Ask = ask(
    "worker.deaths",
    Sure::Measured,
    "no child that died in the last day",
    "workaday worker list --all; workaday job list --held quarantine",
);

pub fn checks(facts: &Facts) -> Vec<Check> {
    let worker = &facts.worker;
    vec![
        RUNNING.is(either(worker.is_running, State::Red), if worker.is_running { "running" } else { NOBODY }),
        HEARTBEAT.of(worker.seen_at.filter(|_| worker.is_running), NOBODY, |at| {
            let age = (facts.now - at).0.max(0);
            (either(age <= SILENT_US, State::Red), format!("{} ago", format_length(Length(age / 1_000_000 * 1_000_000))))
        }),
        FILES.of(worker.open_files_max, NOBODY, |files| (either(files >= FILES_MIN, State::Warn), files.to_string())),
        ROOT.of(worker.uid, NOBODY, |uid| (either(uid != 0, State::Red), if uid == 0 { "root".to_owned() } else { format!("uid {uid}") })),
        MEMORY.of(worker.memory_free, "the kernel does not say", |bytes| {
            (if bytes < MEMORY_RED { State::Red } else { either(bytes >= MEMORY_WARN, State::Warn) }, size(bytes))
        }),
        DEATHS.of(worker.deaths, "the store could not be asked", |deaths| {
            (either(deaths == 0, State::Warn), format!("{deaths} in the last day"))
        }),
    ]
}
