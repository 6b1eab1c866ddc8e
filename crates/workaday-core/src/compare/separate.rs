//! Windows that lie apart: what a counter says by itself, without a history.

use super::effect::Shape;
use super::track::Track;

/// So few requests on each side may speak, when they lie apart one by one.
const FEW: f64 = 10.0;

/// Too few requests for a level, and yet nearly all of them with another number of calls than before?
pub fn is_apart_though_few(track: &Track, at: i64, shape: Shape, (before, after): (f64, f64)) -> bool {
    track.measure.is_calls() && before >= FEW && after >= FEW && are_requests_apart(track, at, shape)
}

/// Do the requests after lie apart from those before, or the minutes, one in twenty aside? Minutes: ten on each side.
///
/// A count of calls hardly varies from request to request: when nine in ten make more of them than nine in ten did
/// before, the code is another, however short the windows are.
pub fn is_separate(track: &Track, at: i64, shape: Shape) -> bool {
    are_requests_apart(track, at, shape) || are_minutes_apart(track, at, shape)
}

fn are_requests_apart(track: &Track, at: i64, shape: Shape) -> bool {
    let (start, end) = (at + shape.gap, at + shape.gap + shape.after);
    let of = |quantile: f64, from: i64, to: i64| track.quantile_of(quantile, from, to);
    let before = (of(0.05, at - shape.before, at), of(0.95, at - shape.before, at));
    let after = (of(0.05, start, end), of(0.95, start, end));
    let ((Some(before_low), Some(before_high)), (Some(after_low), Some(after_high))) = (before, after) else { return false };
    after_low > before_high || after_high < before_low
}

fn are_minutes_apart(track: &Track, at: i64, shape: Shape) -> bool {
    let values = |from: i64, to: i64| -> Vec<f64> {
        let mut values: Vec<f64> =
            (from..to).filter_map(|minute| track.level_of_any(minute, minute + 1)).map(|level| level.value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let before = values(at - shape.before, at);
    let after = values(at + shape.gap, at + shape.gap + shape.after);
    if before.len() < 10 || after.len() < 10 {
        return false;
    }
    let low = |values: &[f64]| values[values.len() / 20];
    let high = |values: &[f64]| values[values.len() - 1 - values.len() / 20];
    low(&after) > high(&before) || high(&after) < low(&before)
}
