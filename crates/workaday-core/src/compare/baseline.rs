//! How far back the baseline should reach: as far as predicts the next window best.
//!
//! One hour before is noisy, one day before may be stale. The history knows which of them was nearer to what came next,
//! at moments without a release. Only the history is asked, never the change itself, so the answer cannot be bent by it.

use super::effect::Shape;
use super::line::SeriesKey;
use super::placebo;
use super::track::{Measure, Source, Track};

/// Reaches that are tried, in lengths of the window after the change.
const REACHES: [i64; 3] = [3, 6, 24];
/// A longer reach must be so much better; else the baseline as it was asked for stays.
const GAIN_MIN: f64 = 0.05;

/// The given shape, or one whose baseline reaches further back, when that predicted the next window better.
pub fn choose(
    sources: &[(&SeriesKey, Source<'_>)],
    at: i64,
    given: Shape,
    history: (i64, i64),
    releases: &[i64],
    windows_min: i64,
) -> Shape {
    let tracks: Vec<Track> = sources.iter().filter_map(|(_, source)| Track::new(Measure::RunP50, source)).collect();
    let Some(mut best_size) = usual(&tracks, at, given, history, releases, windows_min) else { return given };
    let mut best = given;
    for reach in REACHES {
        let longer = Shape { before: given.after * reach, ..given };
        let is_clean = at - longer.before >= history.0 && !releases.iter().any(|release| *release > at - longer.before);
        if longer.before <= given.before || !is_clean {
            continue;
        }
        let Some(size) = usual(&tracks, at, longer, history, releases, windows_min) else { continue };
        if size < best_size * (1.0 - GAIN_MIN) {
            (best, best_size) = (longer, size);
        }
    }
    best
}

/// How large a change of the median time usually is without a cause, over all series; `None` with too little history.
fn usual(tracks: &[Track], at: i64, shape: Shape, history: (i64, i64), releases: &[i64], windows_min: i64) -> Option<f64> {
    let moments = placebo::moments(at, shape, history, releases);
    if moments.last().is_none_or(|first| at - first < windows_min * shape.after) {
        return None;
    }
    let sizes: Vec<f64> = tracks.iter().filter_map(|track| placebo::root_mean_square(track, at, shape, &moments)).collect();
    (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() / sizes.len() as f64)
}
