//! What changed between two windows of one measure, and how much of that chance alone would do.

use super::placebo::median;
use super::track::{Level, Track};

/// Two windows around a moment, in minutes: `before` minutes end at it, `after` minutes begin `gap` minutes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub before: i64,
    pub gap: i64,
    pub after: i64,
}

/// A window after the change is cut into so many slices.
const SLICES: i64 = 5;
/// Shorter slices hold too little: then there are none.
const SLICE_MIN: i64 = 3;

impl Shape {
    /// Minutes of one slice, in both windows; 0 is none.
    pub const fn slice(self) -> i64 {
        let slice = self.after / SLICES;
        if slice >= SLICE_MIN { slice } else { 0 }
    }
}

/// A change that was seen at some moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub before: Level,
    pub after: Level,
    /// Natural logarithm of after / before; for shares their difference. Positive is worse.
    pub change: f64,
    /// 1/n before + 1/n after: what the error of sampling grows with.
    pub thinness: f64,
}

/// Calls a request below this are none: a ratio to zero says nothing.
const CALLS_LEAST: f64 = 0.05;

impl Effect {
    /// The change around minute `at`; `None` when a window holds too little.
    pub fn around(track: &Track, at: i64, shape: Shape) -> Option<Effect> {
        let before = track.level(at - shape.before, at, shape.slice())?;
        let after = track.level(at + shape.gap, at + shape.gap + shape.after, shape.slice())?;
        let mut effect = Effect::between(track, before, after);
        effect.change -= Effect::of_controls(track, at, shape);
        Some(effect)
    }

    /// What the controls did around that moment: the median of their changes; 0 without controls.
    fn of_controls(track: &Track, at: i64, shape: Shape) -> f64 {
        let around = |control: &std::rc::Rc<Track>| Effect::around(control, at, shape).map(|effect| effect.change);
        let mut changes: Vec<f64> = track.controls.iter().filter_map(around).collect();
        median(&mut changes).unwrap_or(0.0)
    }

    pub fn between(track: &Track, before: Level, after: Level) -> Effect {
        let change = if track.measure.is_share() {
            after.value - before.value
        } else {
            let least = if track.measure.is_counter() { CALLS_LEAST } else { f64::MIN_POSITIVE };
            (after.value.max(least) / before.value.max(least)).ln()
        };
        Effect { before, after, change, thinness: 1.0 / before.count + 1.0 / after.count }
    }

    /// Variance that counting errors alone brings to a difference of two shares. Laplace's estimate: no errors seen is
    /// not the same as none possible.
    pub fn binomial_variance(&self) -> f64 {
        let errors = self.before.value * self.before.count + self.after.value * self.after.count;
        let share = (errors + 1.0) / (self.before.count + self.after.count + 2.0);
        share * (1.0 - share) * self.thinness
    }
}

/// How large a change usually is at a given thinness: `usual² = steady + sampling × thinness` (shares: plus the binomial
/// variance, which is known), fitted to the placebos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    steady: f64,
    sampling: f64,
    is_share: bool,
}

/// Below these a difference is rounding, not noise: 2 %, and a tenth of a per cent of errors.
const RATIO_LEAST: f64 = 0.02;
const SHARE_LEAST: f64 = 0.001;

impl Usual {
    /// Fits by least squares; the largest fiftieth is cut, so that one bad night does not hide a change.
    pub fn fit(effects: &[(Effect, f64)], is_share: bool) -> Usual {
        let mut squares: Vec<(f64, f64)> = effects
            .iter()
            .map(|(effect, change)| {
                let known = if is_share { effect.binomial_variance() } else { 0.0 };
                (effect.thinness, change * change - known)
            })
            .collect();
        let mut sorted: Vec<f64> = squares.iter().map(|(_, square)| *square).collect();
        sorted.sort_by(f64::total_cmp);
        let cap = sorted.get(sorted.len().saturating_sub(1 + sorted.len() / 50)).copied().unwrap_or(0.0);
        for (_, square) in &mut squares {
            *square = square.min(cap);
        }
        let count = squares.len().max(1) as f64;
        let mean_x = squares.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = squares.iter().map(|(_, y)| y).sum::<f64>() / count;
        let spread: f64 = squares.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let together: f64 = squares.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let slope = if spread > (mean_x * 0.1).powi(2) * count { (together / spread).max(0.0) } else { 0.0 };
        let sampling = if is_share { 0.0 } else { slope.min(mean_y.max(0.0) / mean_x.max(f64::MIN_POSITIVE)) };
        Usual { steady: (mean_y - sampling * mean_x).max(0.0), sampling, is_share }
    }

    /// One usual change, in the unit of `Effect::change`.
    pub fn size(&self, effect: &Effect) -> f64 {
        let known = if self.is_share { effect.binomial_variance() } else { 0.0 };
        let least = if self.is_share { SHARE_LEAST } else { RATIO_LEAST };
        (self.steady + self.sampling * effect.thinness + known).sqrt().max(least)
    }
}
