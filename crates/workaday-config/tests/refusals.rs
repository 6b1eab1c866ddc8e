//! What a configuration may say, and the words with which the rest is refused.

use std::path::Path;
use workaday_config::{ConfigError, Settings, Sources, load};
use workaday_core::clock::Length;

fn settings(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("workaday.toml"), text).expect("the file is written");
    read_in(folder.path(), variables)
}

fn read_in(folder: &Path, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&Sources { folder: folder.to_path_buf(), variables, cores: 3, ..Sources::default() })
}

fn refusal(text: &str) -> String {
    settings(text, &[]).expect_err("a refusal").to_string()
}

#[test]
fn without_a_file_the_defaults_hold() {
    let folder = tempfile::tempdir().unwrap();
    let settings = read_in(folder.path(), &[]).unwrap();
    assert_eq!(settings.worker.processes, 3);
    assert_eq!(settings.worker.grace, Length::seconds(10));
    assert_eq!(settings.worker.kill_after, Length::seconds(5));
    assert_eq!(settings.worker.async_slots, 100);
    assert_eq!(settings.retention.discarded, Length::days(90));
    assert_eq!(settings.database.path(), folder.path().join(".workaday/workaday.db"));
    assert_eq!(settings.file, None);
}

#[test]
fn the_file_is_found_upwards_and_its_folder_is_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(folder.path().join("workaday.toml"), "app = \"jobs:app\"\ndatabase = \"sqlite:///data/jobs.db\"\n").unwrap();
    let settings = read_in(&deep, &[]).unwrap();
    assert_eq!(settings.root, folder.path());
    assert_eq!(settings.app.as_deref(), Some("jobs:app"));
    assert_eq!(settings.database.path(), folder.path().join("data/jobs.db"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workaday.toml"), "app = \"file:app\"\n[worker]\nprocesses = 2\n[queues.mail-out]\nslots = 1\n")
        .unwrap();
    let variables = [("WORKADAY_APP", "env:app"), ("WORKADAY_WORKER_PROCESSES", "7"), ("WORKADAY_QUEUES_MAIL_OUT_SLOTS", "4")];
    let from_environment = read_in(folder.path(), &variables).unwrap();
    assert_eq!(from_environment.app.as_deref(), Some("env:app"));
    assert_eq!(from_environment.worker.processes, 7);
    assert_eq!(from_environment.queues["mail-out"].slots, Some(4));
    assert_eq!(from_environment.origin("worker", "", "processes").to_string(), "environment variable WORKADAY_WORKER_PROCESSES");
    let overrides = vec![("", "app", "line:app".to_owned(), "up APP")];
    let sources = Sources { folder: folder.path().into(), overrides, cores: 1, ..Sources::default() };
    assert_eq!(load(&sources).unwrap().app.as_deref(), Some("line:app"));
}

#[test]
fn a_variable_that_is_no_twin_is_a_warning_and_ours_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("WORKADAY_WORKER_PROCESES", "7"), ("WORKADAY_RUN", "x"), ("WORKADAY_SECRET_KEY", "x"), ("PATH", "/bin")];
    let settings = read_in(folder.path(), &variables).unwrap();
    assert_eq!(
        settings.warnings,
        ["environment variable WORKADAY_WORKER_PROCESES is the twin of no key; did you mean WORKADAY_WORKER_PROCESSES?"]
    );
}

#[test]
fn a_slip_in_a_key_is_named_with_its_line_and_the_nearest_name() {
    assert_eq!(
        refusal("app = \"jobs:app\"\n\n[worker]\nproceses = 4\n"),
        "error[config.unknown_key]: workaday.toml:4: `worker.proceses` is no key\n  \
         expected: in [worker]: processes, threads, async_processes, async_slots, solo, commands, grace, kill_after, recycle_after_jobs, recycle_above, python\n  \
         got:      proceses = 4\n  \
         retry:    safe after the file is fixed; nothing was changed\n  \
         hint:     did you mean `processes`?"
    );
}

#[test]
fn several_slips_are_reported_at_once_in_the_order_of_the_file() {
    let problems = settings("ap = 1\n[worker]\ngrace = 10\n[queue.mail]\nslots = 0\n[queues.mail]\nslots = 0\n", &[]).unwrap_err().problems;
    let codes: Vec<&str> = problems.iter().map(|problem| &*problem.code).collect();
    assert_eq!(codes, ["config.unknown_key", "config.wrong_type", "config.unknown_section", "config.impossible_value"], "{problems:#?}");
}

#[test]
fn a_number_without_its_unit_is_told_how_to_write_it() {
    let text = refusal("[worker]\ngrace = 10\n");
    assert!(text.contains("`worker.grace` is a whole number") && text.contains("write the unit: \"10s\""), "{text}");
    let text = refusal("[worker]\nrecycle_above = 512\n");
    assert!(text.contains("write the unit: \"512M\""), "{text}");
}

#[test]
fn the_usual_mistakes_have_their_hint() {
    for (file, code, hint) in [
        ("[worker]\nprocesses = \"4\"\n", "config.wrong_type", "without quotes: 4"),
        ("app = \"jobs.py\"\n", "config.impossible_value", "name the module, not the file: \"jobs:app\""),
        ("app = \"src/jobs.py:app\"\n", "config.impossible_value", "\"src.jobs:app\""),
        ("[command.backup]\nrun = \"pg_dump shop\"\n", "config.wrong_type", "one item a word, no shell: [\"pg_dump\", \"shop\"]"),
        ("[schedules.a]\ntask = \"t\"\ncron = \"* * * * *\"\noverlap = \"skpi\"\n", "config.impossible_value", "did you mean \"skip\"?"),
        ("[worker]\nslots = 3\n", "config.unknown_key", "`slots` belongs in [queues.NAME]"),
        ("[workers]\n", "config.unknown_section", "did you mean `worker`?"),
        ("database = \"postgresql://user:secret@host/db\"\n", "config.database_unsupported", "PostgreSQL is not served yet"),
        ("[schedules]\ntzz = \"UTC\"\n", "config.unknown_key", "did you mean `tz`?"),
    ] {
        let text = refusal(file);
        assert!(text.contains(code) && text.contains(hint), "{file}\n{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_with_what_could() {
    for (file, expected) in [
        ("[worker]\nprocesses = 0\n", "a whole number from 1 to 1024"),
        ("[worker]\nkill_after = \"0s\"\n", "of 1ms or more"),
        ("[retention]\ncompleted = \"yesterday\"\n", "a length of time"),
        ("[queues.mail]\nrate = \"many\"\n", "a rate: \"10/s\""),
        ("[command.a]\nrun = []\n", "a program and its arguments"),
        ("[command.a]\nrun = [\"x\"]\npriority = 101\n", "from -100 to 100"),
        ("[web]\nbind = \"7227\"\n", "host:port"),
        ("[worker]\nprocesses = 99999999999999999999\n", "a whole number from 1 to 1024"),
        ("[queues]\nmail = 3\n", "a table with its keys: [queues.NAME]"),
        ("worker = 3\n", "a table: [worker]"),
    ] {
        let text = refusal(file);
        assert!(text.contains(expected), "{file}\n{text}");
    }
}

#[test]
fn keys_that_need_or_exclude_each_other_are_checked() {
    for (file, code, message) in [
        ("[command.backup]\ntimeout = \"5m\"\n", "config.missing_key", "[command.backup] has no `run`"),
        ("[command.a]\nrun = [\"x\"]\nat_most_once = true\nretry = { attempts = 3 }\n", "config.contradiction", "runs at most once"),
        ("[schedules.night]\ntask = \"t\"\n", "config.missing_key", "says not when it is due"),
        (
            "[schedules.night]\ntask = \"t\"\ncron = \"* * * * *\"\nevery = \"5m\"\n",
            "config.contradiction",
            "says more than once when it is due",
        ),
        ("[schedules.night]\nevery = \"5m\"\n", "config.missing_key", "names no task"),
        ("[alerts.ops]\non = [\"late\"]\n", "config.missing_key", "tells nobody"),
        ("[alerts.ops]\nemail = \"ops@shop.example\"\n", "config.missing_key", "no mail server"),
        (
            "[alerts.ops]\nwebhook = \"https://hooks.example\"\non = [\"discared\"]\n",
            "config.impossible_value",
            "`discared`, which is no alert",
        ),
        (
            "[alerts]\nsmtp = \"smtp://localhost\"\n[alerts.ops]\nemail = \"a@b.example\"\nsecret = \"env:X\"\n",
            "config.contradiction",
            "no webhook to sign",
        ),
        (
            "[command.a]\nrun = [\"a\"]\nping = \"hc.example/x\"\n",
            "config.impossible_value",
            "`command.a.ping` cannot be what is written there",
        ),
        (
            "[alerts.ops]\nwebhook = \"http://hooks.example/secret\"\n",
            "config.contradiction",
            "`alerts.ops.webhook` is sent to in the clear, which [alerts] does not allow",
        ),
        (
            "[command.a]\nrun = [\"a\"]\nping = \"http://hc.example/x\"\n",
            "config.contradiction",
            "`command.a.ping` is sent to in the clear",
        ),
        (
            "[schedules.night]\ntask = \"a.b\"\nevery = \"5m\"\nping = \"http://hc.example/x\"\n",
            "config.contradiction",
            "`schedules.night.ping` is sent to in the clear",
        ),
        ("[web]\nbind = \"0.0.0.0:80\"\nauth = \"none\"\n", "config.contradiction", "anybody could see"),
        ("[web]\nbind = \"0.0.0.0:80\"\n", "config.contradiction", "in the open"),
        ("[web]\nbind = \"0.0.0.0:80\"\npublic_url = \"http://jobs.example\"\n", "config.contradiction", "in the open"),
        ("[web]\npublic_url = \"jobs.example\"\n", "config.contradiction", "public_url"),
        ("[web]\nauth = \"proxy\"\n", "config.contradiction", "nobody could come in"),
    ] {
        let text = refusal(file);
        assert!(text.contains(code) && text.contains(message), "{file}\n{text}");
    }
}

#[test]
fn what_is_sent_in_the_clear_is_sent_where_that_was_said() {
    let receiver = "[alerts]\nallow_http = true\n[alerts.ops]\nwebhook = \"http://hooks.example/secret\"\n";
    settings(receiver, &[]).expect("allowed");
    let refused = refusal("[alerts.ops]\nwebhook = \"http://hooks.example/secret\"\n");
    assert!(refused.contains("workaday.toml:2") && !refused.contains("secret"), "{refused}");
    // What a place holds is not known when the file is read.
    settings("[alerts.ops]\nwebhook = \"env:HOOK\"\n", &[]).expect("judged when it is sent");
}

#[test]
fn a_folder_or_a_dead_link_in_place_of_the_file_is_no_absent_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workaday.toml")).unwrap();
    let refused = read_in(folder.path(), &[]).expect_err("a refusal").to_string();
    assert!(refused.contains("config.unreadable") && refused.contains("workaday.toml"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("gone.toml", folder.path().join("workaday.toml")).unwrap();
    let refused = read_in(folder.path(), &[]).expect_err("a refusal").to_string();
    assert!(refused.contains("config.not_found") && refused.contains("workaday.toml"), "{refused}");
}

#[test]
fn what_is_no_toml_and_what_is_written_twice_is_named_with_its_line() {
    assert!(refusal("app = \n").starts_with("error[config.syntax]: workaday.toml:1: "));
    assert!(refusal("[worker]\nthreads = 1\nthreads = 2\n").starts_with("error[config.duplicate_key]: workaday.toml:3: "));
}

#[test]
fn a_variable_is_refused_in_its_own_name() {
    let text = settings("", &[("WORKADAY_WORKER_GRACE", "soon")]).unwrap_err().to_string();
    assert!(
        text.starts_with("error[config.impossible_value]: environment variable WORKADAY_WORKER_GRACE: `worker.grace` cannot be \"soon\""),
        "{text}"
    );
    assert!(text.contains("safe after the variable is fixed"), "{text}");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources { config: Some("other.toml".into()), folder: folder.path().into(), ..Sources::default() };
    assert!(load(&sources).unwrap_err().to_string().starts_with("error[config.not_found]"));
    std::fs::create_dir(folder.path().join("other.toml")).unwrap();
    assert!(load(&sources).unwrap_err().to_string().starts_with("error[config.unreadable]"));
}

#[test]
fn a_command_is_read_with_its_policies() {
    let text = "[command.backup]\nrun = [\"pg_dump\", \"shop\"]\ntimeout = \"5m\"\nmemory = \"256M\"\nowner = \"ops@shop.example\"\n\
                env = { PGHOST = \"db\" }\nretry = { attempts = 3, base = \"1m\" }\nschedule = \"0 2 * * *\"\n[schedules]\ntz = \"Europe/Lisbon\"\n";
    let settings = settings(text, &[("WORKADAY_COMMAND_BACKUP_RETRY_JITTER", "0.5")]).unwrap();
    let backup = &settings.commands["backup"];
    assert_eq!(backup.run, ["pg_dump", "shop"]);
    assert_eq!((backup.timeout, backup.memory), (Length::minutes(5), Some(256 << 20)));
    assert_eq!((backup.retry.attempts, backup.retry.base_us, backup.retry.jitter), (3, 60_000_000, 0.5));
    assert_eq!(backup.tz.as_deref(), Some("Europe/Lisbon"));
    assert_eq!(backup.env["PGHOST"], "db");
}

#[test]
fn the_reference_lists_every_key_with_its_variable() {
    let page = workaday_config::reference::markdown();
    for section in workaday_config::keys::SECTIONS {
        for key in section.keys {
            assert!(page.contains(&format!("`{}`", section.variable(key))), "{}.{}", section.path, key.name);
        }
    }
}

#[test]
fn a_setting_without_effect_is_named_with_its_place() {
    let text = "[worker]\nthreads = 4\nprocesses = 1\n[queues.mail]\nslots = 1\nrate = \"10/m\"\n[retention]\nlogs = \"1d\"\ncompleted = \"1d\"\n[security]\nenvironment = [\"PATH\"]\n";
    let warnings = settings(text, &[]).expect("a sound file").warnings;
    let said = |place: &str, name: &str| {
        warnings.iter().any(|line| line.contains(place) && line.contains(&format!("{name} is accepted, has no effect in this version")))
    };
    assert!(said("workaday.toml:2", "worker.threads") && said("workaday.toml:6", "queues.mail.rate"), "{warnings:?}");
    assert!(said("workaday.toml:11", "security.environment"), "{warnings:?}");
    assert_eq!(warnings.len(), 3, "nothing else: {warnings:?}");
    assert_eq!(settings("[worker]\nthreads = 1\n", &[]).expect("a sound file").warnings, [""; 0], "one thread is what it is");
}

#[test]
fn release_commands_are_words_and_a_shell_line_is_refused_with_the_way_to_write_it() {
    use workaday_config::release::{Probe, backup, release};
    let text = "[release]\ndeploy = \"make deploy\"\nrollback = [\"make\", \"back\"]\nhealth = \"http://127.0.0.1:8000/health\"\n\
                checks = { lint = \"ruff check\", unit = [\"make\", \"test\"] }\n[release.staging]\nlevel = 3\n[backup]\nkeep = 3\nfolder = \"copies\"\n";
    let read = settings(text, &[]).unwrap();
    let typed = release(&read);
    assert_eq!(typed.deploy, Some(vec!["make".into(), "deploy".into()]));
    assert_eq!(typed.checks["lint"], ["ruff", "check"]);
    assert_eq!(typed.health, Some(Probe::Url("http://127.0.0.1:8000/health".into())));
    assert_eq!(typed.staging.unwrap().level, 3);
    assert_eq!((backup(&read).keep, backup(&read).folder), (3, read.root.join("copies")));
    assert_eq!(release(&settings("", &[]).unwrap()).staging, None, "no staging, no rehearsal is asked for");
    let refused = refusal("[release]\ndeploy = \"git pull && make\"\n");
    assert!(
        refused.contains("workaday.toml:2: `release.deploy` cannot be") && refused.contains("[\"sh\", \"-c\", \"git pull && make\"]"),
        "{refused}"
    );
    assert!(refusal("[release]\nchecks = { unit = 3 }\n").contains("config.wrong_type"));
    assert!(refusal("[release.staging]\nlevel = 4\n").contains("a whole number from 1 to 3"));
    assert!(refusal("[release]\non_worse = \"roll back\"\n").contains("one of \"ask\", \"rollback\", \"keep\""));
    assert!(refusal("[backup]\nkeep = 0\n").contains("a whole number from 1"));
}

#[test]
fn several_expressions_and_dates_to_rest_on_are_one_schedule() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("holidays.txt"), "# bank holidays\n2026-12-25  Christmas\n\n2027-01-01\n").unwrap();
    let text = "[schedules.night]\ntask = \"t\"\ncron = [\"0 9 * * 1-5\", \"0 12 * * 6\"]\ntz = \"UTC\"\nexclude = [\"2026-11-11\"]\nholidays = \"holidays.txt\"\n\
                min_duration = \"5s\"\nalert_after_failures = 2\nfinish_within = \"1h\"\n[command.c]\nrun = [\"true\"]\nschedule = \"0,30 3 * * *\"\n";
    std::fs::write(folder.path().join("workaday.toml"), text).unwrap();
    let stated = workaday_config::schedules::stated(&read_in(folder.path(), &[]).unwrap());
    let (night, command) = (&stated[0], &stated[1]);
    assert_eq!(night.cron, ["0 9 * * 1-5", "0 12 * * 6"]);
    assert_eq!(night.exclude, ["2026-11-11", "2026-12-25", "2027-01-01"]);
    assert_eq!(
        (night.min_duration_us, night.alert_after_failures, night.finish_within_us),
        (Some(5_000_000), Some(2), Some(3_600_000_000))
    );
    assert_eq!((command.name.as_str(), command.cron.as_slice()), ("command.c", ["0,30 3 * * *".to_owned()].as_slice()));
    assert_eq!((command.alert_after_failures, command.skips_alert), (None, None), "what is usual is not stated");

    // A holiday overlooked is a job run on a holiday: the whole file is refused, and its line named.
    std::fs::write(folder.path().join("holidays.txt"), "2026-12-25\n25.12.2026\n").unwrap();
    let stated = workaday_config::schedules::stated(&read_in(folder.path(), &[]).unwrap());
    assert!(stated[0].holidays_error.as_deref().is_some_and(|error| error.contains("line 2")), "{:?}", stated[0].holidays_error);
    let problem = stated[0].plan(workaday_core::clock::Timestamp(0), None).unwrap_err();
    assert_eq!(problem.code, "schedule.invalid");
    assert!(problem.message.contains("its `holidays` is `holidays.txt: "), "{}", problem.message);
    std::fs::remove_file(folder.path().join("holidays.txt")).unwrap();
    assert!(workaday_config::schedules::stated(&read_in(folder.path(), &[]).unwrap())[0].holidays_error.is_some());
}

#[test]
fn expressions_in_the_environment_keep_their_commas() {
    let text = "[schedules.night]\ntask = \"t\"\ncron = \"0 3 * * *\"\ntz = \"UTC\"\n";
    let settings = settings(text, &[("WORKADAY_SCHEDULES_NIGHT_CRON", "0,30 9 * * * | 0 12 * * 6")]).unwrap();
    assert_eq!(workaday_config::schedules::stated(&settings)[0].cron, ["0,30 9 * * *", "0 12 * * 6"]);
    assert!(refusal("[schedules.night]\ntask = \"t\"\ncron = []\n").contains("text, or a list of text"));
}
