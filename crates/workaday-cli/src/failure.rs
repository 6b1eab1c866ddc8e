//! How a command fails: problems in the words of the interface, and the exit code that goes with them.

use workaday_config::ConfigError;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::StoreError;

/// Done, as a command reports it: its exit code.
pub type Done = Result<u8, Failure>;

pub const DONE: u8 = 0;
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const REFUSED: u8 = 3;
pub const WORSE: u8 = 4;
pub const NOT_ENOUGH: u8 = 5;
pub const TRY_AGAIN: u8 = 75;

/// What ended a command early.
#[derive(Debug)]
pub enum Failure {
    /// Never empty.
    Problems(Vec<Problem>),
    /// The reader of our output went away (`workaday logs | head`): nothing to say, and nobody to say it to.
    OutputClosed,
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Problems(problems) => problems.first().map_or(FAILED, exit_code),
            Failure::OutputClosed => DONE,
        }
    }
}

/// The exit code of a problem: usage and refusals by their area, else by whether trying again helps.
pub fn exit_code(problem: &Problem) -> u8 {
    let (area, what) = problem.code.split_once('.').unwrap_or((&problem.code, ""));
    match (area, what) {
        ("args" | "config" | "usage" | "cron", _) | ("schedule", "invalid") => USAGE,
        ("job", "id_invalid" | "id_ambiguous") | ("option", "name_invalid") | ("user", "password_weak") => USAGE,
        // A release that began and did not get through has failed; whatever stood against it before was a refusal.
        ("release", "deploy_failed" | "unhealthy" | "not_drained" | "cache_failed") | ("rehearse", "failed") => FAILED,
        ("install", "failed") => FAILED,
        ("release" | "rehearse" | "install", _) => REFUSED,
        (
            _,
            "unknown" | "no_such_tick" | "moved_on" | "broken" | "absent" | "missing" | "refused" | "state_refuses" | "held"
            | "children_alive" | "damaged" | "unfit" | "open" | "none_open" | "name_taken" | "not_dynamic" | "newer_schema"
            | "older_schema" | "exists" | "not_found" | "unique_taken" | "id_taken" | "unclear",
        ) => REFUSED,
        (_, "result_timeout") => TRY_AGAIN,
        _ if problem.retry == RetryAdvice::Safe => TRY_AGAIN,
        _ => FAILED,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure::Problems(vec![problem])
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Problems(error.problems)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        error.problem().into()
    }
}

impl From<std::io::Error> for Failure {
    /// Only writes to standard output come here bare; other input and output says what it was doing.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::OutputClosed;
        }
        Problem::new("cli.output", format!("standard output could not be written: {error}"))
            .expected("a terminal, a file or a pipe that takes the output")
            .retry(RetryAdvice::CheckFirst, "check first whether the command took effect; its report was cut off")
            .into()
    }
}

/// A value on the command line that does not read.
pub fn usage(what: impl Into<String>, expected: impl Into<String>) -> Problem {
    Problem::new("usage.value", what)
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe after the command is fixed; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_what_a_script_has_to_do() {
        // Put together by hand: a name in this table is not a code that was met.
        let code = |name: &'static str, retry| exit_code(&Problem { code: name.into(), retry, ..Problem::new("usage.value", "m") });
        for (name, retry, expected) in [
            ("args.invalid", RetryAdvice::SafeAfterFix, USAGE),
            ("config.unknown_key", RetryAdvice::SafeAfterFix, USAGE),
            ("task.unknown", RetryAdvice::SafeAfterFix, REFUSED),
            ("job.not_found", RetryAdvice::Never, REFUSED),
            ("store.newer_schema", RetryAdvice::SafeAfterFix, REFUSED),
            ("job.id_invalid", RetryAdvice::SafeAfterFix, USAGE),
            ("job.id_ambiguous", RetryAdvice::SafeAfterFix, USAGE),
            ("option.name_invalid", RetryAdvice::SafeAfterFix, USAGE),
            ("user.password_weak", RetryAdvice::SafeAfterFix, USAGE),
            ("restore.unclear", RetryAdvice::SafeAfterFix, REFUSED),
            ("store.busy", RetryAdvice::Safe, TRY_AGAIN),
            ("store.outcome_unknown", RetryAdvice::Safe, TRY_AGAIN),
            ("store.corrupt", RetryAdvice::Never, FAILED),
        ] {
            assert_eq!(code(name, retry), expected, "{name}");
        }
    }
}
