//! Each check is turned from ok to what it is for; none is left out.

use super::facts::*;
use super::proxy::{Limit, Proxy};
use super::{Facts, State, judge};
use std::collections::BTreeSet;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::ScheduleHealth;
use workaday_store::sqlite::file_system::Verdict;

const NOW: Timestamp = Timestamp(2_000_000_000_000_000);
const HOUR: Length = Length(3_600_000_000);

fn ago(hours: i64) -> Timestamp {
    NOW - Length(HOUR.0 * hours)
}

/// A machine on which everything is as it should be.
fn well() -> Facts {
    Facts {
        now: NOW,
        store: Store {
            path: "workaday.db".into(),
            is_present: true,
            mode: Some(0o600),
            folder_mode: Some(0o700),
            owner: Some(1000),
            user: Some(1000),
            asker: 0,
            file_system: Some(Verdict::Fine),
            schema: Some((7, vec![])),
            newest_schema: 7,
            sqlite: "3.51.3".into(),
            python_sqlite: Some("3.52.0".into()),
            wal_bytes: Some(4096),
            wal_max: 1 << 28,
            disk_free: Some(1 << 40),
            disk_free_min: 1 << 30,
            sync_us: Some(900),
            is_copy: Some(false),
            writer: Some(None),
        },
        backup: Backup {
            newest: Some(Some(ago(3))),
            gone: None,
            proved: Some(Some(ago(30))),
            every: Length(HOUR.0 * 24),
            is_same_disk: Some(false),
        },
        worker: Worker {
            is_running: true,
            seen_at: Some(NOW),
            open_files_max: Some(65_536),
            uid: Some(1000),
            memory_free: Some(1 << 30),
            deaths: Some(0),
        },
        tasks: Some(Tasks::default()),
        schedules: Some(Schedules { health: ScheduleHealth::default(), ..Schedules::default() }),
        clock: Clock { is_synchronised: Some(true), zones: Some("2025b".into()), ahead: Some(Length(0)) },
        security: Security {
            is_served: true,
            bind: "127.0.0.1:8765".into(),
            public_url: Some("https://jobs.shop.example".into()),
            auth: "login",
            has_proxies: false,
            users: Some(1),
            endless_tokens: Some(vec![]),
            environment: Some(vec![]),
            arguments: Some(vec![]),
            logs: Some(vec![]),
            config_mode: Some(0o640),
            config_holds_secrets: false,
            dotenv_mode: Some(None),
            body_max: 1 << 20,
            proxy: Some(proxy(Some(Limit::Bytes(1 << 20)), None)),
            missing_headers: Some(vec![]),
        },
        release: Release {
            open: Some(None),
            has_staging: true,
            rehearsed: Some(Some(Rehearsed { at: ago(1), passed: true, is_of_this_revision: Some(true) })),
            expires: Length(HOUR.0 * 24),
            dirt: Some(vec![]),
        },
        system: System { exposure: Some(1.5), leftovers: vec![] },
        alerts: Alerts { receivers: 1, undelivered: Some(0) },
    }
}

fn state(facts: &Facts, name: &str) -> State {
    judge(facts).into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("there is no check {name}")).state
}

type Damage = (&'static str, State, fn(&mut Facts));

fn some() -> Vec<String> {
    vec!["shop.work".to_owned()]
}

const DAMAGES: &[Damage] = &[
    ("store.present", State::Red, |f| f.store.is_present = false),
    ("store.permissions", State::Red, |f| f.store.mode = Some(0o644)),
    ("store.permissions", State::Unknown, |f| f.store.mode = None),
    ("store.folder", State::Warn, |f| f.store.folder_mode = Some(0o755)),
    ("store.folder", State::Red, |f| f.store.folder_mode = Some(0o777)),
    ("store.owner", State::Red, |f| f.store.owner = Some(0)),
    ("store.owner", State::Unknown, |f| f.store.user = None),
    ("store.file_system", State::Red, |f| f.store.file_system = Some(Verdict::Refused("NFS"))),
    ("store.file_system", State::Warn, |f| f.store.file_system = Some(Verdict::NotDurable("tmpfs"))),
    ("store.schema", State::Warn, |f| f.store.schema = Some((6, vec![]))),
    ("store.schema", State::Red, |f| f.store.schema = Some((7, some()))),
    ("store.sqlite", State::Red, |f| f.store.sqlite = "3.51.2".into()),
    ("store.python_sqlite", State::Warn, |f| f.store.python_sqlite = Some("3.40.1".into())),
    ("store.python_sqlite", State::Unknown, |f| f.store.python_sqlite = None),
    ("store.wal", State::Warn, |f| f.store.wal_bytes = Some(1 << 30)),
    ("store.disk_free", State::Warn, |f| f.store.disk_free = Some(1 << 29)),
    ("store.disk_free", State::Red, |f| f.store.disk_free = Some(1 << 20)),
    ("store.fdatasync", State::Warn, |f| f.store.sync_us = Some(3)),
    ("store.adopted", State::Red, |f| f.store.is_copy = Some(true)),
    ("store.long_writer", State::Red, |f| f.store.writer = Some(Some(LongWriter { pid: 7, program: "python".into(), held: HOUR }))),
    ("store.long_writer", State::Unknown, |f| f.store.writer = None),
    ("clock.not_behind", State::Red, |f| f.clock.ahead = Some(HOUR)),
    ("clock.not_behind", State::Unknown, |f| f.clock.ahead = None),
    ("backup.age", State::Red, |f| f.backup.newest = Some(None)),
    ("backup.age", State::Red, |f| f.backup.newest = Some(Some(ago(49)))),
    ("backup.age", State::Unknown, |f| f.backup.newest = None),
    ("backup.proof", State::Warn, |f| f.backup.proved = Some(None)),
    ("backup.proof", State::Warn, |f| f.backup.proved = Some(Some(ago(31 * 24)))),
    ("backup.apart", State::Warn, |f| f.backup.is_same_disk = Some(true)),
    ("worker.running", State::Red, |f| f.worker.is_running = false),
    ("worker.heartbeat", State::Red, |f| f.worker.seen_at = Some(ago(1))),
    ("worker.heartbeat", State::Unknown, |f| f.worker.is_running = false),
    ("worker.open_files", State::Warn, |f| f.worker.open_files_max = Some(1024)),
    ("worker.not_root", State::Red, |f| f.worker.uid = Some(0)),
    ("worker.memory_free", State::Warn, |f| f.worker.memory_free = Some(200 << 20)),
    ("worker.memory_free", State::Red, |f| f.worker.memory_free = Some(1 << 20)),
    ("worker.deaths", State::Warn, |f| f.worker.deaths = Some(1)),
    ("tasks.owner", State::Warn, |f| tasks(f).without_owner = some()),
    ("tasks.owner", State::Unknown, |f| f.tasks = None),
    ("tasks.expects", State::Warn, |f| tasks(f).without_expects = some()),
    ("tasks.rollback", State::Warn, |f| tasks(f).without_rollback = some()),
    ("tasks.timeout", State::Warn, |f| tasks(f).without_timeout = some()),
    ("tasks.retry_safe", State::Red, |f| tasks(f).retried_unsafe = some()),
    ("tasks.held", State::Warn, |f| tasks(f).held = 1),
    ("tasks.waiting", State::Warn, |f| tasks(f).waiting_since = Some(ago(1))),
    ("tasks.discarded", State::Warn, |f| tasks(f).discarded = 1),
    ("schedules.readable", State::Red, |f| schedules(f).broken = some()),
    ("schedules.ran", State::Warn, |f| schedules(f).never_run = some()),
    ("schedules.reachable", State::Red, |f| schedules(f).unreachable = some()),
    ("schedules.decided", State::Red, |f| schedules(f).health.oldest_due_at = Some(ago(1))),
    ("schedules.decided", State::Unknown, |f| f.schedules = None),
    ("clock.synchronised", State::Warn, |f| f.clock.is_synchronised = Some(false)),
    ("clock.synchronised", State::Unknown, |f| f.clock.is_synchronised = None),
    ("clock.zones", State::Unknown, |f| f.clock.zones = None),
    ("security.exposure", State::Warn, |f| f.security.bind = "0.0.0.0:8765".into()),
    ("security.exposure", State::Red, |f| {
        f.security.bind = "[::]:8765".into();
        f.security.auth = "none";
    }),
    ("security.login", State::Red, |f| f.security.auth = "none"),
    ("security.login", State::Red, |f| f.security.auth = "proxy"),
    ("security.public_url", State::Warn, |f| f.security.public_url = Some("http://jobs.shop.example".into())),
    ("security.users", State::Warn, |f| f.security.users = Some(0)),
    ("security.tokens", State::Warn, |f| f.security.endless_tokens = Some(some())),
    ("security.environment", State::Warn, |f| f.security.environment = Some(some())),
    ("security.arguments", State::Red, |f| f.security.arguments = Some(some())),
    ("security.logs", State::Red, |f| f.security.logs = Some(some())),
    ("security.config", State::Red, |f| f.security.config_mode = Some(0o666)),
    ("security.config", State::Warn, |f| {
        f.security.config_mode = Some(0o644);
        f.security.config_holds_secrets = true;
    }),
    ("security.dotenv", State::Red, |f| f.security.dotenv_mode = Some(Some(0o644))),
    ("security.body_max", State::Warn, |f| f.security.body_max = 1 << 30),
    ("security.proxy_body_max", State::Warn, |f| f.security.proxy = Some(proxy(Some(Limit::Bytes(1 << 30)), None))),
    ("security.proxy_body_max", State::Warn, |f| f.security.proxy = Some(proxy(Some(Limit::Endless), Some("an import")))),
    ("security.proxy_body_max", State::Unknown, |f| f.security.proxy = Some(proxy(Some(Limit::Bytes(1)), Some("an import")))),
    ("security.proxy_body_max", State::Unknown, |f| f.security.proxy = Some(proxy(None, None))),
    ("security.proxy_body_max", State::Unknown, |f| f.security.proxy = None),
    ("security.headers", State::Red, |f| f.security.missing_headers = Some(some())),
    ("security.headers", State::Unknown, |f| f.security.missing_headers = None),
    ("release.open", State::Warn, |f| f.release.open = Some(Some((3, NOW)))),
    ("release.open", State::Red, |f| f.release.open = Some(Some((3, ago(2))))),
    ("release.rehearsal", State::Warn, |f| f.release.has_staging = false),
    ("release.rehearsal", State::Warn, |f| f.release.rehearsed = Some(None)),
    ("release.rehearsal", State::Red, |f| rehearsed(f).passed = false),
    ("release.rehearsal", State::Warn, |f| rehearsed(f).at = ago(25)),
    ("release.rehearsal", State::Warn, |f| rehearsed(f).is_of_this_revision = Some(false)),
    ("release.rehearsal", State::Unknown, |f| rehearsed(f).is_of_this_revision = None),
    ("release.clean", State::Warn, |f| f.release.dirt = Some(some())),
    ("release.clean", State::Unknown, |f| f.release.dirt = None),
    ("system.exposure", State::Warn, |f| f.system.exposure = Some(3.0)),
    ("system.exposure", State::Red, |f| f.system.exposure = Some(9.6)),
    ("system.exposure", State::Unknown, |f| f.system.exposure = None),
    ("system.leftovers", State::Warn, |f| f.system.leftovers = some()),
    ("alerts.receivers", State::Red, |f| f.alerts.receivers = 0),
    ("alerts.undelivered", State::Red, |f| f.alerts.undelivered = Some(2)),
];

fn proxy(widest: Option<Limit>, open: Option<&str>) -> Proxy {
    Proxy { file: "/etc/nginx/nginx.conf".into(), widest, open: open.map(str::to_owned) }
}

fn tasks(facts: &mut Facts) -> &mut Tasks {
    facts.tasks.as_mut().expect("tasks")
}

fn schedules(facts: &mut Facts) -> &mut Schedules {
    facts.schedules.as_mut().expect("schedules")
}

fn rehearsed(facts: &mut Facts) -> &mut Rehearsed {
    facts.release.rehearsed.as_mut().and_then(Option::as_mut).expect("a rehearsal")
}

#[test]
fn a_machine_that_is_well_is_green() {
    let bad: Vec<_> = judge(&well()).into_iter().filter(|check| check.state != State::Ok).collect();
    assert_eq!(bad, []);
}

#[test]
fn each_damage_turns_its_check_and_the_check_says_what_to_do() {
    for (name, expected, damage) in DAMAGES {
        let mut facts = well();
        damage(&mut facts);
        assert_eq!(state(&facts, name), *expected, "{name}");
        let check = judge(&facts).into_iter().find(|check| check.name == *name).expect("it was judged");
        assert!(!check.found.is_empty() && !check.expected.is_empty() && !check.fix.is_empty(), "{name}");
    }
}

#[test]
fn every_check_has_a_damage_and_names_are_given_once() {
    let names: Vec<String> = judge(&well()).into_iter().map(|check| check.name).collect();
    let known: BTreeSet<&str> = DAMAGES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
    assert_eq!(names.len(), known.len());
    assert!(names.len() >= 40, "{} checks", names.len());
}

#[test]
fn sizes_read_well() {
    let sizes = [(0, "0 bytes"), (48 << 10, "48 KiB"), (1 << 20, "1 MiB"), (900 << 20, "900 MiB"), (42_102 << 20, "41.1 GiB")];
    for (bytes, text) in sizes {
        assert_eq!(super::size(bytes), text);
    }
}

#[test]
fn the_worst_stands_first() {
    let mut facts = well();
    facts.alerts.receivers = 0;
    facts.tasks = None;
    facts.store.sync_us = Some(3);
    let states: Vec<State> = judge(&facts).iter().map(|check| check.state).collect();
    assert_eq!(states[0], State::Red);
    assert!(states.is_sorted(), "{states:?}");
}

#[test]
fn a_rehearsal_without_staging_says_first_what_it_needs() {
    let mut facts = well();
    facts.release.has_staging = false;
    let found = judge(&facts).into_iter().find(|check| check.name == "release.rehearsal").expect("it is asked");
    assert_eq!(found.fix, "[release.staging] in workaday.toml, then workaday rehearse");
}
