//! What else changed: a verdict on one cause is worth little when there were two.

use super::answer::Question;
use super::effect::Shape;
use super::line::Series;
use super::track::{Measure, Source, Track};

/// The mix of traffic may differ by this share of requests, and the cache hits by this share, without a word.
const MIX_LEAST: f64 = 0.10;
const HITS_LEAST: f64 = 0.10;
/// Twice or half the traffic is another load.
const VOLUME_LEAST: f64 = 2.0;

/// A sentence for each thing that changed together with the release.
pub fn find(series: &Series, question: &Question, (at, shape): (i64, Shape), moments: &[i64]) -> Vec<String> {
    let mut found: Vec<String> =
        question.also_changed.iter().map(|what| format!("{what} changed too: one of the two, or both, may be the cause")).collect();
    let measured = series.span().unwrap_or((at, at));
    let traffic = Traffic::new(series, (measured.0.min(at - shape.before), measured.1.max(at + shape.gap + shape.after)));
    let (before, after) = ((at - shape.before, at), (at + shape.gap, at + shape.gap + shape.after));
    let apart = traffic.apart(before, after);
    let usual = traffic.usual(moments, shape);
    if apart > MIX_LEAST && usual.is_none_or(|usual| apart > usual) {
        found.push(format!(
            "the mix of traffic changed: {:.0} % of it went elsewhere than before, more than at 95 of 100 other moments",
            apart * 100.0
        ));
    }
    // Minutes before the first measure and after the last one are not minutes without traffic.
    let minutes = |window: (i64, i64)| (window.1.min(measured.1) - window.0.max(measured.0)).max(1) as f64;
    let rate = |window: (i64, i64)| traffic.all(window) / minutes(window);
    let (rate_before, rate_after) = (rate(before), rate(after));
    if rate_before > 0.0 && rate_after > 0.0 && (rate_after / rate_before).max(rate_before / rate_after) >= VOLUME_LEAST {
        found.push(format!("the load changed: {rate_before:.1} a minute before, {rate_after:.1} after"));
    }
    if let (Some(hits_before), Some(hits_after)) = (hits(series, before), hits(series, after))
        && (hits_after - hits_before).abs() >= HITS_LEAST
    {
        found.push(format!(
            "the caches were {}: {:.0} % of look-ups hit before, {:.0} % after; a lucky hit is not a fix",
            if hits_after > hits_before { "warmer" } else { "colder" },
            hits_before * 100.0,
            hits_after * 100.0
        ));
    }
    found
}

fn hits(series: &Series, (from, to): (i64, i64)) -> Option<f64> {
    let minutes = || series.minutes.values().flat_map(|minutes| minutes.range(from..to)).map(|(_, minute)| minute);
    let (hits, misses): (u64, u64) = (minutes().map(|minute| minute.cache_hits).sum(), minutes().map(|minute| minute.cache_misses).sum());
    (hits + misses >= 100).then(|| hits as f64 / (hits + misses) as f64)
}

struct Traffic {
    counts: Vec<Track>,
}

impl Traffic {
    fn new(series: &Series, span: (i64, i64)) -> Traffic {
        let track = |minutes| Track::new(Measure::ErrorRate, &Source::new(minutes, span));
        Traffic { counts: series.minutes.values().filter_map(track).collect() }
    }

    fn of(&self, (from, to): (i64, i64)) -> Vec<f64> {
        self.counts.iter().map(|track| track.level_of_any(from, to).map_or(0.0, |level| level.count)).collect()
    }

    fn all(&self, window: (i64, i64)) -> f64 {
        self.of(window).iter().sum()
    }

    /// The share of requests that would have to move for the two mixes to be the same.
    fn apart(&self, before: (i64, i64), after: (i64, i64)) -> f64 {
        let (before, after) = (self.of(before), self.of(after));
        let (sum_before, sum_after): (f64, f64) = (before.iter().sum(), after.iter().sum());
        if sum_before < 100.0 || sum_after < 100.0 {
            return 0.0;
        }
        before.iter().zip(&after).map(|(a, b)| (a / sum_before - b / sum_after).abs()).sum::<f64>() / 2.0
    }

    /// What 95 of 100 moments without a release stay under; `None` without a history.
    fn usual(&self, moments: &[i64], shape: Shape) -> Option<f64> {
        let mut found: Vec<f64> =
            moments.iter().map(|at| self.apart((at - shape.before, *at), (at + shape.gap, at + shape.gap + shape.after))).collect();
        found.sort_by(f64::total_cmp);
        (found.len() >= 20).then(|| found[found.len() * 95 / 100])
    }
}
