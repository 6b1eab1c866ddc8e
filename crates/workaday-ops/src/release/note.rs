//! The page that stays: reason, what was done with exact commands, what it came to, how to undo it.

use super::plan::{Kind, Plan};
use crate::command::{Ran, line};
use crate::git::short;
use serde_json::Value;
use std::fmt::Write;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_store::sqlite::read::StepRow;

/// `0007-faster-invoices.md`.
pub fn file_name(release: i64, reason: &str) -> String {
    let letters: String = reason.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = letters.split_whitespace().take(6).collect();
    let slug = if words.is_empty() { "release".to_owned() } else { words.join("-") };
    format!("{release:04}-{slug}.md")
}

/// A line that begins so tells that the release was rolled back.
const ROLLED_BACK: &str = "- **Rolled back:** ";
const ROLLBACK: &str = "- **Rollback:** ";

/// How a way back went, for the note of the release that it undid.
#[derive(Clone, Debug)]
pub struct Undone<'a> {
    /// Number of the rollback, and the file of its note.
    pub release: i64,
    pub file: &'a str,
    pub state: &'a str,
    pub command: &'a [String],
    pub at: Timestamp,
}

/// Adds to a note how its release was rolled back. What people wrote into it stays; said again, it is said once.
pub fn rolled_back(note: &str, undone: &Undone<'_>) -> String {
    let Undone { release, file, state, command, at } = undone;
    let went = match *state {
        "done" => "which got through".to_owned(),
        state => format!("which ended as {state}"),
    };
    let line = format!("{ROLLED_BACK}{at} by [release {release:04}]({file}) with `{}`, {went}", line(command));
    let of_this = format!("by [release {release:04}]");
    let mut lines: Vec<&str> = note.lines().filter(|known| !(known.starts_with(ROLLED_BACK) && known.contains(&of_this))).collect();
    // After the way back itself, and after the ways back that were tried before. A note without one gets it at its end.
    let place = lines.iter().rposition(|known| known.starts_with(ROLLED_BACK) || known.starts_with(ROLLBACK));
    lines.insert(place.map_or(lines.len(), |at| at + 1), &line);
    lines.join("\n") + "\n"
}

/// The note, Markdown; `undoes` is the file of the note of what it undoes. Writing to a String cannot fail.
pub fn markdown(release: i64, plan: &Plan, steps: &[StepRow], state: &str, ended: Timestamp, undoes: Option<&str>) -> String {
    let mut page = String::new();
    let title = match plan.kind {
        Kind::Release => format!("Release {release:04}"),
        Kind::Rollback => format!("Rollback {release:04}"),
    };
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(page, "# {title}: {}\n", one_line(&plan.reason));
    let began = steps.first().map_or(ended, |step| step.began_at);
    let _ = writeln!(page, "- **State:** {state}");
    let _ = writeln!(page, "- **Revision:** `{}`", short(&plan.revision));
    match &plan.previous {
        Some(previous) => {
            let _ = writeln!(page, "- **Before it:** release {:04}, `{}`", previous.release, short(&previous.revision));
        }
        None => page.push_str("- **Before it:** no release is recorded\n"),
    }
    if let Some(undone) = plan.undoes {
        let shown = undoes.map_or_else(|| format!("release {undone:04}"), |file| format!("[release {undone:04}]({file})"));
        let _ = writeln!(page, "- **Undoes:** {shown}");
    }
    let _ = writeln!(page, "- **Owner:** {}", one_line(&plan.owner));
    let _ = writeln!(page, "- **Expected:** {}", one_line(&plan.expects));
    match &plan.previous {
        Some(_) => {
            let _ = writeln!(page, "{ROLLBACK}`workaday release rollback {release}`, which runs `{}`", line(&plan.rollback));
        }
        None => {
            let _ = writeln!(page, "{ROLLBACK}{}", plan.way_back());
        }
    }
    let _ = writeln!(page, "- **From** {began} **to** {ended} ({})", format_length(Length((ended - began).0 / 1_000_000 * 1_000_000)));
    let _ = writeln!(
        page,
        "- **Rehearsal:** {}",
        plan.rehearsal.map_or_else(|| "none: no `[release.staging]` is configured".to_owned(), |number| format!("{number}"))
    );
    list(&mut page, "Assumptions", &plan.assumptions, "None were stated.");
    list(&mut page, "Warnings", &plan.warnings, "");
    let _ = writeln!(page, "\n## What was done\n\nGate: {}\n", plan.gate);
    page.push_str("| step | came to | took |\n|---|---|---|\n");
    for step in steps {
        let took = step.ended_at.map_or_else(|| "-".to_owned(), |at| format_length(Length((at - step.began_at).0 / 1_000 * 1_000)));
        let again = if step.tries > 1 { format!(", try {}", step.tries) } else { String::new() };
        let _ = writeln!(page, "| {} | {}{again}{} | {took} |", step.step, step.state, told(step));
    }
    commands(&mut page, plan, steps);
    comparison(&mut page, steps);
    let caches = if plan.clear_caches.is_empty() { "None.".to_owned() } else { plan.clear_caches.join(", ") + "." };
    let _ = writeln!(page, "\n## Caches cleared\n\n{caches}");
    list(
        &mut page,
        "Files touched",
        &plan.files_touched.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>(),
        untouched(plan.previous.is_some()),
    );
    list(&mut page, "Untracked files at the time", &plan.untracked.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>(), "");
    page
}

fn untouched(has_previous: bool) -> &'static str {
    if has_previous {
        "None since the release before."
    } else {
        "No release is recorded before this one, so there is nothing to compare with."
    }
}

fn list(page: &mut String, title: &str, items: &[String], empty: &str) {
    if items.is_empty() && empty.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n## {title}\n");
    if items.is_empty() {
        let _ = writeln!(page, "{empty}");
    }
    for item in items {
        let _ = writeln!(page, "- {}", item.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

fn detail(step: &StepRow) -> Value {
    step.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

fn told(step: &StepRow) -> String {
    let detail = detail(step);
    let words = detail.get("says").or_else(|| detail.get("problem").and_then(|problem| problem.get("message"))).and_then(Value::as_str);
    words.map(|words| format!(": {}", words.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" "))).unwrap_or_default()
}

/// The commands, as one would type them again.
fn commands(page: &mut String, plan: &Plan, steps: &[StepRow]) {
    let mut all = plan.checks.clone();
    for step in steps {
        let detail = detail(step);
        let ran = detail.get("commands").cloned().and_then(|value| serde_json::from_value::<Vec<Ran>>(value).ok());
        all.extend(ran.into_iter().flatten());
    }
    if all.is_empty() {
        return;
    }
    page.push_str("\n## Commands\n\n```text\n");
    let _ = writeln!(page, "git checkout {}", short(&plan.revision));
    for ran in all {
        let _ = writeln!(page, "{}    # {}", ran.line(), ran.ending());
    }
    page.push_str("```\n");
}

fn comparison(page: &mut String, steps: &[StepRow]) {
    let Some(found) = steps.iter().find(|step| step.step == "compare").map(detail) else { return };
    let Some(verdict) = found.get("verdict").and_then(Value::as_str) else { return };
    let _ = writeln!(page, "\n## Before and after: {}\n", verdict.replace('_', " "));
    for sentence in found.get("sentences").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(page, "- {sentence}");
    }
    let metrics: Vec<super::Metric> =
        found.get("metrics").cloned().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    if !metrics.is_empty() {
        page.push_str("\n| metric | before | after |\n|---|---|---|\n");
        for metric in metrics {
            let _ = writeln!(page, "| {} | {} | {} |", metric.name, metric.before, metric.after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Undone, file_name, rolled_back};
    use workaday_core::clock::Timestamp;

    #[test]
    fn a_note_that_people_wrote_into_learns_once_how_it_was_rolled_back() {
        let note = "# Release 0002: x\n\n- **Rollback:** `workaday release rollback 2`\n- **From** a **to** b\n\nSeen by Ada.\n";
        let command = ["sh".to_owned(), "back.sh".to_owned()];
        let tried = Undone { release: 3, file: "0003-x.md", state: "failed", command: &command, at: Timestamp(0) };
        let went = Undone { release: 4, file: "0004-x.md", state: "done", command: &command, at: Timestamp(0) };
        let told = rolled_back(&rolled_back(note, &tried), &went);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[3].ends_with("by [release 0003](0003-x.md) with `sh back.sh`, which ended as failed"), "{told}");
        assert!(lines[4].ends_with("by [release 0004](0004-x.md) with `sh back.sh`, which got through"), "{told}");
        assert_eq!(rolled_back(&told, &went), told);
        assert!(told.ends_with("\nSeen by Ada.\n"));
        assert!(rolled_back("mine\n", &went).starts_with("mine\n- **Rolled back:** "));
    }

    #[test]
    fn a_note_is_named_by_number_and_reason() {
        assert_eq!(file_name(7, "Faster invoices: p95 of /pay -20 %!"), "0007-faster-invoices-p95-of-pay-20.md");
        assert_eq!(file_name(12345, "../../etc"), "12345-etc.md");
        assert_eq!(file_name(1, "äöü"), "0001-release.md");
    }
}
