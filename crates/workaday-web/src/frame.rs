//! The few documents that are no pages: login, refusals, dry runs. Plain HTML with the stylesheet of the pages.

use crate::pages;
use crate::show::prose;
use crate::words;
use axum::http::StatusCode;
use workaday_core::explain::Problem;

/// Text in HTML, between tags and within quoted attributes. Bidirectional controls are shown, not obeyed.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => safe.push('\u{fffd}'),
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A whole document. `body` is HTML.
pub fn document(title: &str, body: &str) -> String {
    let style = pages::static_files().iter().find(|file| file.name.ends_with(".css"));
    let mut link = style.map_or_else(String::new, |file| format!("<link rel=\"stylesheet\" href=\"/static/{}\">", file.name));
    // Without one the browser asks for /favicon.ico, and finds nothing.
    if let Some(icon) = pages::static_files().iter().find(|file| file.name.ends_with(".svg")) {
        link.push_str(&format!("<link rel=\"icon\" type=\"image/svg+xml\" href=\"/static/{}\">", icon.name));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} · Workaday</title>\n{link}\n</head>\n\
         <body class=\"plain\">\n<main class=\"plain\">\n{body}\n</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// What failed, what was expected, whether a retry is safe; the id finds the rest in the log.
pub fn problem(problem: &Problem, status: StatusCode, id: &str) -> String {
    let mut body = format!("<h1 class=\"verdict\">{}</h1>\n<dl class=\"problem\">\n", prose(&words::begun(&problem.message)));
    let mut line = |name: &str, text: &str| body.push_str(&format!("<dt>{name}</dt><dd>{}</dd>\n", prose(text)));
    if !problem.expected.is_empty() {
        line("expected", &problem.expected);
    }
    if let Some(got) = &problem.got {
        line("got", got);
    }
    line("retry", problem.retry_note.as_deref().unwrap_or(problem.retry.sentence()));
    if let Some(hint) = &problem.hint {
        line("hint", hint);
    }
    line("code", &problem.code);
    line("id", id);
    body.push_str("</dl>\n<p><a href=\"/\">Today</a></p>");
    document(status.canonical_reason().unwrap_or("Problem"), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_says_stays_text() {
        assert_eq!(escape("<b onload='x'>&\"\u{202e}\u{1b}"), "&lt;b onload=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\u{fffd}");
        let said = Problem::new("usage.value", "`<b>\u{202e}` is no state").expected("`<i>`");
        let page = problem(&said, StatusCode::NOT_FOUND, "1");
        assert!(page.contains("<code>&lt;b&gt;") && page.contains("<code>&lt;i&gt;</code>") && !page.contains('\u{202e}'), "{page}");
        assert!(document("a</title><script>", "").contains("a&lt;/title&gt;&lt;script&gt;"));
    }
}
