//! The one escaper of the pages: HTML's own letters, and what would hide, move or reorder what is read.

use askama::filters::Escaper;
use std::fmt::{self, Write};
use workaday_core::visible;

/// Named in `askama.toml`, so every `{{ … }}` of a template goes through it.
#[derive(Clone, Copy, Debug)]
pub struct Careful;

impl Escaper for Careful {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        // Line breaks and tabs mean nothing but space in HTML, and are wanted in logs.
        for c in visible::block(text).chars() {
            match c {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&quot;")?,
                '\'' => to.write_str("&#39;")?,
                c => to.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The same, as text, for markup that is built by hand: plots and times.
pub fn escaped(text: &str) -> String {
    let mut to = String::with_capacity(text.len() + 8);
    Careful.write_escaped_str(&mut to, text).expect("a String takes all");
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup_or_reorders_the_line() {
        assert_eq!(escaped("<b a='1' c=\"2\">&"), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
        assert_eq!(escaped("a\u{202e}b\x1b[2Jc\nd"), "a\\u{202e}b\\x1b[2Jc\nd");
    }
}
