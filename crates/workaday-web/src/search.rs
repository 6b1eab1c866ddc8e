//! What is searched is what is shown: a secret that is masked on the page must not be told by a search, letter by letter.

use crate::mask;
use crate::pages::line_of;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{Look, Reader, Seen};

/// Which jobs a page or an act means: a look, and a piece of the task's name or of the arguments as they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    pub look: Look,
    pub text: Option<String>,
}

impl Search {
    /// `mask`: parts of names whose values are hidden.
    pub fn run(&self, reader: &Reader, mask: &[String]) -> Result<Seen, StoreError> {
        match &self.text {
            None => reader.look(&self.look),
            Some(text) => reader.look_for(&self.look, Some(&|task, args| fits(text, task, args, mask))),
        }
    }
}

/// `order_id=42`, as a row shows it, or `"order_id":42`, as JSON.
fn fits(text: &str, task: &str, args: &str, mask: &[String]) -> bool {
    if task.contains(text) {
        return true;
    }
    // Whether arguments are read one way or the other depends on them alone, not on what is searched: how long it takes
    // tells nothing about what is hidden.
    if hides_nothing(args, mask) {
        return args.contains(text) || (text.contains('=') && line_of(args, mask).contains(text));
    }
    let Ok(mut value) = serde_json::from_str(args) else { return false };
    mask::value(&mut value, mask);
    value.to_string().contains(text) || line_of(args, mask).contains(text)
}

/// Is the stored text, letter for letter, what is shown of it? Most arguments are, and need not be read as JSON.
fn hides_nothing(args: &str, mask: &[String]) -> bool {
    let could_hide = !args.is_ascii() || args.contains(['\\', '=']) || args.contains("://");
    !could_hide && {
        let lower = args.to_ascii_lowercase();
        !mask.iter().any(|part| lower.contains(part.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, args: &str) -> bool {
        fits(text, "shop.charge", args, &["password".to_owned(), "token".to_owned()])
    }

    #[test]
    fn what_is_hidden_is_not_found_and_what_stands_beside_it_is() {
        for args in [
            r#"{"order_id": 42, "password": "hunter2"}"#,
            r#"{"order_id": 42, "deep": [{"API_Token": "hunter2"}]}"#,
            r#"{"order_id": 42, "p\u0061ssword": "hunter2"}"#,
            r#"{"order_id": 42, "dsn": "postgresql://shop:hunter2@db/shop"}"#,
            r#"{"order_id": 42, "dsn": "host=db password=hunter2"}"#,
            "{\"order_id\": 42, \"to\u{212a}en\": \"hunter2\"}",
        ] {
            for piece in ["hunter2", "hu", "password=h", "\"hunter2\"", ":hunter2@"] {
                assert!(!found(piece, args), "{piece} in {args}");
            }
            assert!(found("order_id=42", args) && found("\"order_id\":42", args), "{args}");
        }
        assert!(!found("hunter2", "{\"password\": \"hunter2"), "what does not parse is not shown, and not searched");
    }

    #[test]
    fn plain_arguments_are_found_as_they_are_stored_and_as_they_are_shown() {
        let args = r#"{"order_id": 42, "copy": true}"#;
        assert!(found("\"order_id\": 42", args) && found("order_id=42", args) && found("42, \"copy\"", args));
        assert!(found("charge", args) && !found("43", args) && !found("order_id=43", args));
        assert!(found("müller", "{\"name\": \"m\\u00fcller\"}"), "escapes are no letters");
    }
}
