//! The file, its disk, and both SQLites that write to it.

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either, few, size};
use workaday_core::clock::format_length;
use workaday_store::sqlite::file_system::Verdict;

/// Older ones can lose commits at a checkpoint.
const SQLITE_MIN: [u32; 3] = [3, 51, 3];
/// No disk answers faster; what does has not written.
const SYNC_MIN_US: i64 = 20;
const ABSENT: &str = "there is no store to look at";

const PRESENT: Ask = ask("store.present", Sure::Measured, "a store at `database`", "workaday up");
const PERMISSIONS: Ask =
    ask("store.permissions", Sure::Measured, "0600: arguments and results are in it", "chmod 600 the database and its -wal and -shm");
const FOLDER: Ask =
    ask("store.folder", Sure::Measured, "0700: others can neither list nor replace the store", "chmod 700 the folder of the database");
const OWNER: Ask = ask("store.owner", Sure::Measured, "the user that the supervisor runs as", "chown the store to that user");
const FILE_SYSTEM: Ask = ask("store.file_system", Sure::Measured, "a local disk: ext4, xfs, btrfs, zfs", "move the store to a local disk");
const SCHEMA: Ask = ask("store.schema", Sure::Measured, "the newest schema, unchanged", "workaday migrate");
const SQLITE: Ask = ask("store.sqlite", Sure::Measured, "SQLite 3.51.3 or newer in this program", "upgrade workaday");
const PYTHON_SQLITE: Ask = ask(
    "store.python_sqlite",
    Sure::Measured,
    "SQLite 3.51.3 or newer in the app's Python, which writes the store too when it enqueues in a transaction of its own",
    "a newer Python, or enqueue through workaday's own connection",
);
const WAL: Ask = ask("store.wal", Sure::Measured, "a WAL below `[alerts] wal_size`", "find the reader that stays open: workaday status");
const DISK: Ask = ask("store.disk_free", Sure::Measured, "more than `[alerts] disk_free`", "workaday prune; then a larger disk");
const SYNC: Ask = ask(
    "store.fdatasync",
    Sure::Inferred,
    "20 us or more: a disk that answers faster has not written",
    "switch off the volatile write cache, or ask the host whether it honours flushes",
);
const WRITER: Ask = ask(
    "store.long_writer",
    Sure::Measured,
    "nobody who holds the write lock for 2 seconds: enqueues and outcomes wait for it",
    "commit sooner in that process: no network and no computing inside a transaction",
);
const COPY: Ask =
    ask("store.adopted", Sure::Measured, "a store that is bound to this file", "workaday up --adopt, when this copy is meant to run");

pub fn checks(facts: &Facts) -> Vec<Check> {
    let store = &facts.store;
    let mode = |mode: u32, open: u32, state| (either(mode & open == 0, state), format!("{:04o}", mode & 0o7777));
    vec![
        PRESENT.is(
            either(store.is_present, State::Red),
            if store.is_present { store.path.clone() } else { format!("nothing at {}", store.path) },
        ),
        PERMISSIONS.of(store.mode, ABSENT, |bits| mode(bits, 0o077, State::Red)),
        FOLDER.of(store.folder_mode, ABSENT, |bits| mode(bits, 0o077, if bits & 0o022 == 0 { State::Warn } else { State::Red })),
        OWNER.of(store.owner, ABSENT, |owner| match store.user {
            Some(user) => (either(owner == user, State::Red), format!("uid {owner}, the supervisor is uid {user}")),
            None if owner == store.asker => (State::Ok, format!("uid {owner}, as this program; no supervisor runs")),
            // Root may look at any store: that says nothing of who will run it.
            None => (State::Unknown, format!("uid {owner}; no supervisor runs, and this program is uid {}", store.asker)),
        }),
        FILE_SYSTEM.of(store.file_system, ABSENT, |verdict| match verdict {
            Verdict::Fine => (State::Ok, "local".to_owned()),
            Verdict::NotDurable(kind) => (State::Warn, format!("{kind}: gone with the next start of the machine or container")),
            Verdict::Refused(kind) => (State::Red, format!("{kind}: its locks are not to be trusted")),
        }),
        SCHEMA.of(store.schema.as_ref(), ABSENT, |(number, differences)| match (*number == store.newest_schema, differences.is_empty()) {
            (true, true) => (State::Ok, format!("schema {number}")),
            (false, true) => (State::Warn, format!("schema {number} of {}", store.newest_schema)),
            (_, false) => (State::Red, few(differences)),
        }),
        SQLITE.of(version(&store.sqlite), "its version does not read", |found| {
            (either(found >= SQLITE_MIN, State::Red), store.sqlite.clone())
        }),
        PYTHON_SQLITE.of(store.python_sqlite.as_deref().and_then(version), "the interpreter did not say", |found| {
            (either(found >= SQLITE_MIN, State::Warn), store.python_sqlite.clone().unwrap_or_default())
        }),
        WAL.of(store.wal_bytes, ABSENT, |bytes| (either(bytes <= store.wal_max, State::Warn), size(bytes))),
        DISK.of(store.disk_free, "the kernel does not say", |bytes| {
            let state = if bytes < store.disk_free_min / 4 { State::Red } else { either(bytes >= store.disk_free_min, State::Warn) };
            (state, format!("{} free", size(bytes)))
        }),
        SYNC.of(store.sync_us, "the folder takes no file to time it on", |us| (either(us >= SYNC_MIN_US, State::Warn), format!("{us} us"))),
        WRITER.of(store.writer.as_ref(), ABSENT, |writer| match writer {
            None => (State::Ok, "nobody".to_owned()),
            Some(found) => (State::Red, format!("pid {} ({}), for {} or more", found.pid, found.program, format_length(found.held))),
        }),
        COPY.of(store.is_copy, "no supervisor has bound it yet", |is_copy| match is_copy {
            true => (State::Red, "a copy that nobody adopted: nothing is claimed".to_owned()),
            false => (State::Ok, "bound".to_owned()),
        }),
    ]
}

fn version(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split('.').map(|part| part.trim().parse().ok());
    Some([parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)])
}
