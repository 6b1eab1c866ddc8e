//! The units as text. What a value may hold is checked here: a line break would be another setting.

use std::path::{Path, PathBuf};
use workaday_core::clock::Length;
use workaday_core::explain::{Problem, RetryAdvice};

const TEMPLATE: &str = include_str!("../../../../packaging/systemd/workaday.service");

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub is_user: bool,
    /// The user of system services.
    pub account: String,
    /// This program, absolute.
    pub program: PathBuf,
    /// The configuration file, absolute; its folder is where the services run.
    pub config: PathBuf,
    pub folder: PathBuf,
    /// Folders they may write.
    pub writes: Vec<PathBuf>,
    /// How the web service is started, if it is installed too.
    pub service: Option<Vec<String>>,
    /// How long a stop may take.
    pub stop: Length,
    /// `~/.config`, for services of a user.
    pub user_config: PathBuf,
}

/// A file to be written. The path is absolute, without the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    pub path: PathBuf,
    pub text: String,
    pub mode: u32,
    /// Never replaced once it is there: people write into it.
    pub is_theirs: bool,
}

impl Plan {
    fn units(&self) -> PathBuf {
        if self.is_user { self.user_config.join("systemd/user") } else { PathBuf::from("/etc/systemd/system") }
    }

    fn own_folder(&self) -> PathBuf {
        if self.is_user { self.user_config.join("workaday") } else { PathBuf::from("/etc/workaday") }
    }
}

/// Does anything that the services need stand where ProtectHome= hides it?
pub fn stays_at_home(plan: &Plan) -> bool {
    let needed = [&plan.program, &plan.config, &plan.folder].into_iter().chain(&plan.writes);
    needed.into_iter().any(|path| ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home)))
}

/// Everything that is written, in order.
pub fn files(plan: &Plan) -> Result<Vec<FileText>, Problem> {
    let environment = plan.own_folder().join("environment");
    let worker = [plan.program.display().to_string(), "--config".into(), plan.config.display().to_string(), "up".into()];
    let mut files = vec![FileText {
        path: environment.clone(),
        text: "# NAME=value, read by the services of workaday. Only its owner may read this file.\n".to_owned(),
        mode: 0o600,
        is_theirs: true,
    }];
    if !plan.is_user {
        files.push(FileText {
            path: "/etc/sysusers.d/workaday.conf".into(),
            text: format!("u {} - \"Workaday\" /var/lib/workaday\n", word(&plan.account)?),
            mode: 0o644,
            is_theirs: false,
        });
    }
    let mut unit = |name: &str, description: &str, command: &[String], is_worker: bool| -> Result<(), Problem> {
        let text = unit(plan, name, description, command, is_worker, &environment)?;
        files.push(FileText { path: plan.units().join(name), text, mode: 0o644, is_theirs: false });
        Ok(())
    };
    unit("workaday.service", "Workaday: jobs and schedules", &worker, true)?;
    if let Some(service) = &plan.service {
        unit("workaday-web.service", "The web service beside workaday", service, false)?;
    }
    Ok(files)
}

/// As systemd has it for its services.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn unit(plan: &Plan, name: &str, description: &str, command: &[String], is_worker: bool, environment: &Path) -> Result<String, Problem> {
    let writes = plan.writes.iter().map(|path| quoted(&format!("-{}", path.display()))).collect::<Result<Vec<_>, _>>()?.join(" ");
    let command = command.iter().map(|part| quoted(part).map(|part| part.replace('$', "$$"))).collect::<Result<Vec<_>, _>>()?.join(" ");
    let values = [
        ("@NAME@", name.to_owned()),
        ("@DESCRIPTION@", description.to_owned()),
        // The worker says when it is ready. A web service says nothing that we know of: it counts as started when it runs.
        ("@TYPE@", if is_worker { "notify" } else { "exec" }.to_owned()),
        ("@COMMAND@", command),
        ("@FOLDER@", path(&plan.folder)?),
        ("@PATH@", quoted(&format!("PATH={}:{SYSTEM_PATH}", plan.program.parent().unwrap_or(Path::new("/")).display()))?),
        ("@ENVIRONMENT@", path(environment)?),
        ("@STOP@", format!("{}s", plan.stop.0.max(0) / 1_000_000 + 10)),
        ("@ACCOUNT@", word(&plan.account)?),
        ("@WRITES@", writes),
        ("@HOME@", if stays_at_home(plan) { "read-only" } else { "yes" }.to_owned()),
        ("@TARGET@", if plan.is_user { "default.target" } else { "multi-user.target" }.to_owned()),
    ];
    let mut text = String::new();
    for line in TEMPLATE.lines() {
        let (line, mark) = line.rsplit_once(" #").unwrap_or((line, ""));
        let is_kept = match mark {
            "system" => !plan.is_user,
            "worker" => is_worker,
            "web" => !is_worker,
            _ => true,
        };
        if is_kept {
            // One pass: what a value holds is never taken for another placeholder.
            let found = values.iter().find(|(key, _)| line.contains(key));
            text.push_str(&found.map_or_else(|| line.to_owned(), |(key, value)| line.replacen(key, value, 1)));
            text.push('\n');
        }
    }
    Ok(text)
}

fn refuse(value: &str) -> Problem {
    Problem::new("install.unfit", format!("{value:?} cannot stand in a unit"))
        .expected("a path or name without line breaks, control characters and quotes")
        .got(format!("{value:?}"))
        .retry(RetryAdvice::SafeAfterFix, "safe with another name; nothing was written")
}

fn checked(value: &str) -> Result<String, Problem> {
    if value.is_empty() || value.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        Err(refuse(value))
    } else {
        Ok(value.replace('%', "%%"))
    }
}

fn path(path: &Path) -> Result<String, Problem> {
    checked(&path.display().to_string())
}

fn quoted(value: &str) -> Result<String, Problem> {
    let value = checked(value)?;
    Ok(if value.contains([' ', '\'', ';']) { format!("\"{value}\"") } else { value })
}

fn word(value: &str) -> Result<String, Problem> {
    let is_fit = value.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if is_fit { Ok(value.to_owned()) } else { Err(refuse(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            is_user: false,
            account: "workaday".into(),
            program: "/opt/shop/bin/workaday".into(),
            config: "/opt/shop/workaday.toml".into(),
            folder: "/opt/shop".into(),
            writes: vec!["/opt/shop/.workaday".into()],
            service: None,
            stop: Length::seconds(40),
            user_config: "/data/ada/.config".into(),
        }
    }

    fn worker(plan: &Plan) -> String {
        files(plan).expect("a plan that fits").into_iter().find(|file| file.path.ends_with("workaday.service")).expect("a unit").text
    }

    #[test]
    fn every_placeholder_is_filled_and_no_mark_is_left() {
        for plan in [plan(), Plan { is_user: true, ..plan() }] {
            let text = worker(&plan);
            assert!(!text.contains(" #") && !text.contains("@N") && !text.contains("@C"), "{text}");
            assert!(text.contains("TimeoutStopSec=50s\n"));
        }
        let served = Plan { service: Some(vec!["/opt/shop/bin/uvicorn".into()]), ..plan() };
        let web =
            files(&served).expect("a plan that fits").into_iter().find(|file| file.path.ends_with("workaday-web.service")).expect("a unit");
        for comment in ["It says itself when it is ready", "Silent for so long", "It ends well only"] {
            assert!(worker(&served).contains(comment), "{comment}");
            assert!(!web.text.contains(comment), "a line of the worker's alone: {comment}");
        }
        assert!(worker(&plan()).contains("ReadWritePaths=-/opt/shop/.workaday\n"));
        assert!(!worker(&Plan { is_user: true, ..plan() }).contains("User="));
    }

    #[test]
    fn a_worker_that_was_drained_stays_down_and_finds_the_programs_beside_it() {
        let web = Plan { service: Some(vec!["uvicorn".into()]), ..plan() };
        let text_of = |name: &str| files(&web).expect("units").into_iter().find(|file| file.path.ends_with(name)).expect("a unit").text;
        let (worker, service) = (text_of("workaday.service"), text_of("workaday-web.service"));
        assert!(worker.contains("\nRestart=on-failure\n") && !worker.contains("Restart=always"), "{worker}");
        assert!(service.contains("\nRestart=always\n") && !service.contains("on-failure"), "{service}");
        let beside = web.program.parent().expect("a folder").display().to_string();
        assert!(
            worker.contains(&format!("\nEnvironment=\"PATH={beside}:/usr/local/sbin:"))
                || worker.contains(&format!("\nEnvironment=PATH={beside}:/usr/local/sbin:")),
            "{worker}"
        );
    }

    #[test]
    fn an_app_at_home_is_not_hidden_from_itself() {
        assert!(worker(&plan()).contains("ProtectHome=yes"));
        assert!(worker(&Plan { folder: "/home/shop".into(), ..plan() }).contains("ProtectHome=read-only"));
    }

    #[test]
    fn a_value_cannot_become_a_setting() {
        let bad = |plan: Plan| files(&plan).expect_err("unfit").code;
        assert_eq!(bad(Plan { folder: "/opt/a\nUser=root".into(), ..plan() }), "install.unfit");
        assert_eq!(bad(Plan { account: "root\nx".into(), ..plan() }), "install.unfit");
        assert!(worker(&Plan { config: "/opt/100%/a b.toml".into(), ..plan() }).contains("\"/opt/100%%/a b.toml\""));
    }
}
