//! Evidence of made-up services: some weeks of one route, minute by minute, with a noise of some shape.

mod development;

use std::collections::BTreeMap;
use workaday_core::compare::line::Minute;
use workaday_core::compare::{Comparison, Question, Rules, Series, SeriesKey, Spread, judge};

pub const DAY: i64 = 24 * 60;
pub const HISTORY: i64 = 14 * DAY;
pub const WINDOW: i64 = 60;
/// Worlds begin on a Monday, 5 January 1970: their weekends are weekends.
const MONDAY: i64 = 4 * DAY;
/// xorshift64*: enough for noise, the same on every machine.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform().max(1e-12), self.uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// White noise, or AR(1).
    Plain {
        phi_percent: u8,
    },
    /// Traffic and load in office hours, hardly any at night and at weekends; AR(1) that is louder under load.
    Office,
    /// Slow by day on working days, even and quiet at weekends; AR(1) of medium strength.
    Weekend,
    /// The same, with stalls of a quarter of an hour to 80 minutes, 3 in 2 days.
    WeekendStalls,
    /// Stalls of 3 to 60 minutes, a little more than one a day, at any hour; nothing weekly.
    Stalls,
    /// A backup in the nights before working days, never quite at the same time; deep nights.
    Backup,
    /// See `development`.
    Creep,
    NightBackup,
    Shop,
    Sawtooth,
    Regimes,
    /// Minutes that resemble their neighbours (AR(1), phi 0.9), and a daily wave of 10 %.
    Neighbours,
    /// A neighbour on the host: twice a day 10 to 40 minutes at up to double time; a wave of 25 %, quiet weekends.
    Bursts,
    /// A slow drift, heavy tails, little traffic with deep nights, rare errors.
    Drift,
}

pub fn is_at_fixed_hour(shape: Shape) -> bool {
    development::released_at(shape).is_some()
}

/// The moment of a release near `at`: some services are released at a fixed hour.
pub fn moment(shape: Shape, at: i64) -> i64 {
    development::released_at(shape).map_or(at, |of_day| at - at.rem_euclid(DAY) + of_day)
}

/// Logarithm of the level, requests a minute and the share of them that fails.
fn level(shape: Shape, minute: i64, state: &mut (f64, f64), chance: &mut Chance) -> (f64, f64, f64) {
    match development::level(shape, minute, state, chance) {
        Some(found) => found,
        None => {
            let (level, mean) = level_and_mean(shape, minute, state, chance);
            (level, mean, 0.002)
        }
    }
}

fn level_and_mean(shape: Shape, minute: i64, state: &mut (f64, f64), chance: &mut Chance) -> (f64, f64) {
    let day = (minute % DAY) as f64 / DAY as f64;
    let wave = (std::f64::consts::TAU * (day - 0.3)).sin();
    match shape {
        Shape::Plain { phi_percent } => {
            let phi = f64::from(phi_percent) / 100.0;
            state.0 = phi * state.0 + (1.0 - phi * phi).sqrt() * 0.15 * chance.normal();
            (state.0 + 0.2 * wave, 30.0)
        }
        Shape::Office => {
            let is_weekend = (minute / DAY) % 7 >= 5;
            let hours = (1.0 - ((day - 0.54) / 0.21).powi(4)).max(0.0) * if is_weekend { 0.12 } else { 1.0 };
            state.0 = 0.8 * state.0 + 0.6 * chance.normal();
            (0.35 * hours * hours + (0.03 + 0.09 * hours) * state.0, 6.0 + 44.0 * hours)
        }
        Shape::Weekend | Shape::WeekendStalls => {
            let is_often = matches!(shape, Shape::WeekendStalls);
            if is_often && state.1 <= 0.0 && chance.uniform() < 1.5 / DAY as f64 {
                *state = (0.1 + 0.5 * chance.uniform().powi(2), 15.0 + 65.0 * chance.uniform());
            }
            state.1 -= 1.0;
            let stall = if is_often && state.1 > 0.0 { state.0 } else { 0.0 };
            let load = if (minute / DAY + 3) % 7 >= 5 { 0.25 } else { 1.0 };
            let day = (std::f64::consts::TAU * (day - 0.35)).sin() + 0.4 * (2.0 * std::f64::consts::TAU * (day - 0.2)).sin();
            (stall + 0.22 * day * load + 0.05 * chance.normal(), 60.0 * load * (1.0 + 0.4 * day))
        }
        Shape::Stalls => {
            if state.1 <= 0.0 && chance.uniform() < 1.2 / DAY as f64 {
                *state = (-0.3 * chance.uniform().max(1e-9).ln(), 3.0 + 57.0 * chance.uniform().powi(2));
            }
            state.1 -= 1.0;
            let stall = if state.1 > 0.0 { state.0 } else { 0.0 };
            (stall + 0.08 * wave + 0.05 * chance.normal(), 25.0 * (1.0 + 0.2 * wave))
        }
        Shape::Backup => {
            if minute % DAY == 0 {
                let is_working = (minute / DAY) % 7 < 5;
                state.1 = if is_working { 100.0 + 90.0 * chance.uniform() } else { f64::INFINITY };
            }
            state.0 = 0.95 * state.0 + 0.31 * chance.normal();
            let since = (minute % DAY) as f64 - state.1;
            let backup = if (0.0..45.0).contains(&since) { 0.45 } else { 0.0 };
            (backup + 0.12 * wave + 0.05 * state.0, 22.0 * (1.0 + 0.6 * wave))
        }
        Shape::Neighbours => {
            state.0 = 0.9 * state.0 + (1.0_f64 - 0.81).sqrt() * 0.12 * chance.normal();
            (state.0 + 0.1 * wave, 30.0)
        }
        Shape::Bursts => {
            if state.1 <= 0.0 && chance.uniform() < 2.0 / DAY as f64 {
                *state = (0.15 + 0.55 * chance.uniform(), 10.0 + 30.0 * chance.uniform());
            }
            state.1 -= 1.0;
            let burst = if state.1 > 0.0 { state.0 } else { 0.0 };
            let is_weekend = (minute / DAY) % 7 >= 5;
            let load = if is_weekend { 0.4 } else { 1.0 };
            (burst + 0.25 * wave * load + 0.04 * chance.normal(), 40.0 * load * (1.0 + 0.5 * wave))
        }
        Shape::Drift => {
            state.0 = 0.9995 * state.0 + 0.004 * chance.normal();
            (state.0 + 0.03 * chance.normal(), 12.0 * (1.0 + 0.7 * wave))
        }
        _ => unreachable!("{shape:?} is a shape of development"),
    }
}

/// One minute of requests; buckets of 3 %. A change of 30 % is `factor` 1.3.
fn requests(shape: Shape, (level, mean, failing): (f64, f64, f64), factor: f64, chance: &mut Chance) -> Minute {
    let count = chance.poisson(mean);
    let mut buckets = BTreeMap::<i64, u64>::new();
    let (mut sum, mut errors) = (0.0, 0);
    for _ in 0..count {
        let spread = match shape {
            Shape::Creep | Shape::Shop => development::spread(shape, chance),
            Shape::Drift => 0.3 * chance.normal() - 0.35 * chance.uniform().max(1e-9).ln(),
            _ => 0.4 * chance.normal(),
        };
        let micros = 80_000.0 * factor * (level + spread).exp();
        sum += micros;
        errors += u64::from(chance.uniform() < failing);
        *buckets.entry((micros.ln() / 0.03).round() as i64).or_default() += 1;
    }
    let buckets = buckets.into_iter().map(|(at, count)| ((at as f64 * 0.03).exp(), count)).collect();
    let calls = Spread { sum: (count * 3) as f64, max: 3.0, buckets: vec![(3.0, count)] };
    Minute { count, errors, run_us: Spread { sum, max: 0.0, buckets }, db_calls: calls, ..Minute::default() }
}

/// A stretch of evidence, and the same with a change of 30 % from `at` on.
pub struct World {
    shape: Shape,
    levels: Vec<(f64, f64, f64)>,
    minutes: BTreeMap<i64, Minute>,
    chance: Chance,
}

impl World {
    pub fn new(shape: Shape, days: i64, seed: u64) -> World {
        let mut chance = Chance(seed);
        let mut state = (0.0, 0.0);
        let levels: Vec<_> = (0..days * DAY).map(|minute| level(shape, minute, &mut state, &mut chance)).collect();
        let minutes = levels.iter().zip(MONDAY..).map(|(here, at)| (at, requests(shape, *here, 1.0, &mut chance))).collect();
        World { shape, levels, minutes, chance }
    }

    /// What is said of a release at `at` after which every request takes `factor` times as long.
    pub fn compared(&mut self, at: i64, factor: f64) -> Comparison {
        let changed = if factor == 1.0 { 0..0 } else { at..at + WINDOW };
        let changed = changed.map(|minute| {
            let here = requests(self.shape, self.levels[minute as usize], factor, &mut self.chance);
            (MONDAY + minute, here)
        });
        let changed: BTreeMap<i64, Minute> = changed.collect();
        let at = MONDAY + at;
        // Moved out and back: to copy weeks of minutes takes longer than to judge them.
        let mut later = self.minutes.split_off(&(at - HISTORY));
        let tail = later.split_off(&(at + WINDOW));
        let mut window = later.split_off(&at);
        let is_changed = !changed.is_empty();
        later.extend(if is_changed { changed } else { std::mem::take(&mut window) });
        let key = SeriesKey { kind: "route".into(), name: "GET /orders".into() };
        let mut series = Series { minutes: BTreeMap::from([(key, later)]), ..Series::default() };
        let question = Question { before: (at - WINDOW, at), after: (at, at + WINDOW), controls: vec![], also_changed: vec![] };
        let comparison = judge(&series, &question, &Rules::default());
        let mut later = series.minutes.pop_first().expect("one route").1;
        // Over the changed minutes, where there are some.
        later.extend(window);
        self.minutes.append(&mut later);
        self.minutes.extend(tail);
        comparison
    }
}
