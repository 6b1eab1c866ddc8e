//! The dry run before an act: what will be done, to how many, to which; nothing has happened yet.

use super::rows;
use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page};
use askama::Template;
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_store::sqlite::read::ListedJob;

/// What is about to be done.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// `Retry 37 jobs of mail.send_invoice`; also the words of the button.
    pub sentence: String,
    /// What else to know: `They run at once.`, `This cannot be undone.`
    pub note: Option<String>,
    /// Where the form goes, and the fields it carries beside `confirm=yes`.
    pub action: String,
    pub fields: Vec<(String, String)>,
    /// Why, as far as somebody has said it already.
    pub reason: String,
    /// Some of the jobs it concerns.
    pub sample: Vec<ListedJob>,
    /// How many more there are than the sample shows.
    pub more: usize,
    /// It destroys something.
    pub is_final: bool,
    /// Where to go instead.
    pub back: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct View<'a> {
    s: Sheet<'a>,
    ask: &'a Confirm,
    jobs: Vec<rows::JobRow>,
    more: String,
}

pub fn confirm(context: &PageContext, ask: &Confirm) -> Result<Page, Problem> {
    let context = PageContext { region: None, ..context.clone() };
    let s = Sheet::new(&context, ask.sentence.clone(), "");
    let jobs = ask.sample.iter().map(|job| rows::row(&context, &s.t, job)).collect();
    let json = json!({"dry_run": true, "sentence": ask.sentence, "sample": ask.sample.iter().map(|job| rows::to_json(&context, job)).collect::<Vec<_>>(), "more": ask.more});
    let view = View { s, ask, jobs, more: crate::words::thousands(ask.more as i64) };
    page(&view.s, &view, json)
}
