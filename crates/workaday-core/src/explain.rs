//! The one shape of an error: a code that never changes its meaning, what failed, what was expected, whether a retry is safe.

use crate::nearest::nearest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// May the same thing be tried again?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAdvice {
    /// Now, as it is.
    Safe,
    /// After what is named has been mended.
    SafeAfterFix,
    /// Look first whether it happened.
    CheckFirst,
    Never,
}

impl RetryAdvice {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::SafeAfterFix => "safe_after_fix",
            Self::CheckFirst => "check_first",
            Self::Never => "never",
        }
    }

    /// In words, for people, when the error itself has no better sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Safe => "safe now",
            Self::SafeAfterFix => "safe after that is mended",
            Self::CheckFirst => "check first whether it happened",
            Self::Never => "a retry cannot help",
        }
    }
}

/// An error as every face of Workaday shows it: command line, HTTP, log, Python.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `area.what`, listed in docs/reference/errors.md.
    pub code: Cow<'static, str>,
    /// What failed, in one sentence that names the thing and its value.
    pub message: String,
    pub expected: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    pub retry: RetryAdvice,
    /// The retry advice in words, where more can be said ("nothing was stored").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_note: Option<String>,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        crate::reached::note(code);
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
            expected: String::new(),
            got: None,
            retry: RetryAdvice::SafeAfterFix,
            retry_note: None,
            hint: None,
        }
    }
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = text.into();
        self
    }
    pub fn got(mut self, text: impl Into<String>) -> Self {
        self.got = Some(text.into());
        self
    }
    pub fn retry(mut self, advice: RetryAdvice, note: impl Into<String>) -> Self {
        self.retry = advice;
        let note = note.into();
        self.retry_note = (!note.is_empty()).then_some(note);
        self
    }
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }
    /// Asks back with the known name nearest to a mistyped one. None is near: the hint stays as it is.
    pub fn meant<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, known) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Where the code is explained.
    pub fn docs(&self) -> String {
        format!("docs/reference/errors.md#{}", self.code.replace('.', "-"))
    }

    /// The JSON of `--json` and `application/problem+json`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code, "message": self.message, "expected": self.expected, "got": self.got,
            "retry": self.retry, "retry_note": self.retry_note, "hint": self.hint, "docs": self.docs(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)?;
        if !self.expected.is_empty() {
            write!(f, "\n  expected: {}", self.expected)?;
        }
        if let Some(got) = &self.got {
            write!(f, "\n  got:      {got}")?;
        }
        write!(f, "\n  retry:    {}", self.retry_note.as_deref().unwrap_or(self.retry.sentence()))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint:     {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// A typed error that can say itself in the shape above.
pub trait Explain: std::error::Error {
    fn problem(&self) -> Problem;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_in_the_words_of_the_interface() {
        let problem = Problem::new("args.invalid", "shop.send_invoice was not enqueued: `order_id` is \"abc\"")
            .expected("an integer")
            .retry(RetryAdvice::SafeAfterFix, "safe after the argument is fixed; nothing was stored");
        assert_eq!(
            problem.to_string(),
            "error[args.invalid]: shop.send_invoice was not enqueued: `order_id` is \"abc\"\n  expected: an integer\n  retry:    safe after the argument is fixed; nothing was stored"
        );
        assert_eq!(problem.to_json()["retry"], "safe_after_fix");
    }
}
