//! What is wrong with a cron expression, told so that its author can mend it.

use std::borrow::Cow;
use std::fmt;

/// The part of a cron expression that an error or a warning speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The expression as a whole: its field count, a nickname.
    Expression,
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

impl Field {
    /// The field's name as messages, JSON and documents write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a cron expression was refused: which field, which text in it, and what would have been right.
///
/// Nothing is half accepted: an expression that gives this error has no ticks at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronError {
    /// Stable slug, one of [`CronError::CODES`]; never changes its meaning.
    pub code: &'static str,
    pub field: Field,
    /// The text that is wrong, as it was written.
    pub value: String,
    /// What would have been accepted, to be read after "expected".
    pub expected: Cow<'static, str>,
    /// The likely cure, where one is known.
    pub hint: Option<Cow<'static, str>>,
}

impl CronError {
    /// Every code this module answers, with what it says about the value.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("cron.empty", "is empty"),
        ("cron.too_long", "is too long"),
        ("cron.field_count", "has the wrong number of fields"),
        ("cron.not_ascii", "holds a character outside ASCII"),
        ("cron.nickname_unknown", "is not a known nickname"),
        ("cron.not_a_cron_time", "is not a time"),
        ("cron.empty_item", "has an empty place in its list"),
        ("cron.not_a_value", "is not a value of this field"),
        ("cron.value_out_of_range", "is out of range"),
        ("cron.range_incomplete", "is a range with an end missing"),
        ("cron.backward_range", "is a range that runs backwards"),
        ("cron.step_zero", "has a step of zero"),
        ("cron.step_not_a_number", "has a step that is not a whole number"),
        ("cron.step_without_start", "has a step but nothing to step through"),
        ("cron.modifier_misplaced", "uses a sign that does not belong there"),
        ("cron.never_occurs", "never comes"),
    ];

    pub(super) fn new(code: &'static str, field: Field, value: impl Into<String>, expected: impl Into<Cow<'static, str>>) -> Self {
        debug_assert!(Self::CODES.iter().any(|(known, _)| *known == code), "{code} is not listed");
        crate::reached::note(code);
        Self { code, field, value: value.into(), expected: expected.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn problem(&self) -> &'static str {
        Self::CODES.iter().find(|(code, _)| *code == self.code).map_or("is refused", |(_, says)| says)
    }
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` {}: expected {}", self.field, self.value, self.problem(), self.expected)
    }
}

impl std::error::Error for CronError {}
