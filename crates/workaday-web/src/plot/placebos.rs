//! Our change among those of moments at which nothing was released.

use super::{bar, close, line, open, text};
use crate::words;
use std::fmt::Write;

const BINS: usize = 31;
const HEIGHT: f64 = 120.0;
const BASE: f64 = 100.0;

/// `ours`, and the scores of the placebos: 0 in the middle, worse to the right.
pub fn placebos(ours: f64, scores: &[f64], name: &str) -> String {
    let known = || scores.iter().copied().filter(|score| score.is_finite());
    let widest = known().chain([ours]).fold(0.0_f64, |most, score| most.max(score.abs())).max(f64::MIN_POSITIVE) * 1.05;
    let place = |score: f64| (score + widest) / (2.0 * widest);
    let mut bins = [0_i64; BINS];
    for score in known() {
        bins[((place(score) * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    let most = bins.iter().max().copied().unwrap_or(0).max(1);
    let as_large = known().filter(|score| if ours < 0.0 { *score <= ours } else { *score >= ours }).count();
    let title = format!("Ours among moments without a release: {name}");
    let desc = format!(
        "{} of {} moments without a release show a change as large as ours.",
        words::thousands(as_large as i64),
        words::thousands(known().count() as i64)
    );
    let mut svg = open("bars placebos", HEIGHT, &title, &desc);
    let width = 100.0 / BINS as f64;
    for (number, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 / most as f64 * (BASE - 24.0)).max(1.5);
        bar(&mut svg, "work", number as f64 * width, width, BASE - height, height);
    }
    line(&mut svg, "axis", BASE);
    let x = place(ours) * 100.0;
    let _ = write!(svg, "<line class=mark x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=2 y2=\"{BASE:.1}\"/>");
    let (at, anchor) = if x > 80.0 { (x - 0.7, "end") } else { (x + 0.7, "start") };
    text(&mut svg, "release", at, anchor, 12.0, "ours");
    text(&mut svg, "soft", 0.0, "start", BASE + 15.0, "better");
    text(&mut svg, "soft", 50.0, "middle", BASE + 15.0, "no change");
    text(&mut svg, "soft", 100.0, "end", BASE + 15.0, "worse");
    close(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_stands_where_it_ranks_and_every_placebo_is_counted() {
        let svg = placebos(3.0, &[-1.0, 0.0, 0.1, 1.0, 4.0], "ran, p50");
        assert!(svg.contains("1 of 5 moments"), "{svg}");
        assert!(svg.contains("<line class=mark x1=\"85.71%\""), "{svg}");
        assert!(placebos(0.0, &[f64::NAN], "x").contains("0 of 0 moments"));
    }
}
