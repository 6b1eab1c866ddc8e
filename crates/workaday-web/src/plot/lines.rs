//! Lengths over time, one line a series: milliseconds and minutes on one scale, each step ten times the one below.
//!
//! The names stand beside the ends of their lines, pushed apart where those lie close together; on a phone, where there is
//! no room beside, they are a list below.

use super::{Mark, Span, close, draw_marks, hours, line, marks_said, open, text};
use crate::escape::escaped;
use crate::show::Teller;
use crate::words;
use std::fmt::Write;
use workaday_core::clock::Length;

/// A line of a plot: a value for each slice, where there is one.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// Microseconds.
    pub values: Vec<Option<i64>>,
}

impl Series {
    fn last(&self) -> Option<i64> {
        self.values.iter().rev().flatten().next().copied()
    }

    fn said(&self) -> String {
        self.last().map_or_else(|| "–".to_owned(), |us| words::length(Length(us)))
    }
}

/// Colours that stay apart for every eye; more than five lines nobody follows.
pub const SERIES_MAX: usize = 5;

const HEIGHT: f64 = 180.0;
const TOP: f64 = 22.0;
const BASE: f64 = 156.0;
/// Names lie at least so far from each other.
const NAME_HEIGHT: f64 = 16.0;
const NAMES_WIDTH: f64 = 200.0;
const NAME_CHARS: usize = 18;

/// From one power of ten to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decades {
    pub low: i64,
    pub high: i64,
}

impl Decades {
    /// Around all values; nothing below a tenth of a millisecond is worth a step.
    pub fn around(values: impl Iterator<Item = i64>) -> Self {
        let (mut least, mut most) = (i64::MAX, 0);
        for value in values {
            (least, most) = (least.min(value), most.max(value));
        }
        let mut low = 100;
        while low * 10 <= least && low < 60_000_000_000 {
            low *= 10;
        }
        let mut high = low * 10;
        while high < most {
            high *= 10;
        }
        Self { low, high }
    }

    /// The steps that are drawn: each, or every second one where there are many.
    fn steps(self) -> impl Iterator<Item = i64> {
        let count = (self.high / self.low).ilog10();
        let factor = if count > 4 { 100 } else { 10 };
        std::iter::successors(Some(self.low), move |step| step.checked_mul(factor)).take_while(move |step| *step <= self.high)
    }

    fn y(self, us: i64) -> f64 {
        let share = (us.clamp(self.low, self.high) as f64 / self.low as f64).log10() / (self.high as f64 / self.low as f64).log10();
        BASE - share * (BASE - TOP)
    }
}

/// The plot and the names of its lines with their last values.
pub fn lines(teller: &Teller, span: Span, series: &[Series], marks: &[Mark], title: &str) -> String {
    let series = &series[..series.len().min(SERIES_MAX)];
    let scale = Decades::around(series.iter().flat_map(|line| line.values.iter().flatten().copied()));
    let said: Vec<String> = series
        .iter()
        .map(|line| format!("{}: {} at the end", line.name, line.last().map_or("nothing measured".into(), |_| line.said())))
        .collect();
    let mut svg = open("lines", HEIGHT, title, &format!("{}. {}", said.join("; "), marks_said(span, marks)));
    for step in scale.steps() {
        line(&mut svg, if step == scale.low { "axis" } else { "rule" }, scale.y(step));
    }
    draw_marks(&mut svg, span, marks, BASE, 11.0);
    let count = series.iter().map(|line| line.values.len()).max().unwrap_or(1).max(2);
    let x = |number: usize| (number as f64 + 0.5) / count as f64 * 1_000.0;
    let _ =
        write!(svg, "<svg x=0 y=0 width=\"100%\" height={HEIGHT} viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=none aria-hidden=true>");
    for (number, line) in series.iter().enumerate() {
        let _ = write!(svg, "<path class=\"line s{number}\" d=\"{}\"/>", path(&line.values, x, scale));
    }
    svg.push_str("</svg>");
    // After the lines, so that they pass behind what is to be read.
    for step in scale.steps() {
        text(&mut svg, "soft", 0.0, "start", scale.y(step) - 4.0, &words::length(Length(step)).replace(".0 ", " "));
    }
    hours(&mut svg, teller, span, 6, BASE + 17.0);
    format!("<div class=drawn>{}{}{}</div>", close(svg), beside(series, scale), below(series))
}

fn path(values: &[Option<i64>], x: impl Fn(usize) -> f64, scale: Decades) -> String {
    let (mut path, mut begins) = (String::new(), true);
    for (slice, value) in values.iter().enumerate() {
        let Some(us) = value else {
            begins = true;
            continue;
        };
        let _ = write!(path, "{}{:.1} {:.1}", if begins { "M" } else { "L" }, x(slice), scale.y(*us));
        // A lone value is still a dot.
        if begins && values.get(slice + 1).is_none_or(Option::is_none) {
            path.push_str("h4");
        }
        begins = false;
    }
    path
}

/// Names at the heights of the last values, a short line to each.
fn beside(series: &[Series], scale: Decades) -> String {
    let mut ends: Vec<(usize, f64)> = series.iter().enumerate().filter_map(|(at, line)| Some((at, scale.y(line.last()?)))).collect();
    ends.sort_by(|one, other| one.1.total_cmp(&other.1));
    let heights = apart(&ends.iter().map(|(_, y)| *y).collect::<Vec<_>>());
    let mut svg = format!("<svg class=\"plot ends\" width={NAMES_WIDTH} height={HEIGHT} aria-hidden=true>");
    for ((number, y), at) in ends.iter().zip(heights) {
        let line = &series[*number];
        let _ = write!(svg, "<path class=\"line s{number}\" d=\"M0 {y:.1}L14 {at:.1}\"/>");
        let name = format!("{} {}", words::cut(&line.name, NAME_CHARS), line.said());
        let _ = write!(svg, "<text class=\"name s{number}\" x=20 y=\"{:.1}\">{}</text>", at + 4.0, escaped(&name));
    }
    close(svg)
}

/// The same as a list, in the same order, with a piece of each line.
fn below(series: &[Series]) -> String {
    let mut html = String::from("<ul class=ends>");
    for (number, line) in series.iter().enumerate() {
        let _ = write!(
            html,
            "<li><svg class=plot width=24 height=10 aria-hidden=true><path class=\"line s{number}\" d=\"M0 5h24\"/></svg> {} <b>{}</b></li>",
            escaped(&line.name),
            line.said()
        );
    }
    html + "</ul>"
}

/// Heights in ascending order, moved as little as keeps them apart and above the axis.
fn apart(wanted: &[f64]) -> Vec<f64> {
    let mut heights: Vec<f64> = vec![];
    for y in wanted {
        let least = heights.last().map_or(TOP - 8.0, |above| above + NAME_HEIGHT);
        heights.push(y.max(least));
    }
    let mut most = BASE;
    for y in heights.iter_mut().rev() {
        *y = y.min(most);
        most = *y - NAME_HEIGHT;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_one_power_of_ten_to_another() {
        let around = |values: &[i64]| {
            let found = Decades::around(values.iter().copied());
            (found.low, found.high)
        };
        assert_eq!(around(&[4_000, 2_900_000]), (1_000, 10_000_000));
        assert_eq!(around(&[]), (100_000_000_000, 1_000_000_000_000));
        assert_eq!(around(&[0, 0]), (100, 1_000));
        assert_eq!(around(&[1_000, 10_000]), (1_000, 10_000));
        assert_eq!(Decades { low: 100, high: 10_000_000 }.steps().collect::<Vec<_>>(), [100, 10_000, 1_000_000]);
        assert_eq!(Decades { low: 1_000, high: 100_000 }.steps().collect::<Vec<_>>(), [1_000, 10_000, 100_000]);
    }

    #[test]
    fn names_stand_apart_in_the_order_of_their_lines() {
        let heights = apart(&[150.0, 151.0, 152.0, 153.0, 154.0]);
        assert!(heights.windows(2).all(|two| two[1] - two[0] >= NAME_HEIGHT - 0.01), "{heights:?}");
        assert!(heights.iter().all(|y| (0.0..=BASE).contains(y)), "{heights:?}");
        assert_eq!(apart(&[30.0, 90.0]), [30.0, 90.0], "those that are apart stay where they are");
    }
}
