//! The shapes that the judge was last tuned on: drift, waves by day and week, tails, errors in heaps, releases at a
//! fixed hour. None of them is one of those that are published.

use super::{Chance, DAY, Shape};
use std::f64::consts::TAU;

/// Always released at this minute of the day; `None`: at any.
pub const fn released_at(shape: Shape) -> Option<i64> {
    match shape {
        // The backup begins at two.
        Shape::NightBackup => Some(118),
        Shape::Shop => Some(16 * 60 + 30),
        _ => None,
    }
}

/// Logarithm of the level, requests a minute, share of errors.
pub fn level(shape: Shape, minute: i64, state: &mut (f64, f64), chance: &mut Chance) -> Option<(f64, f64, f64)> {
    let of_day = minute % DAY;
    let day = of_day as f64 / DAY as f64;
    let is_weekend = (minute / DAY) % 7 >= 5;
    let wave = (TAU * (day - 0.28)).sin() + 0.3 * (2.0 * TAU * (day - 0.1)).sin();
    Some(match shape {
        // A level that wanders by a tenth in some hours; little traffic, hardly any at night; heavy tails.
        Shape::Creep => {
            state.0 = 0.9997 * state.0 + 0.0045 * chance.normal();
            state.1 = 0.7 * state.1 + 0.03 * chance.normal();
            let load = if is_weekend { 0.5 } else { 1.0 };
            (state.0 + state.1 + 0.08 * wave * load, (14.0 * load * (1.0 + 0.75 * wave)).max(0.7), 0.003)
        }
        // A backup at two in most nights, of 20 to 70 minutes; releases a moment before it.
        Shape::NightBackup => {
            if of_day == 0 {
                state.1 = if chance.uniform() < 0.85 { 20.0 + 50.0 * chance.uniform() } else { 0.0 };
            }
            state.0 = 0.98 * state.0 + 0.012 * chance.normal();
            let since = (of_day - 120) as f64;
            let backup = if since >= 0.0 && since < state.1 { 0.3 } else { 0.0 };
            (backup + state.0 + 0.1 * wave, 20.0 * (1.0 + 0.3 * wave), 0.001)
        }
        // Working days and weekends of different waves, strong autocorrelation, errors that come in heaps.
        Shape::Shop => {
            state.0 = 0.97 * state.0 + 0.024 * chance.normal();
            if state.1 <= 0.0 && chance.uniform() < 2.0 / DAY as f64 {
                state.1 = 3.0 + 12.0 * chance.uniform();
            }
            state.1 -= 1.0;
            let errors = if state.1 > 0.0 { 0.1 } else { 0.004 };
            let other = (TAU * (day - 0.55)).sin();
            let (wave, load) = if is_weekend { (0.25 * other, 0.6) } else { (0.18 * wave, 1.0) };
            (state.0 + wave, 35.0 * load * (1.0 + 0.6 * wave / 0.25), errors)
        }
        // Memory that fills for a day or so until the service is restarted: a trend that ends with a step.
        Shape::Sawtooth => {
            state.0 += state.1 / DAY as f64;
            if state.0 > 0.3 || minute == 0 {
                *state = (0.02 * chance.normal(), 0.15 + 0.3 * chance.uniform());
            }
            (state.0 + 0.1 * wave + 0.06 * chance.normal(), 18.0 * (1.0 + 0.4 * wave), 0.002)
        }
        // A host that moves its guests: another level for some hours to days.
        Shape::Regimes => {
            if chance.uniform() < 1.0 / (26.0 * 60.0) {
                state.0 = 0.12 * chance.normal();
            }
            state.1 = 0.9 * state.1 + 0.03 * chance.normal();
            (state.0 + state.1 + 0.12 * wave, 25.0 * (1.0 + 0.5 * wave), 0.002)
        }
        _ => return None,
    })
}

/// How single requests stray.
pub fn spread(shape: Shape, chance: &mut Chance) -> f64 {
    match shape {
        // One in thirty waits for something.
        Shape::Creep if chance.uniform() < 0.033 => 0.8 + 0.5 * chance.normal(),
        Shape::Creep => 0.35 * chance.normal(),
        // Two kinds of requests.
        _ if chance.uniform() < 0.2 => 0.9 + 0.3 * chance.normal(),
        _ => 0.3 * chance.normal(),
    }
}
