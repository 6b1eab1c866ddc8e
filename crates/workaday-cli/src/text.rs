//! Text of jobs made safe to show: a task's output must not move the cursor, retitle the window or reorder a line.

use std::borrow::Cow;
use std::fmt::Write;
pub use workaday_core::visible::{block, is_hidden, line};

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
