//! `import crontab`: what each entry would be here, and whether it would run at the same times. Changes nothing.

mod crontab;
mod daemon;
mod proposal;

use crate::args::{Import, ImportCrontab};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::Tone;
use crate::{text, words};
use crontab::{Crontab, Entry};
use jiff::tz::TimeZone;
use proposal::{Around, Proposal, propose};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::schedule::CronExpr;

/// So far the two timetables are compared.
const DAYS: i64 = 30;
const DAY: i64 = 86_400;
/// Runs that `--json` lists of one timetable.
const LISTED: usize = 1_000;
/// Runs that people are shown.
const SHOWN: usize = 3;

pub fn run(args: &Import, context: &mut Context) -> Done {
    match args {
        Import::Crontab(args) => crontab(args, context),
    }
}

fn crontab(args: &ImportCrontab, context: &mut Context) -> Done {
    let after = match &args.after {
        Some(text) => crate::context::instant(text, "--after")?,
        None => context.now(),
    };
    let zone = zone(args.tz.as_deref())?;
    let with_user = args.user_column || args.file.as_deref().is_some_and(is_systems);
    let found = crontab::read(&text_of(args)?, with_user);
    let user = current_user();
    let around = Around { zone: &zone, owner: args.owner.as_deref(), user: &user, home_of: &home_of };
    let mut taken = BTreeSet::new();
    let mut taken_over = vec![];
    for entry in &found.entries {
        let proposal = propose(entry, &around, &mut taken);
        let compared = compare(&proposal, after.0.div_euclid(1_000_000));
        taken_over.push((entry, proposal, compared));
    }
    if context.out.json {
        context.out.json(&whole(&found, &taken_over))?;
    } else {
        show(&found, &taken_over, context)?;
    }
    Ok(DONE)
}

/// Both timetables of an entry: the month to come, and the days around the next two clock changes.
struct Compared {
    month: Runs,
    /// The civil date of a clock change, and the runs around it.
    changes: Vec<(String, Runs)>,
}

#[derive(Default)]
struct Runs {
    cron: Vec<i64>,
    ours: Vec<i64>,
}

impl Runs {
    fn of(fields: &daemon::Fields, expr: &CronExpr, zone: &TimeZone, after: i64, until: i64) -> Runs {
        let from = jiff::Timestamp::from_second(after).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let ours = expr.ticks(from, zone).map(|tick| tick.due_micros().div_euclid(1_000_000)).take_while(|at| *at <= until).collect();
        Runs { cron: daemon::runs(fields, zone, after, until), ours }
    }

    /// Runs that only one of the two has, each as often as it has it more.
    fn differences(&self) -> Vec<(i64, &'static str)> {
        let instants: BTreeSet<i64> = self.cron.iter().chain(&self.ours).copied().collect();
        let times = |runs: &[i64], at: i64| runs.iter().filter(|run| **run == at).count();
        let differ = |at: i64| match (times(&self.cron, at), times(&self.ours, at)) {
            (cron, ours) if cron == ours => None,
            (_, 0) => Some((at, "only cron")),
            (0, _) => Some((at, "only workaday")),
            (_, _) => Some((at, "cron more than once")),
        };
        instants.into_iter().filter_map(differ).collect()
    }
}

/// The error says which of the two does not take the expression.
fn compare(proposal: &Proposal, after: i64) -> Result<Compared, String> {
    let expr = CronExpr::parse(&proposal.expr).map_err(|error| error.to_string())?;
    let fields = daemon::Fields::parse(&proposal.expr).ok_or_else(|| format!("cron itself does not take `{}`", proposal.expr))?;
    let zone = TimeZone::get(&proposal.tz).map_err(|_| format!("there is no time zone `{}`", proposal.tz))?;
    let from = jiff::Timestamp::from_second(after).map_err(|error| error.to_string())?;
    let year = |at: &jiff::Timestamp| at.as_second() < after + 400 * DAY;
    let changes = zone.following(from).map(|change| change.timestamp()).take_while(year).take(2);
    let around = |change: jiff::Timestamp| {
        let at = change.as_second();
        (change.to_zoned(zone.clone()).date().to_string(), Runs::of(&fields, &expr, &zone, at - DAY, at + DAY))
    };
    Ok(Compared { month: Runs::of(&fields, &expr, &zone, after, after + DAYS * DAY), changes: changes.map(around).collect() })
}

type Taken<'a> = (&'a Entry, Proposal, Result<Compared, String>);

fn whole(found: &Crontab, taken: &[Taken<'_>]) -> Value {
    let instant = |at: &i64| jiff::Timestamp::from_second(*at).map_or(Value::Null, |at| at.to_string().into());
    let runs = |runs: &Runs| {
        let list = |runs: &[i64]| runs.iter().take(LISTED).map(instant).collect::<Vec<_>>();
        let differences: Vec<Value> = runs.differences().iter().map(|(at, who)| json!({"at": instant(at), "who": who})).collect();
        json!({"cron_count": runs.cron.len(), "workaday_count": runs.ours.len(), "cron": list(&runs.cron), "workaday": list(&runs.ours), "differences": differences})
    };
    let entry = |(entry, proposal, compared): &Taken<'_>| {
        let (month, changes, refused) = match compared {
            Ok(compared) => {
                let changes: Vec<Value> =
                    compared.changes.iter().map(|(date, change)| json!({"date": date, "runs": runs(change)})).collect();
                (runs(&compared.month), changes, None)
            }
            Err(error) => (Value::Null, vec![], Some(error)),
        };
        json!({
            "line": entry.line, "expr": entry.expr, "command": entry.command, "user": entry.user, "name": proposal.name, "toml": proposal.toml(),
            "notes": proposal.notes, "refused": refused, "month": month, "clock_changes": changes,
        })
    };
    let left: Vec<Value> = found.left.iter().map(|left| json!({"line": left.line, "text": left.text, "why": left.why})).collect();
    json!({"commands": taken.iter().map(entry).collect::<Vec<_>>(), "left": left, "alerts": alerts(found)})
}

/// Who was mailed, as receivers of alerts.
fn alerts(found: &Crontab) -> Vec<String> {
    let addresses: BTreeSet<&str> = found
        .entries
        .iter()
        .filter_map(|entry| entry.variable("MAILTO"))
        .flat_map(|to| to.split(','))
        .map(str::trim)
        .filter(|to| to.contains('@'))
        .collect();
    let name =
        |address: &str| address.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect::<String>();
    addresses.iter().map(|address| format!("[alerts.{}]\nemail = {}\n", name(address), Value::from(*address))).collect()
}

fn show(found: &Crontab, taken: &[Taken<'_>], context: &mut Context) -> Result<(), Failure> {
    let out = &mut context.out;
    out.line(format!(
        "# {} of {} can be taken over. Nothing was changed: this is for workaday.toml.",
        taken.iter().filter(|(.., compared)| compared.is_ok()).count(),
        words::count(found.entries.len() + found.left.len(), "entry").replace("entrys", "entries")
    ))?;
    for (entry, proposal, compared) in taken {
        out.line("")?;
        out.line(text::line(&format!("# line {}: {} {}", entry.line, entry.expr, entry.command)))?;
        match compared {
            Err(error) => {
                let line = out.paint(Tone::Bad, &text::line(&format!("# ✕ not taken over: {error}")));
                out.line(line)?;
                continue;
            }
            Ok(compared) => {
                for line in timetable(compared) {
                    out.line(text::line(&line))?;
                }
            }
        }
        for note in &proposal.notes {
            let line = out.paint(Tone::Wait, &text::line(&format!("# ! {note}")));
            out.line(line)?;
        }
        out.write(&text::block(&proposal.toml()))?;
    }
    for receiver in alerts(found) {
        out.line("\n# Cron mailed every output; an alert says what failed, was late or was missed. It needs `smtp` in [alerts].")?;
        out.write(&text::block(&receiver))?;
    }
    for left in &found.left {
        out.line("")?;
        let line = out.paint(Tone::Bad, &text::line(&format!("# ✕ line {}: {}", left.line, left.text)));
        out.line(line)?;
        out.line(text::line(&format!("#   {}", left.why)))?;
    }
    if !taken.is_empty() {
        out.line("\n# Otherwise than cron: a tick missed while the machine was off runs once when it is back (`catch_up = \"none\"`: not at all),")?;
        out.line("# a run that is still going on skips the next tick, and one that takes longer than `timeout` is stopped.")?;
        out.line("# Commands get the variables of `workaday up` too, which cron would not have given them.")?;
    }
    Ok(())
}

/// The timetables in a few lines: how many, the first ones, and every difference.
fn timetable(compared: &Compared) -> Vec<String> {
    let shown = |at: &i64| jiff::Timestamp::from_second(*at).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    let listed = |runs: &[i64]| match runs {
        [] => "none".to_owned(),
        runs => {
            format!("{}{}", runs.iter().take(SHOWN).map(shown).collect::<Vec<_>>().join(", "), if runs.len() > SHOWN { " …" } else { "" })
        }
    };
    let mut lines = vec![];
    let mut add = |when: &str, runs: &Runs| {
        let differences = runs.differences();
        if differences.is_empty() {
            lines.push(format!("# {when}: {} in cron and here, the same: {}", words::count(runs.cron.len(), "run"), listed(&runs.ours)));
            return;
        }
        lines.push(format!("# {when}: {} in cron: {}", words::count(runs.cron.len(), "run"), listed(&runs.cron)));
        lines.push(format!("# {when}: {} here: {}", words::count(runs.ours.len(), "run"), listed(&runs.ours)));
        lines.extend(differences.iter().take(10).map(|(at, who)| format!("# ! {when}: {who} at {}", shown(at))));
    };
    add(&format!("the next {DAYS} days"), &compared.month);
    for (date, runs) in &compared.changes {
        add(&format!("clock change of {date}, a day before and after"), runs);
    }
    lines
}

fn text_of(args: &ImportCrontab) -> Result<String, Problem> {
    let unreadable = |what: String, got: String| {
        Problem::new("import.unreadable", what)
            .expected("a crontab: lines of five fields and a command")
            .got(got)
            .retry(RetryAdvice::SafeAfterFix, "safe; nothing was changed")
    };
    match args.file.as_deref() {
        Some(path) if path == Path::new("-") => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| unreadable("standard input cannot be read".into(), error.to_string()))
        }
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| unreadable(format!("`{}` cannot be read", path.display()), error.to_string()))
        }
        None => {
            let answer = std::process::Command::new("crontab").arg("-l").stdin(std::process::Stdio::null()).output();
            let answer = answer.map_err(|error| unreadable("`crontab -l` cannot be run".into(), error.to_string()))?;
            if !answer.status.success() {
                let said = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
                return Err(unreadable("`crontab -l` printed no crontab".into(), said));
            }
            Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
        }
    }
}

/// The files of the system name a user in each entry.
fn is_systems(path: &Path) -> bool {
    path == Path::new("/etc/crontab") || path.parent() == Some(Path::new("/etc/cron.d"))
}

fn zone(named: Option<&str>) -> Result<String, Problem> {
    match named {
        Some(name) => TimeZone::get(name)
            .map(|_| name.to_owned())
            .map_err(|_| usage(format!("there is no time zone `{name}`"), "a name of the IANA database: Europe/Lisbon, UTC")),
        None => Ok(TimeZone::system().iana_name().map_or_else(|| "UTC".to_owned(), str::to_owned)),
    }
}

fn current_user() -> String {
    ["LOGNAME", "USER"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "root".to_owned())
}

/// From /etc/passwd: cron starts a job in the home of its user.
fn home_of(user: &str) -> Option<String> {
    let table = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines
        .find(|fields| fields.first() == Some(&user))
        .and_then(|fields| fields.get(5).map(|home| (*home).to_owned()))
        .filter(|home| !home.is_empty())
}
