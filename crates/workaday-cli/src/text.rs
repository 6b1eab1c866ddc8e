//! Text of jobs made safe to show: a task's output must not move the cursor, retitle the window or reorder a line.

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

/// JSON text with the hidden characters as `\uXXXX`: the same value, and safe on a terminal.
pub fn json(text: &str) -> Cow<'_, str> {
    // The serialiser escapes line breaks in text itself; those that are left are its own layout.
    let hidden = |c: char| is_hidden(c) && c != '\n';
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(safe, "\\u{unit:04x}").expect("a String takes all");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The text cut to so many columns, with `…` where something is missing.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
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

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({"name": "a\u{202e}b\u{9b}c\u{e0041}", "esc": "\u{1b}"});
        let shown = json(&value.to_string()).into_owned();
        assert!(!shown.chars().any(is_hidden), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(cut("日本語のメール", 7), "日本語…");
        assert_eq!(cut("plain", 5), "plain");
        assert_eq!(cut("plain!", 5), "plai…");
    }
}
