//! `task …`: the catalogue, and switching a task or one argument value of it off and on.

use crate::args::{Task, TaskName, TaskPause, TaskResume};
use crate::context::{Context, instant_or_length, transaction};
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table, Tone};
use crate::{beside, document, facts, text, words};
use serde_json::{Map, Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::format_length;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::hold::HoldRule;
use workaday_core::values;
use workaday_store::Store;
use workaday_store::sqlite::read::{HoldRow, Reader, TaskRow};

pub fn run(args: &Task, context: &mut Context) -> Done {
    match args {
        Task::List => list(context),
        Task::Show(args) => show(args, context),
        Task::Pause(args) => pause(args, context),
        Task::Resume(args) => resume(args, context),
    }
}

fn list(context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let tasks = reader.tasks()?;
    let holds = active_holds(&reader, context)?;
    if context.out.json {
        context.out.json(&tasks.iter().map(document::task).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["task", "queue", "kind", ">attempts", "timeout", "owner", "state"]);
    for row in &tasks {
        let entry: Option<TaskEntry> = serde_json::from_str(&row.entry).ok();
        let entry = entry.as_ref();
        let text = |value: Option<String>| Cell::new(value.unwrap_or_else(|| "-".to_owned()));
        table.row([
            Cell::new(&row.name),
            Cell::new(&row.queue),
            Cell::new(row.lane.as_str()),
            text(entry.map(|entry| entry.attempts().to_string())),
            text(entry.and_then(TaskEntry::timeout).map(format_length)),
            text(entry.and_then(|entry| entry.owner.clone())),
            state(row, &holds),
        ]);
    }
    let _ = now;
    context.out.table(&table, "No task is known yet: a worker states its tasks when it starts. `workaday up MODULE:APP` starts one.")?;
    Ok(DONE)
}

fn state(row: &TaskRow, holds: &[HoldRow]) -> Cell {
    if !row.present {
        return Cell::new("absent from the newest code").tone(Tone::Wait);
    }
    let own: Vec<_> = holds.iter().filter(|hold| hold.rule.task.as_deref() == Some(&row.name)).collect();
    match own.iter().find(|hold| hold.rule.where_args.is_empty()) {
        Some(hold) => Cell::new(format!("‖ paused: {}", hold.rule.reason)).tone(Tone::Wait),
        None if own.is_empty() => Cell::new("on"),
        None => Cell::new(format!("on, {} switched off", words::count(own.len(), "argument value"))).tone(Tone::Wait),
    }
}

fn show(args: &TaskName, context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let tasks = reader.tasks()?;
    let row = find(&tasks, &args.task)?;
    let holds: Vec<HoldRow> =
        active_holds(&reader, context)?.into_iter().filter(|hold| hold.rule.task.as_deref() == Some(&row.name)).collect();
    if context.out.json {
        let mut whole = document::task(row);
        whole["holds"] = holds.iter().map(document::hold).collect();
        context.out.json(&whole)?;
        return Ok(DONE);
    }
    let entry = document::declared(&row.entry);
    let out = &mut context.out;
    out.line(format!("{}  {}", out.paint(Tone::Strong, &text::line(&row.name)), out.cell(&state(row, &holds))))?;
    if let Some(doc) = entry["doc"].as_str() {
        out.line(text::line(doc))?;
    }
    out.line("")?;
    for (name, value) in particulars(&entry, row) {
        out.line(format!("{}{}", out.paint(Tone::Soft, &format!("{name:<13}")), text::line(&value)))?;
    }
    out.line(format!(
        "{}stated {} by release {}",
        out.paint(Tone::Soft, &format!("{:<13}", "catalogue")),
        words::ago(now, row.updated_at),
        text::line(row.release.as_deref().unwrap_or("unknown"))
    ))?;
    for hold in &holds {
        let until = hold.rule.until.map_or_else(|| "until resumed".to_owned(), |until| format!("until {until}"));
        let by = hold.rule.owner.as_deref().map_or_else(String::new, |owner| format!(" by {owner}"));
        let values = facts::where_pairs(&hold.rule).join(" ");
        let values = if values.is_empty() { "the whole task".to_owned() } else { values };
        out.line(out.cell(&Cell::new(format!("‖ paused      {values}{by}, {until}: {}", hold.rule.reason)).tone(Tone::Wait)))?;
    }
    Ok(DONE)
}

fn particulars(entry: &Value, row: &TaskRow) -> Vec<(&'static str, String)> {
    let plain = |name: &str| entry[name].as_str().map(str::to_owned);
    let parsed: Option<TaskEntry> = serde_json::from_value(entry.clone()).ok();
    let parsed = parsed.as_ref();
    let rows = [
        ("parameters", Some(parameters(&entry["params"]))),
        ("queue", Some(format!("{}, priority {}, runs {}", row.queue, entry["priority"], row.lane))),
        ("attempts", parsed.map(|entry| format!("{}, first wait {}", entry.attempts(), words::micros(entry.retry.base_us)))),
        ("timeout", Some(parsed.and_then(TaskEntry::timeout).map_or_else(|| "never".to_owned(), format_length))),
        ("memory", parsed.and_then(|entry| entry.memory_bytes).map(|bytes| format!("{} MiB", bytes >> 20))),
        ("run twice", parsed.and_then(|entry| entry.retry_safe).map(|safe| if safe { "safe" } else { "not safe" }.to_owned())),
        ("owner", plain("owner")),
        ("expects", plain("expects")),
        ("rollback", plain("rollback")),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// `order_id: integer, copy?: boolean`.
fn parameters(schema: &Value) -> String {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let one = |(name, rules): (&String, &Value)| {
        let optional = if required.iter().any(|word| word == name) { "" } else { "?" };
        let kind = rules["format"].as_str().filter(|format| *format != "int64").or(rules["type"].as_str()).unwrap_or("any");
        format!("{name}{optional}: {kind}")
    };
    let listed: Vec<String> = schema["properties"].as_object().into_iter().flatten().map(one).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
}

fn pause(args: &TaskPause, context: &mut Context) -> Done {
    let reason = args.by.reason.clone().ok_or_else(|| reason_missing("task pause"))?;
    let (reader, now) = (context.reader()?, context.now());
    let tasks = reader.tasks()?;
    let row = find(&tasks, &args.task)?;
    let until = args.until.as_deref().map(|until| instant_or_length(until, "--until", now)).transpose()?;
    if let Some(past) = until.filter(|until| *until <= now) {
        return Err(usage(format!("--until is {past}, which is past"), "an instant to come, or a length: 2h").into());
    }
    let by = context.by(&args.by);
    let where_args = where_args(row, &args.where_args)?;
    let rule = HoldRule { rule: 0, task: Some(row.name.clone()), queue: None, where_args, reason, owner: Some(by.who.clone()), until };
    let mut store = context.writer()?;
    let number = transaction(&mut store, |store| store.add_hold(&rule, &by, now))?;
    beside::wake(&context.database()?);
    if context.out.json {
        context.out.json(&json!({"rule": number, "task": row.name, "where": rule.where_args.iter().cloned().collect::<Map<_, _>>(), "until": document::optional(until)}))?;
        return Ok(DONE);
    }
    let values = facts::where_pairs(&rule).join(" ");
    let what = if values.is_empty() { row.name.clone() } else { format!("{} with {values}", row.name) };
    let end = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    context.out.line(text::line(&format!("{what} is paused {end}. Jobs are kept and none is started; those that run go on.")))?;
    let values: String = facts::where_pairs(&rule).iter().map(|pair| format!(" --where '{pair}'")).collect();
    context.out.line(text::line(&format!("Undo: workaday task resume {}{values}", row.name)))?;
    Ok(DONE)
}

fn resume(args: &TaskResume, context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let tasks = reader.tasks()?;
    let row = find(&tasks, &args.task)?;
    let where_args = where_args(row, &args.where_args)?;
    let where_text = (!where_args.is_empty()).then(|| Value::Object(where_args.into_iter().collect()).to_string());
    let by = context.by(&args.by);
    let mut store = context.writer()?;
    let released = transaction(&mut store, |store| store.release_hold(Some(&row.name), None, where_text.as_deref(), &by, now))?;
    beside::wake(&context.database()?);
    if released == 0 {
        return Err(not_paused("task", &row.name, &active_holds(&reader, context)?).into());
    }
    if context.out.json {
        context.out.json(&json!({"task": row.name, "released": released}))?;
    } else {
        context.out.line(text::line(&format!("{} is on again; its held jobs become ready within a moment.", row.name)))?;
    }
    Ok(DONE)
}

/// Reads `order_id=42`: the value as JSON if it fits the parameter so, else as text.
fn where_args(row: &TaskRow, given: &[String]) -> Result<Vec<(String, Value)>, Failure> {
    let params = document::stored(&row.entry)["params"].clone();
    given.iter().map(|pair| where_arg(&row.name, &params, pair).map_err(Failure::from)).collect()
}

fn where_arg(task: &str, params: &Value, pair: &str) -> Result<(String, Value), Problem> {
    let Some((name, text)) = pair.split_once('=') else {
        return Err(usage(format!("--where is \"{pair}\""), "NAME=VALUE, for example order_id=42"));
    };
    let properties = params["properties"].as_object().cloned().unwrap_or_default();
    let Some(schema) = properties.get(name) else {
        let problem = usage(format!("--where names `{name}`, which is no parameter of {task}"), format!("one of {}", parameters(params)));
        return Err(problem.meant(name, properties.keys().map(String::as_str)));
    };
    let as_json = serde_json::from_str::<Value>(text).ok().filter(|value| values::check(schema, value).is_ok());
    let as_text = || Some(Value::from(text)).filter(|value| values::check(schema, value).is_ok());
    match as_json.or_else(as_text) {
        Some(value) => Ok((name.to_owned(), value)),
        None => {
            let misfit = values::check(schema, &Value::from(text)).expect_err("checked above");
            Err(usage(format!("--where {name} is {text}"), misfit.expected.clone()))
        }
    }
}

pub use workaday_engine::order::find_task as find;

pub fn active_holds(reader: &Reader, context: &Context) -> Result<Vec<HoldRow>, Failure> {
    let now = context.now();
    Ok(reader.holds(false)?.into_iter().filter(|hold| facts::is_active(hold, now)).collect())
}

pub fn reason_missing(command: &str) -> Problem {
    let what = if command.ends_with("pause") { "the pause" } else { "it" };
    usage(format!("`{command}` was given no reason"), format!("--reason \"why\": whoever meets {what} at night wants to know"))
}

pub fn not_paused(kind: &str, name: &str, holds: &[HoldRow]) -> Problem {
    let own = holds.iter().filter(|hold| if kind == "task" { hold.rule.task.as_deref() } else { hold.rule.queue.as_deref() } == Some(name));
    let values: Vec<Vec<String>> = own.map(|hold| facts::where_pairs(&hold.rule)).filter(|pairs| !pairs.is_empty()).collect();
    let problem = Problem::new(
        "hold.not_found",
        format!("{kind} `{name}` is not paused{}", if values.is_empty() { "" } else { " as a whole, or not for that value" }),
    )
    .expected("a switch-off with just these argument values")
    .retry(RetryAdvice::Never, "there is nothing to resume; nothing was changed");
    match values.first() {
        Some(pairs) => {
            let pairs: String = pairs.iter().map(|pair| format!(" --where '{pair}'")).collect();
            problem.hint(format!("workaday task resume {name}{pairs}"))
        }
        None => problem,
    }
}
