//! A folder with a store, and the program run in it.

use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Clock, SystemClock, Timestamp};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Store};

pub struct Project {
    pub folder: tempfile::TempDir,
}

#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Project {
    /// An empty folder: no configuration, no store.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// With a store whose catalogue has `shop.send(order_id: int, copy: bool = …, note: str = …)` and `shop.sweep()`.
    pub fn with_store() -> Self {
        let project = Self::empty();
        let send = json!({
            "name": "shop.send", "kind": "sync", "queue": "mail", "owner": "payments@shop.example", "expects": "the customer has the e-mail",
            "retry": {"attempts": 3, "backoff": "fixed", "base_us": 1000, "cap_us": 1000, "jitter": 0.0}, "timeout_us": 30_000_000,
            "params": {"type": "object", "required": ["order_id"], "additionalProperties": false, "properties": {
                "order_id": {"type": "integer", "format": "int64"}, "copy": {"type": "boolean"}, "note": {"type": "string"}}},
        });
        let sweep =
            json!({"name": "shop.sweep", "kind": "async", "params": {"type": "object", "properties": {}, "additionalProperties": false}});
        let entries: Vec<(TaskEntry, String)> =
            [send, sweep].iter().map(|entry| (serde_json::from_value(entry.clone()).expect("an entry"), entry.to_string())).collect();
        project.write(|store, now| store.put_catalogue(&entries, &[], Some("r1"), now).expect("the catalogue is stored"));
        project
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join(".workaday/workaday.db")
    }

    /// Writes to the store as the engine would.
    pub fn write<T>(&self, write: impl FnOnce(&mut SqliteStore, Timestamp) -> T) -> T {
        std::fs::create_dir_all(self.database().parent().expect("a folder")).expect("the folder is made");
        let mut store = SqliteStore::open(self.database(), OpenOptions::default()).expect("the store opens");
        store.begin(Durability::Full).expect("a transaction");
        let value = write(&mut store, SystemClock.now());
        store.commit().expect("the commit");
        value
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workaday"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin").env("USER", "ada");
        note_codes(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A program that reads nothing may have ended before it is written to.
        let _ = std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes());
        let ended = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: ended.status.code().expect("an exit code"), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// Runs what has to succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// Runs what has to be refused with this exit code and error code.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], code: i32, error: &str) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.err.starts_with(&format!("error[{error}]: ")), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains("\n  expected: ") && ended.err.contains("\n  retry:    "), "{ended:?}");
        ended
    }

    #[track_caller]
    pub fn enqueue(&self, args: &str) -> String {
        self.ok(&["enqueue", "shop.send", "--args", args]).out.trim().to_owned()
    }
}

/// The codes that the program meets are noted where those of the test are (tests/reached.py).
pub fn note_codes(command: &mut Command) {
    command.envs(std::env::var_os("REACHED_CODES").map(|path| ("REACHED_CODES", path)));
}
