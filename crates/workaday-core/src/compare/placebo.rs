//! The same two windows at moments without a release: how large a change is without a cause.

use super::effect::{Effect, Shape, Usual};
use super::hours::Hours;
use super::track::Track;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Every moment of the history at which the windows fit and no release falls into them.
///
/// They lie at whole steps before `at`, so that each has the time of day of its neighbours a day away.
pub fn moments(at: i64, shape: Shape, history: (i64, i64), releases: &[i64]) -> Vec<i64> {
    let step = step(shape);
    let mut moment = at - step;
    let mut found = Vec::new();
    while moment - shape.before >= history.0 {
        let (from, to) = (moment - shape.before, moment + shape.gap + shape.after);
        // A release inside would be a cause; one exactly at the start has both windows behind it.
        let is_quiet = !releases.iter().any(|release| *release > from && *release < to);
        if to <= history.1 && is_quiet {
            found.push(moment);
        }
        moment -= step;
    }
    found
}

/// A quarter of a window, a divisor of the day (so that days line up), at least 5 minutes.
fn step(shape: Shape) -> i64 {
    let wanted = (shape.after.min(shape.before) / 4).clamp(5, 60);
    (5..=wanted).rev().find(|step| DAY % step == 0).unwrap_or(5)
}

/// What changed at each moment, what the hour brings taken out, and how large a change usually is.
pub struct Placebos {
    /// By moment: change over its usual size at that time of day, positive is worse. `None`: too little to say.
    pub scores: Vec<Option<f64>>,
    usual: Usual,
    /// Change that the wave brings at our own time of day, and how loud that time is.
    wave: f64,
    loudness: f64,
    thinness_max: f64,
}

impl Placebos {
    pub fn new(track: &Track, at: i64, shape: Shape, moments: &[i64]) -> Placebos {
        let hours = Hours::new(at, step(shape), moments);
        let (changes, wave) = changes(track, shape, moments, &hours);
        let known: Vec<(Effect, f64)> = changes.iter().flatten().copied().collect();
        let usual = Usual::fit(&known, track.measure.is_share());
        let plain: Vec<Option<f64>> = changes.iter().map(|found| found.map(|(effect, change)| change / usual.size(&effect))).collect();
        let (loud, loudness) = hours.loudness(&plain);
        let scores = plain.iter().zip(&loud).map(|(score, loud)| score.map(|score| score / loud)).collect();
        let thinness_max = known.iter().map(|(effect, _)| effect.thinness).fold(0.0, f64::max);
        Placebos { scores, usual, wave, loudness, thinness_max }
    }

    /// Our own change on the same scale.
    pub fn score(&self, effect: &Effect) -> f64 {
        (effect.change - self.wave) / (self.usual.size(effect) * self.loudness)
    }

    /// The change that would have such a score.
    pub fn change_of(&self, score: f64, effect: &Effect) -> f64 {
        score * self.usual.size(effect) * self.loudness
    }

    /// Has the history windows as thin as this one? Else its noise is not known.
    pub fn knows(&self, effect: &Effect) -> bool {
        effect.thinness <= self.thinness_max * 2.0
    }

    /// The share of moments that moved as far in the same direction.
    pub fn share_beyond(&self, score: f64) -> f64 {
        let beyond = self.scores.iter().flatten().filter(|other| **other * score.signum() >= score.abs()).count();
        beyond as f64 / self.count().max(1) as f64
    }

    pub fn count(&self) -> usize {
        self.scores.iter().flatten().count()
    }
}

/// What changed at each moment, in itself and without the wave; and the wave at `at`.
fn changes(track: &Track, shape: Shape, moments: &[i64], hours: &Hours) -> (Vec<Option<(Effect, f64)>>, f64) {
    let effects: Vec<Option<Effect>> = moments.iter().map(|moment| Effect::around(track, *moment, shape)).collect();
    let (waves, wave) = hours.waves(&effects.iter().map(|effect| effect.map(|effect| effect.change)).collect::<Vec<_>>());
    let less_wave = |(effect, wave): (&Option<Effect>, &f64)| effect.map(|effect| (effect, effect.change - wave));
    (effects.iter().zip(&waves).map(less_wave).collect(), wave)
}

/// How large a change is without a cause; `None` when none is known.
pub fn root_mean_square(track: &Track, at: i64, shape: Shape, moments: &[i64]) -> Option<f64> {
    let (changes, _) = changes(track, shape, moments, &Hours::new(at, step(shape), moments));
    let squares: Vec<f64> = changes.iter().flatten().map(|(_, change)| change * change).collect();
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

pub fn median(values: &mut [f64]) -> Option<f64> {
    let (middle, is_odd) = (values.len() / 2, values.len() % 2 == 1);
    if values.is_empty() {
        return None;
    }
    let (below, value, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let other = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(if is_odd { *value } else { f64::midpoint(other, *value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placebo_crosses_a_release_or_leaves_the_history() {
        let shape = Shape { before: 60, gap: 5, after: 60 };
        let found = moments(10_000, shape, (5_000, 10_000), &[7_000]);
        assert!(found.len() > 200, "{}", found.len());
        for moment in &found {
            assert!(moment - 60 >= 5_000 && moment + 65 <= 10_000, "{moment}");
            assert!(moment + 65 <= 7_000 || moment - 60 >= 7_000, "{moment} has the release inside");
            assert_eq!((10_000 - moment) % 15, 0);
        }
    }

    #[test]
    fn the_step_divides_the_day() {
        for after in [10, 20, 45, 60, 100, 600] {
            assert_eq!(DAY % step(Shape { before: 60, gap: 0, after }), 0);
        }
    }
}
