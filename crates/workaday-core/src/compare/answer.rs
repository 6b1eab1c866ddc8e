//! What is asked of the judge, the limits it keeps, and what it answers.

use super::line::SeriesKey;
use super::track::{Level, Measure};
use serde::Serialize;

/// What is compared: minutes since 1970, the end not included.
#[derive(Clone, Debug)]
pub struct Question {
    pub before: (i64, i64),
    pub after: (i64, i64),
    /// Names of series that the change cannot have touched: what they did is taken off the others.
    pub controls: Vec<String>,
    /// What else is known to have changed: configuration, dependencies.
    pub also_changed: Vec<String>,
}

/// The limits of the verdict.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Share of changes without effect that may be called worse; `alpha_better` the same for praise. A false alarm is
    /// looked into by somebody, false praise by nobody, so praise asks for more. Together they stay three
    /// tenths below the 5 % that are promised: neighbouring placebos overlap, so there are fewer independent ones than are
    /// counted, and those that lie half beyond the change are not known.
    pub alpha_worse: f64,
    pub alpha_better: f64,
    /// A smaller ratio is a trifle: 0.10 = 10 %.
    pub floor_ratio: f64,
    /// So is a smaller difference of times, microseconds.
    pub floor_us: f64,
    /// Of calls a request.
    pub floor_calls: f64,
    /// Of error rates: 1 in 200.
    pub floor_share: f64,
    /// Minutes skipped after the change: caches are cold. Only when the window is four times as long.
    pub warmup: i64,
    /// So many windows must lie side by side in the history.
    pub windows_min: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha_worse: 0.03,
            alpha_better: 0.005,
            floor_ratio: 0.10,
            floor_us: 2_000.0,
            floor_calls: 0.25,
            floor_share: 0.005,
            warmup: 5,
            windows_min: 20,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Worse,
    Better,
    Same,
    NotEnough,
}

/// What the verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Moments without a release.
    Placebo,
    /// A counter whose minutes do not overlap; needs no history.
    Separation,
    /// The change is below the floor.
    Floor,
    /// Too few values.
    Count,
    /// Too short a history, or too noisy.
    History,
    /// Too few moments for the rate that is promised: no change could be called one.
    Moments,
}

/// One measure of one series.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    #[serde(flatten)]
    pub series: SeriesKey,
    pub measure: Measure,
    pub verdict: Verdict,
    pub basis: Basis,
    pub before: Option<f64>,
    pub after: Option<f64>,
    pub before_count: f64,
    pub after_count: f64,
    /// After over before, less one (shares: the difference), the daily wave and the controls taken out.
    pub change: Option<f64>,
    /// What of the difference of `before` and `after` the time of day and the controls explain, in the same unit.
    pub explained: f64,
    /// Was anything taken off for controls?
    #[serde(skip)]
    pub has_controls: bool,
    /// Adjusted for all measures that were judged together.
    pub p: Option<f64>,
    /// At so many moments without a release a change as large was seen, out of `moments`.
    pub as_extreme: usize,
    pub moments: usize,
    /// A change in this direction that is smaller is not called one: it could be the usual noise, or is a trifle (same unit
    /// as `change`, without its sign).
    pub hides_under: Option<f64>,
    pub sentence: String,
    /// Our score and those of the placebos, for the plot.
    #[serde(skip)]
    pub scores: (f64, Vec<f64>),
}

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub verdict: Verdict,
    pub sentence: String,
    /// Worse first, then better, same, not enough.
    pub findings: Vec<Finding>,
    pub confounders: Vec<String>,
    pub days: f64,
    pub moments: usize,
    pub before_minutes: i64,
    pub after_minutes: i64,
    pub warmup_minutes: i64,
}

/// A finding of which only the two levels are known.
pub fn bare(key: &SeriesKey, measure: Measure, levels: Option<(Level, Level)>, verdict: Verdict, basis: Basis) -> Finding {
    Finding {
        series: key.clone(),
        measure,
        verdict,
        basis,
        before: levels.map(|(before, _)| before.value),
        after: levels.map(|(_, after)| after.value),
        before_count: levels.map_or(0.0, |(before, _)| before.count),
        after_count: levels.map_or(0.0, |(_, after)| after.count),
        change: None,
        explained: 0.0,
        has_controls: false,
        p: None,
        as_extreme: 0,
        moments: 0,
        hides_under: None,
        sentence: String::new(),
        scores: (0.0, vec![]),
    }
}
