//! The sheet that every page is written on: header, navigation, footer; and how a region is cut out of it.

use crate::assets;
use crate::page::{Page, PageContext, Role, Theme};
use crate::show::Teller;
use crate::words;
use askama::Template;
use serde_json::{Value, json};
use workaday_core::explain::{Problem, RetryAdvice};

/// What the header and the footer need. Every page's view holds one as `s`.
pub struct Sheet<'a> {
    pub c: &'a PageContext,
    pub t: Teller,
    pub title: String,
    /// Which entry of the navigation this page belongs to.
    pub nav: &'static str,
}

const LINKS: [(&str, &str); 7] = [
    ("/", "Today"),
    ("/jobs", "Jobs"),
    ("/errors", "Errors"),
    ("/schedules", "Schedules"),
    ("/queues", "Queues"),
    ("/releases", "Releases"),
    ("/checklist", "Checklist"),
];

impl<'a> Sheet<'a> {
    pub fn new(context: &'a PageContext, title: impl Into<String>, nav: &'static str) -> Self {
        Self { c: context, t: Teller::new(context.now, &context.zone), title: title.into(), nav }
    }

    pub fn links(&self) -> &'static [(&'static str, &'static str)] {
        &LINKS
    }

    pub fn style(&self) -> String {
        assets::path("style", "css")
    }

    pub fn script(&self) -> String {
        assets::path("live", "js")
    }

    pub fn icon(&self) -> String {
        assets::path("icon", "svg")
    }

    /// Operators see what acts; viewers see no form that would be refused.
    pub fn acts(&self) -> bool {
        self.c.viewer.role >= Role::Operator
    }

    pub fn is_admin(&self) -> bool {
        self.c.viewer.role >= Role::Admin
    }

    /// `production, release 3f2c1a9`.
    pub fn place(&self) -> String {
        let release = self.c.release.as_deref().map(|release| format!("release {}", words::cut(release, 18)));
        self.c.environment.clone().into_iter().chain(release).collect::<Vec<_>>().join(", ")
    }

    pub fn theme_next(&self) -> &'static str {
        match self.c.theme {
            Theme::Auto => "dark",
            Theme::Dark => "light",
            Theme::Light => "auto",
        }
    }

    pub fn theme_said(&self) -> &'static str {
        match self.c.theme {
            Theme::Auto => "◐ as the system",
            Theme::Dark => "☾ dark",
            Theme::Light => "☼ light",
        }
    }

    pub fn seen_at(&self) -> String {
        self.t.exact(self.t.now)
    }

    pub fn same(&self) -> String {
        self.here(&[])
    }

    pub fn json(&self) -> String {
        self.here(&[("format", "json")])
    }

    /// In every form: where to go when it is done. Browsers name no page that they come from here.
    pub fn back(&self) -> String {
        format!("<input type=\"hidden\" name=\"back\" value=\"{}\">", crate::escape::escaped(&self.same()))
    }

    /// This page with other words after the `?`.
    pub fn here(&self, with: &[(&str, &str)]) -> String {
        let mut query = self.c.query.clone();
        for (name, value) in with {
            query.0.retain(|(own, _)| own != name);
            query.0.push(((*name).to_owned(), (*value).to_owned()));
        }
        query.0.retain(|(name, value)| name != "region" && !value.is_empty());
        let text = query.to_text();
        if text.is_empty() { self.c.path.clone() } else { format!("{}?{text}", self.c.path) }
    }
}

/// A part of a path, as it stands in a link.
pub fn segment(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// Renders a page; with `region` asked for, only that part of it.
pub fn page(sheet: &Sheet<'_>, template: &impl Template, json: Value) -> Result<Page, Problem> {
    page_as(sheet, template, json, 200)
}

pub fn page_as(sheet: &Sheet<'_>, template: &impl Template, json: Value, status: u16) -> Result<Page, Problem> {
    let whole = template.render().map_err(|error| {
        Problem::new("web.page_failed", format!("the page {} could not be written: {error}", sheet.c.path))
            .expected("a template that renders")
            .retry(RetryAdvice::Never, "a retry cannot help; this is a mistake of ours")
    })?;
    let html = match &sheet.c.region {
        None => whole,
        Some(name) => region(&whole, name).ok_or_else(|| no_region(name, &sheet.c.path))?.to_owned(),
    };
    Ok(Page { title: sheet.title.clone(), html, json, status })
}

/// What stands between the marks of a region. No text of a job can forge them: `<` is escaped.
fn region<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let from = html.find(&format!("<!--region {name}-->"))?;
    let rest = html[from..].split_once("-->")?.1;
    rest.find(&format!("<!--end {name}-->")).map(|end| &rest[..end])
}

fn no_region(name: &str, path: &str) -> Problem {
    Problem::new("web.region_unknown", format!("the page {path} has no region `{}`", words::cut(name, 40)))
        .expected("the name of a part of that page")
        .retry(RetryAdvice::SafeAfterFix, "safe with another name, or without one")
}

/// A page that says what failed, what was expected, and whether a retry is safe.
pub fn problem(context: &PageContext, problem: &Problem, status: u16) -> Page {
    #[derive(Template)]
    #[template(path = "problem.html")]
    struct View<'a> {
        s: Sheet<'a>,
        problem: &'a Problem,
    }
    // A problem has no regions: it is always whole.
    let context = PageContext { region: None, ..context.clone() };
    let view = View { s: Sheet::new(&context, "Not done", ""), problem };
    let html = view.render().unwrap_or_else(|_| crate::escape::escaped(&problem.to_string()));
    Page { title: "Not done".to_owned(), html, json: json!({"problem": problem.to_json()}), status }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_what_stands_between_its_marks() {
        let html = "<main><!--region a--><p>1<!--end a--><!--region b--><p>2<!--end b--></main>";
        assert_eq!(region(html, "b"), Some("<p>2"));
        assert_eq!(region(html, "c"), None);
    }

    #[test]
    fn a_name_in_a_path_cannot_leave_its_place() {
        assert_eq!(segment("shop.send_invoice"), "shop.send_invoice");
        assert_eq!(segment("../a?b#\"<"), "..%2Fa%3Fb%23%22%3C");
    }
}
