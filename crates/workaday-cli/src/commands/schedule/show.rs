//! `schedule show NAME`: all that is known of one.

use super::{became, coming, default_zone, find, shown, state, tick_shown};
use crate::args::ScheduleShow;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::Tone;
use crate::{document, text, words};
use serde_json::json;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::schedule::{Pause, RUNS_NEEDED, ScheduleEntry, ScheduleState};
use workaday_engine::scheduler::declared;
use workaday_store::ScheduleRow;

const TICKS: usize = 3;

pub fn run(args: &ScheduleShow, context: &mut Context) -> Done {
    let (now, tz) = (context.now(), default_zone(context)?);
    let reader = context.reader()?;
    let row = find(&reader, &args.name)?;
    let past = reader.ticks(&row.name, None, TICKS)?;
    let entry = declared(&row).unwrap_or_default();
    let ticks = match entry.plan(row.anchor, tz.as_deref()) {
        Ok(plan) if row.state == ScheduleState::Active && row.pause() != Pause::Open => coming(&row, &plan, None, TICKS),
        _ => vec![],
    };
    if context.out.json {
        let mut whole = shown(&row);
        whole["next"] = ticks.iter().map(|tick| document::instant(Timestamp(tick.due_micros()))).collect();
        whole["history"] = past.iter().map(tick_shown).collect();
        context.out.json(&whole)?;
        return Ok(DONE);
    }
    let standing = context.out.cell(&state(&row, now));
    let out = &mut context.out;
    out.line(format!("{}  {standing}", out.paint(Tone::Strong, &text::line(&row.name))))?;
    if let Some(why) = &row.broken_reason {
        out.line(out.paint(Tone::Bad, &text::line(&format!("! {why}"))))?;
    }
    for (what, value) in facts(&row, &entry) {
        out.line(text::line(&format!("{what:<12} {value}")))?;
    }
    for tick in &ticks {
        out.line(format!("{:<12} {tick}  ({})", "next", words::ago(now, Timestamp(tick.due_micros()))))?;
    }
    for seen in &past {
        out.line(text::line(&format!("{:<12} {}  {}", "was", seen.tick.at, became(seen))))?;
    }
    Ok(DONE)
}

fn facts(row: &ScheduleRow, entry: &ScheduleEntry) -> Vec<(&'static str, String)> {
    let length = |us: i64| format_length(Length(us));
    let learned = &row.learned;
    let usually = match (learned.expected(), learned.too_long()) {
        (Some(expected), Some(limit)) => {
            format!(
                "up to {} (95 % of {} runs); told when it takes more than {}",
                format_length(expected),
                learned.runs(),
                format_length(limit)
            )
        }
        _ => format!("not known yet: {} of {RUNS_NEEDED} runs", learned.runs()),
    };
    let optional = [
        ("zone", entry.tz.clone()),
        ("arguments", (!entry.args.is_empty()).then(|| json!(entry.args).to_string())),
        ("rests on", (!entry.exclude.is_empty()).then(|| entry.exclude.join(", "))),
        ("catch up", entry.catch_up.clone()),
        ("overlap", entry.overlap.clone()),
        ("late after", entry.late_after_us.map(length)),
        ("finished by", entry.finish_within_us.map(|us| format!("{} after its tick", length(us)))),
        ("at least", entry.min_duration_us.map(length)),
        ("failures", (learned.failures > 0).then(|| format!("{} in a row", learned.failures))),
        ("owner", row.owner.clone()),
        ("reason", row.reason.clone()),
        ("paused", row.pause_note.clone()),
    ];
    let first = [("task", row.task.clone()), ("due", entry.due_shown()), ("stated by", row.source.to_string()), ("usually", usually)];
    first.into_iter().chain(optional.into_iter().filter_map(|(what, value)| Some((what, value?)))).collect()
}
