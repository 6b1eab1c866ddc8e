//! The same two windows at moments without a release: how large a change is without a cause.

use super::effect::{Effect, Shape, Usual};
use super::track::Track;
use std::collections::BTreeMap;

/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// So many other days must know a time of day before its wave is taken out.
const DAYS_MIN: usize = 4;

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

/// What changed at each moment, the daily wave taken out, and how large a change usually is.
pub struct Placebos {
    /// By moment: change over its usual size, positive is worse. `None`: too little to say.
    pub scores: Vec<Option<f64>>,
    usual: Usual,
    /// The changes themselves, the wave taken out.
    changes: Vec<f64>,
    /// Change that the wave brings at our own time of day.
    wave: f64,
    thinness_max: f64,
}

impl Placebos {
    pub fn new(track: &Track, at: i64, shape: Shape, moments: &[i64]) -> Placebos {
        let effects: Vec<Option<Effect>> = moments.iter().map(|moment| Effect::around(track, *moment, shape)).collect();
        let wave = Wave::new(moments, &effects, at);
        let changes: Vec<Option<(Effect, f64)>> =
            effects.iter().zip(moments).map(|(effect, moment)| effect.map(|effect| (effect, effect.change - wave.at(*moment)))).collect();
        let known: Vec<(Effect, f64)> = changes.iter().flatten().copied().collect();
        let usual = Usual::fit(&known, track.measure.is_share());
        let scores = changes.iter().map(|found| found.map(|(effect, change)| change / usual.size(&effect))).collect();
        let thinness_max = known.iter().map(|(effect, _)| effect.thinness).fold(0.0, f64::max);
        let changes = known.iter().map(|(_, change)| *change).collect();
        Placebos { scores, usual, changes, wave: wave.at(at), thinness_max }
    }

    /// Our own change on the same scale.
    pub fn score(&self, effect: &Effect) -> f64 {
        (effect.change - self.wave) / self.usual.size(effect)
    }

    /// The change that would have such a score.
    pub fn change_of(&self, score: f64, effect: &Effect) -> f64 {
        score * self.usual.size(effect)
    }

    /// Has the history windows as thin as this one? Else its noise is not known.
    pub fn knows(&self, effect: &Effect) -> bool {
        effect.thinness <= self.thinness_max * 2.0
    }

    /// How large a change is without a cause.
    pub fn root_mean_square(&self) -> Option<f64> {
        let count = self.changes.len();
        (count > 0).then(|| (self.changes.iter().map(|change| change * change).sum::<f64>() / count as f64).sqrt())
    }

    pub fn count(&self) -> usize {
        self.scores.iter().flatten().count()
    }
}

/// What the time of day brings: the median change of other days at about this time.
struct Wave {
    /// By minute of the day: the moments of about this time, with their change.
    near: BTreeMap<i64, Vec<(i64, f64)>>,
}

/// "About this time" is half an hour to each side.
const NEAR: i64 = 30;

impl Wave {
    fn new(moments: &[i64], effects: &[Option<Effect>], at: i64) -> Wave {
        let known: Vec<(i64, f64)> =
            moments.iter().zip(effects).filter_map(|(moment, effect)| effect.map(|effect| (*moment, effect.change))).collect();
        let is_on = known.iter().filter(|(moment, _)| (at - moment) % DAY == 0).count() >= DAYS_MIN;
        let mut of_day = BTreeMap::<i64, Vec<(i64, f64)>>::new();
        for (moment, change) in known.into_iter().filter(|_| is_on) {
            of_day.entry(moment.rem_euclid(DAY)).or_default().push((moment, change));
        }
        let is_near = |a: i64, b: i64| {
            let apart = (a - b).rem_euclid(DAY);
            apart.min(DAY - apart) <= NEAR
        };
        let times: Vec<i64> = of_day.keys().copied().chain(is_on.then_some(at.rem_euclid(DAY))).collect();
        let gather = |time: i64| of_day.iter().filter(|(other, _)| is_near(**other, time)).flat_map(|(_, found)| found).copied().collect();
        Wave { near: times.into_iter().map(|time| (time, gather(time))).collect() }
    }

    fn at(&self, moment: i64) -> f64 {
        let Some(near) = self.near.get(&moment.rem_euclid(DAY)) else { return 0.0 };
        // Its own day would take part of the change itself for the wave.
        let mut changes: Vec<f64> = near.iter().filter(|(other, _)| (*other - moment).abs() > DAY / 2).map(|(_, change)| *change).collect();
        median(&mut changes).unwrap_or(0.0)
    }
}

pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
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
