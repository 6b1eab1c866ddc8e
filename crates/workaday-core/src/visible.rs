//! Text of jobs made safe to show: it must not move a cursor, retitle a window, hide, or reorder a line.
//!
//! One rule for terminal, log and page.

use std::borrow::Cow;
use std::fmt::Write;

/// One line: everything that is not plainly visible is written as an escape, line breaks too.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Several lines: line breaks and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_hidden(c) || keep(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if (c as u32) < 0x100 => write!(safe, "\\x{:02x}", c as u32).expect("a String takes all"),
            c => write!(safe, "\\u{{{:x}}}", c as u32).expect("a String takes all"),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, and format characters that hide or reorder what a reader sees.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The URL as it may be shown: what follows the host is often the whole secret.
pub fn masked_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    if rest.len() > end + 1 { format!("{scheme}://{host}/…") } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_or_reorder_a_line_is_shown_as_an_escape() {
        for (text, shown) in [
            ("plain ä 日本 👍", "plain ä 日本 👍"),
            ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
            ("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe"),
            ("a\u{200b}b\u{2066}", "a\\u{200b}b\\u{2066}"),
            ("c1 \u{9b}31m", "c1 \\x9b31m"),
            ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(block("two\nlines\x1b"), "two\nlines\\x1b");
    }
}
