//! `notes`: what was released and why, found by any word. Reads the store, where the notes of lost files are too.

use crate::args::Notes;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::{text, words};
use serde_json::json;

const PAGE: usize = 1_000;
/// Lines shown of one note.
const LINES_SHOWN: usize = 4;

pub fn run(args: &Notes, context: &mut Context) -> Done {
    let wanted: Vec<String> = args.words.iter().map(|word| word.to_lowercase()).collect();
    let reader = context.reader()?;
    let mut found = vec![];
    let mut before = None;
    loop {
        let page = reader.releases(before, PAGE)?;
        let Some(last) = page.last() else { break };
        before = Some(last.release);
        found.extend(page.into_iter().filter_map(|row| {
            let note = row.note.clone()?;
            let lower = note.to_lowercase();
            wanted.iter().all(|word| lower.contains(word)).then_some((row, note))
        }));
    }
    if context.out.json {
        let rows: Vec<_> = found
            .iter()
            .map(|(row, note)| json!({"release": row.release, "state": row.state, "reason": row.reason, "note": note}))
            .collect();
        context.out.json(&json!({"notes": rows}))?;
        return Ok(DONE);
    }
    if found.is_empty() {
        context.out.line(match wanted.is_empty() {
            true => "No release has a note yet: `workaday release run` writes one for each.",
            false => "No note has these words. `workaday release list` lists all releases.",
        })?;
    }
    let now = context.now();
    for (row, note) in &found {
        context.out.line(format!("{:04}  {}, {}: {}", row.release, row.state, words::ago(now, row.started_at), text::line(&row.reason)))?;
        let lines = note.lines().filter(|line| wanted.iter().any(|word| line.to_lowercase().contains(word)));
        for line in lines.take(LINES_SHOWN) {
            context.out.line(format!("      {}", text::line(line.trim())))?;
        }
    }
    Ok(DONE)
}
