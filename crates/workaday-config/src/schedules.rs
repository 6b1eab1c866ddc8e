//! `[schedules.NAME]` and the schedules of `[command.NAME]`, as the declarations that code makes too.

use crate::kind::Value;
use crate::settings::Settings;
use workaday_core::clock::Length;
use workaday_core::schedule::ScheduleEntry;

/// `[schedules] tz`: for schedules that name no zone.
pub fn zone(settings: &Settings) -> Option<String> {
    text(settings, "schedules", "", "tz")
}

/// Every schedule that workaday.toml states. Whether it means anything is judged where it runs, as for those of code.
pub fn stated(settings: &Settings) -> Vec<ScheduleEntry> {
    let named = settings.names("schedules.*").into_iter().map(|name| schedule(settings, &name));
    let commands = settings.commands.iter().filter_map(|(name, command)| {
        let cron = command.schedule.clone()?;
        let task = format!("command.{name}");
        let entry = ScheduleEntry { task, cron: vec![cron], tz: command.tz.clone(), ..ScheduleEntry::default() };
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
        cron: text("cron").into_iter().collect(),
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
    ScheduleEntry {
        name: name.to_owned(),
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

fn text(settings: &Settings, section: &'static str, name: &str, key: &'static str) -> Option<String> {
    match settings.value(section, name, key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
