//! The way in. It says nothing of what is behind it.

use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page};
use askama::Template;
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_store::Reader;

#[derive(Template)]
#[template(path = "login.html")]
struct View<'a> {
    s: Sheet<'a>,
    next: &'a str,
}

pub fn login(_reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    // Only a path of ours: a login must not lead elsewhere.
    let next =
        context.query.get("next").filter(|next| next.starts_with('/') && !next.starts_with("//") && !next.contains('\\')).unwrap_or("/");
    let view = View { s: Sheet::new(context, "Log in", ""), next };
    page(&view.s, &view, json!({"login": true}))
}
