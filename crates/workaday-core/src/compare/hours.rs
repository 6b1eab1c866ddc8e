//! What the time of day does by itself: the change that it brings, and how much that change differs from day to day.
//!
//! A backup at two in the night slows the service on most nights, by more or by less. Taking off the usual slowdown is half
//! of the cure: what is left is still far larger at two than at noon, and ranked among all hours it would be an
//! alarm. So each moment is measured by how loud its own hour was on the other days.

use super::placebo::median;

/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// So many other days must know a time of day before anything is said of it.
const DAYS_MIN: usize = 4;
/// "About this time" is half an hour to each side.
const NEAR: i64 = 30;
/// The loudness of a few days is a guess: it counts as much as so many days of usual loudness.
const PRIOR_DAYS: f64 = 6.0;

/// Moments at whole steps before `at`, as a table of days and times of day.
pub struct Hours {
    /// `places[k]`: which of the moments lies `k` steps before `at`.
    places: Vec<Option<usize>>,
    /// The `k` of each moment.
    steps: Vec<usize>,
    per_day: i64,
    near: i64,
}

impl Hours {
    /// `step` divides the day.
    pub fn new(at: i64, step: i64, moments: &[i64]) -> Hours {
        let steps: Vec<usize> = moments.iter().map(|moment| usize::try_from((at - moment) / step).unwrap_or(0)).collect();
        let mut places = vec![None; steps.iter().max().map_or(0, |last| last + 1)];
        for (place, step) in steps.iter().enumerate() {
            places[*step] = Some(place);
        }
        Hours { places, steps, per_day: DAY / step, near: NEAR / step }
    }

    /// By moment, and at last for `at`: the median change of other days at this time, 0 when too few are known.
    pub fn waves(&self, changes: &[Option<f64>]) -> (Vec<f64>, f64) {
        self.each(|step| {
            // The very same time, or a backup at two would be smoothed into the minutes around it.
            let mut others: Vec<f64> = self.others(step, 0, changes).into_iter().map(|(_, change)| change).collect();
            if others.len() < DAYS_MIN { 0.0 } else { median(&mut others).unwrap_or(0.0) }
        })
    }

    /// By moment, and at last for `at`: the root mean square of the scores of other days at about this time, the loudest day
    /// left out (one bad night shall not hide a change for two weeks). 1 is usual.
    pub fn loudness(&self, scores: &[Option<f64>]) -> (Vec<f64>, f64) {
        self.each(|step| {
            let mut days: Vec<f64> = vec![];
            for of_day in self.others(step, self.near, scores).chunk_by(|one, other| one.0 == other.0) {
                days.push(of_day.iter().map(|(_, score)| score * score).sum::<f64>() / of_day.len() as f64);
            }
            if days.len() < DAYS_MIN {
                return 1.0;
            }
            let loudest = days.iter().copied().fold(0.0, f64::max);
            let sum = days.iter().sum::<f64>() - loudest;
            ((sum + PRIOR_DAYS) / (days.len() as f64 - 1.0 + PRIOR_DAYS)).sqrt()
        })
    }

    fn each(&self, of: impl Fn(usize) -> f64) -> (Vec<f64>, f64) {
        (self.steps.iter().map(|step| of(*step)).collect(), of(0))
    }

    /// What other days had within `near` steps of this time of day: how many days ago, and the value. In order of days.
    fn others(&self, step: usize, near: i64, values: &[Option<f64>]) -> Vec<(i64, f64)> {
        let step = i64::try_from(step).unwrap_or(0);
        let last = i64::try_from(self.places.len()).unwrap_or(0);
        let days = -(step + near) / self.per_day..=(last - step + near) / self.per_day;
        let mut found = vec![];
        for day in days.filter(|day| *day != 0) {
            for apart in -near..=near {
                let place = usize::try_from(step + day * self.per_day + apart).ok();
                let value = place.and_then(|place| values[(*self.places.get(place)?)?]);
                found.extend(value.map(|value| (day, value)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = 15;
    const DAYS: i64 = 10;

    /// Moments at each quarter of an hour of ten days, and what `of` says of each, by days ago and minutes after our time.
    fn history(of: impl Fn(i64, i64) -> f64) -> (Hours, Vec<Option<f64>>) {
        let at = 1_000_000;
        let moments: Vec<i64> = (1..=DAYS * DAY / STEP).map(|step| at - step * STEP).collect();
        let values = moments.iter().map(|moment| (at - moment + DAY / 2).div_euclid(DAY)).zip(&moments);
        let values = values.map(|(day, moment)| Some(of(day, moment + day * DAY - at))).collect();
        (Hours::new(at, STEP, &moments), values)
    }

    #[test]
    fn the_wave_is_that_of_the_same_time_of_other_days() {
        let (hours, changes) = history(|_, minutes| if minutes == 0 { 0.3 } else { 0.01 });
        let (waves, ours) = hours.waves(&changes);
        assert_eq!(ours, 0.3);
        assert_eq!((waves[95], waves[94], waves[96]), (0.3, 0.01, 0.01), "a day ago and its neighbours");
    }

    #[test]
    fn no_day_is_taken_for_the_wave_of_itself() {
        let (hours, changes) = history(|day, minutes| if (day, minutes) == (3, 0) { 5.0 } else { 0.0 });
        assert_eq!(hours.waves(&changes).0[3 * 96 - 1], 0.0);
    }

    #[test]
    fn a_loud_hour_is_loud_and_one_bad_night_is_not() {
        let (hours, scores) = history(|day, minutes| match minutes {
            -30..=30 if day % 2 == 0 => 4.0,
            400..=430 if day == 2 => 40.0,
            _ => 1.0,
        });
        let (loud, ours) = hours.loudness(&scores);
        assert!(ours > 1.8 && loud[95] > 1.8, "{ours} {}", loud[95]);
        // 5 days ago at that time, in steps.
        let bad = usize::try_from((5 * DAY - 415) / STEP).expect("a step") - 1;
        assert!(loud[bad] < 1.1, "{}", loud[bad]);
    }

    #[test]
    fn three_days_say_nothing() {
        let at = 1_000_000;
        let moments: Vec<i64> = (1..=3 * DAY / STEP).map(|step| at - step * STEP).collect();
        let hours = Hours::new(at, STEP, &moments);
        let changes = vec![Some(0.3); moments.len()];
        assert_eq!((hours.waves(&changes).1, hours.loudness(&changes).1), (0.0, 1.0));
    }
}
