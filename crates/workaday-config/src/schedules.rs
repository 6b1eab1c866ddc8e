//! `[schedules.NAME]` and the schedules of `[command.NAME]`, as the declarations that code makes too.

use crate::kind::Value;
use crate::settings::Settings;
use std::path::Path;
use workaday_core::clock::Length;
use workaday_core::schedule::{ExcludedDates, FAILURES_ALERT, SKIPS_ALERT, ScheduleEntry};

/// `[schedules] tz`: for schedules that name no zone.
pub fn zone(settings: &Settings) -> Option<String> {
    text(settings, "schedules", "", "tz")
}

/// Every schedule that workaday.toml states. Whether it means anything is judged where it runs, as for those of code.
pub fn stated(settings: &Settings) -> Vec<ScheduleEntry> {
    let named = settings.names("schedules.*").into_iter().map(|name| schedule(settings, &name));
    let commands = settings.commands.iter().filter_map(|(name, command)| {
        let cron = Some(command.schedule.clone()).filter(|cron| !cron.is_empty())?;
        let task = format!("command.{name}");
        let entry = ScheduleEntry { task, cron, tz: command.tz.clone(), ..ScheduleEntry::default() };
        Some(ScheduleEntry { name: entry.task.clone(), ..with_policies(settings, "command.*", name, entry.clone()) })
    });
    named.chain(commands).collect()
}

fn schedule(settings: &Settings, name: &str) -> ScheduleEntry {
    const SECTION: &str = "schedules.*";
    let text = |key| text(settings, SECTION, name, key);
    let args = match settings.value(SECTION, name, "args") {
        Some(Value::Table(serde_json::Value::Object(args))) => args,
        _ => serde_json::Map::new(),
    };
    let every = match settings.value(SECTION, name, "every") {
        Some(Value::Length(length)) => Some(format!("{}s", length.0 / Length::seconds(1).0)),
        _ => None,
    };
    let entry = ScheduleEntry {
        task: text("task").unwrap_or_default(),
        args,
        cron: texts(settings, SECTION, name, "cron"),
        every,
        at: text("at"),
        tz: text("tz"),
        queue: text("queue"),
        owner: text("owner"),
        ..ScheduleEntry::default()
    };
    with_policies(settings, SECTION, name, entry)
}

fn with_policies(settings: &Settings, section: &'static str, name: &str, entry: ScheduleEntry) -> ScheduleEntry {
    let length = |key| match settings.value(section, name, key) {
        Some(Value::Length(length)) => Some(length.0),
        _ => None,
    };
    let catch_up = text(settings, section, name, "catch_up");
    let limit = match settings.value(section, name, "limit") {
        Some(Value::Count(limit)) if catch_up.as_deref() == Some("all") => u32::try_from(limit).ok(),
        _ => None,
    };
    let count = |key| match settings.value(section, name, key) {
        Some(Value::Count(count)) => u32::try_from(count).ok(),
        _ => None,
    };
    let holidays = text(settings, section, name, "holidays");
    let (mut exclude, mut holidays_error) = (texts(settings, section, name, "exclude"), None);
    if let Some(file) = &holidays {
        match read_holidays(&settings.root.join(file)) {
            Ok(dates) => exclude.extend(dates),
            Err(error) => holidays_error = Some(error),
        }
    }
    ScheduleEntry {
        name: name.to_owned(),
        exclude,
        holidays,
        holidays_error,
        gap: text(settings, section, name, "gap"),
        fold: text(settings, section, name, "fold"),
        finish_within_us: length("finish_within"),
        min_duration_us: length("min_duration"),
        alert_after_failures: count("alert_after_failures").filter(|count| *count != FAILURES_ALERT),
        skips_alert: count("skips_alert").filter(|count| *count != SKIPS_ALERT),
        catch_up,
        catch_up_limit: limit,
        catch_up_window_us: length("catch_up_window"),
        overlap: text(settings, section, name, "overlap"),
        jitter_us: length("jitter").unwrap_or(0),
        late_after_us: length("late_after"),
        // A command's own is with its task, since it is also pinged for runs by hand.
        ping: (section == "schedules.*").then(|| text(settings, section, name, "ping")).flatten(),
        ..entry
    }
}

/// The dates of a holidays file: one a line, `#` begins a comment. The error names the line.
pub fn read_holidays(file: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    ExcludedDates::parse(&text).map_err(|error| error.to_string())?;
    let dates = text.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next());
    Ok(dates.map(str::to_owned).collect())
}

fn texts(settings: &Settings, section: &'static str, name: &str, key: &'static str) -> Vec<String> {
    match settings.value(section, name, key) {
        Some(Value::Texts(texts)) => texts,
        _ => vec![],
    }
}

fn text(settings: &Settings, section: &'static str, name: &str, key: &'static str) -> Option<String> {
    match settings.value(section, name, key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
