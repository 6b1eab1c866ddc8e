//! What this is: version and the addresses for machines.

use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page};
use askama::Template;
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_store::Reader;

#[derive(Template)]
#[template(path = "about.html")]
struct View<'a> {
    s: Sheet<'a>,
    version: &'static str,
    store: String,
}

pub fn about(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let version = env!("CARGO_PKG_VERSION");
    let view = View { s: Sheet::new(context, "About", ""), version, store: reader.path().display().to_string() };
    page(&view.s, &view, json!({"version": version, "app": context.app, "release": context.release}))
}
