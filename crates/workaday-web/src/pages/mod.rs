//! The pages, one function each. Placeholders: what they will show is being drawn.

use crate::page::{Page, PageContext, StaticFile};
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_store::Reader;

/// What pages refer to under `/static/`.
pub fn static_files() -> &'static [StaticFile] {
    &[]
}

fn plain(title: &str, context: &PageContext) -> Page {
    let html = format!("<!doctype html><html lang=\"en\"><title>{title} · Workaday</title><h1>{title}</h1></html>");
    Page { title: title.to_owned(), html, json: json!({"page": title, "viewer": context.viewer.name}), status: 200 }
}

macro_rules! placeholders {
    ($($name:ident),+ $(,)?) => {
        $(pub fn $name(_reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
            Ok(plain(stringify!($name), context))
        })+
    };
}

placeholders!(
    today,
    jobs,
    job,
    errors,
    error_group,
    schedules,
    schedule,
    queues,
    releases,
    release,
    compare,
    checklist,
    task,
    audit,
    about
);
