//! Who did what by hand, and why.

use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page};
use crate::{mask, words};
use askama::Template;
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_store::sqlite::read::Reader;

const PAGE: usize = 60;

struct Line {
    when_html: String,
    who: String,
    action: String,
    target: String,
    why: Option<String>,
    detail: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    lines: Vec<Line>,
    older: Option<String>,
}

pub fn audit(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Who did what", "");
    let before = context.query.get("before").and_then(|text| text.parse().ok());
    let rows = reader.audit(before, PAGE)?;
    let verdict = match rows.first() {
        None => "Nobody has done anything by hand yet.".to_owned(),
        Some(last) => format!("The last act by hand was {}, by {}.", words::ago(context.now, last.at), last.who),
    };
    let older = (rows.len() == PAGE).then(|| rows.last().map(|last| s.here(&[("before", &last.key.to_string())]))).flatten();
    let lines = rows
        .iter()
        .map(|row| Line {
            when_html: s.t.ago(row.at),
            who: row.who.clone(),
            action: row.action.clone(),
            target: words::cut(&row.target, 200),
            why: row.why.as_deref().map(|why| words::cut(&mask::text(why), 300)),
            detail: row.detail.as_deref().map(|detail| words::cut(&mask::text(detail), 200)),
        })
        .collect();
    let json = json!({
        "acts": rows.iter().map(|row| json!({
            "at": row.at.to_string(), "who": row.who, "action": row.action, "target": row.target, "why": row.why,
        })).collect::<Vec<_>>(),
    });
    let view = View { s, verdict, lines, older };
    page(&view.s, &view, json)
}
