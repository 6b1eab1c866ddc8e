//! What is wrong with a configuration: all of it at once, each with its place.

use crate::kind::{Kind, Misfit, Written};
use std::fmt;
use workaday_core::explain::{Problem, RetryAdvice};

/// Everything that was found wrong, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { name: String, line: usize },
    Environment { variable: String },
    CommandLine { flag: &'static str },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { name, line } => write!(f, "{name}:{line}"),
            Origin::Environment { variable } => write!(f, "environment variable {variable}"),
            Origin::CommandLine { flag } => f.write_str(flag),
        }
    }
}

impl Origin {
    fn retry_note(&self) -> &'static str {
        match self {
            Origin::Environment { .. } => "safe after the variable is fixed; nothing was changed",
            Origin::CommandLine { .. } => "safe after the argument is fixed; nothing was changed",
            Origin::File { .. } | Origin::Default => "safe after the file is fixed; nothing was changed",
        }
    }

    /// A problem at this place.
    pub fn problem(&self, code: &'static str, what: impl fmt::Display) -> Problem {
        Problem::new(code, format!("{self}: {what}")).retry(RetryAdvice::SafeAfterFix, self.retry_note())
    }

    pub(crate) fn misfit(&self, place: &str, kind: Kind, written: &Written, misfit: Misfit) -> Problem {
        // What may be a secret is not repeated.
        let got = if matches!(kind, Kind::Secret | Kind::Url) { "what is written there (not shown)".to_owned() } else { written.show() };
        let problem = match misfit {
            Misfit::Type => self.problem("config.wrong_type", format_args!("`{place}` is {}", written.kind_word())),
            Misfit::Value => self.problem("config.impossible_value", format_args!("`{place}` cannot be {got}")),
        };
        let problem = problem.expected(kind.expected()).got(got);
        match hint(kind, written) {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// The slip that is behind most misfits of a kind.
fn hint(kind: Kind, written: &Written) -> Option<String> {
    match (kind, written) {
        (Kind::Length(_), Written::Integer(number)) => Some(format!("write the unit: \"{number}s\"")),
        (Kind::Size, Written::Integer(number)) => Some(format!("write the unit: \"{number}M\"")),
        (Kind::Bool | Kind::Count(..), Written::Text(text)) if kind.judge(&kind.written_in_environment(text)).is_ok() => {
            Some(format!("without quotes: {text}"))
        }
        (Kind::Argv, Written::Text(text)) => {
            let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
            Some(format!("one item a word, no shell: [{}]", words.join(", ")))
        }
        (Kind::Command | Kind::Probe, Written::Text(text)) => {
            Some(format!("no shell runs it; if you mean one: [\"sh\", \"-c\", {text:?}]"))
        }
        (Kind::App, Written::Text(text)) if text.ends_with(".py") || text.contains(".py:") || text.contains('/') => {
            let path = text.split(':').next().unwrap_or_default().trim_end_matches(".py").replace('/', ".");
            Some(format!("name the module, not the file: \"{path}:app\""))
        }
        (Kind::Word(words), Written::Text(text)) => {
            workaday_core::nearest::nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"))
        }
        _ => None,
    }
}
