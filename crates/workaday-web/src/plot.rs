//! Plots drawn here, as SVG: axes with units and few ticks, names at the lines, and a table with the same numbers.
//!
//! Widths are percentages, so letters keep their size on a phone; colours are classes, so the theme decides. Each plot
//! has a `<title>` and a `<desc>` that says in words what it shows.

mod lines;
mod placebos;

use crate::escape::escaped;
use crate::show::Teller;
use crate::words;
use std::fmt::Write;
use workaday_core::clock::{Length, Timestamp};

pub use lines::{SERIES_MAX, Series, lines};
pub use placebos::placebos;

/// A dotted vertical: a release began.
#[derive(Clone, Debug)]
pub struct Mark {
    pub at: Timestamp,
    pub name: String,
}

/// A span of time, left to right.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Span {
    /// Where an instant stands, in percent of the width.
    fn x(self, at: Timestamp) -> f64 {
        let whole = (self.until - self.from).0.max(1) as f64;
        ((at - self.from).0 as f64 / whole * 100.0).clamp(0.0, 100.0)
    }

    fn holds(self, at: Timestamp) -> bool {
        at >= self.from && at < self.until
    }
}

/// Jobs of one slice of the strip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slice {
    pub finished: i64,
    pub discarded: i64,
}

const STRIP: f64 = 150.0;
/// The lane of failures, above the line.
const FAILED: f64 = 32.0;
/// Where the name of a release stands in a strip: below the line that names the most.
const LABEL: f64 = 60.0;
const BASE: f64 = 130.0;

/// Throughput with failures above the line and release marks. `every`: the length of a slice.
pub fn strip(teller: &Teller, span: Span, slices: &[Slice], marks: &[Mark], every: &str) -> String {
    let most = slices.iter().map(|slice| slice.finished).max().unwrap_or(0);
    let worst = slices.iter().map(|slice| slice.discarded).max().unwrap_or(0);
    let total: i64 = slices.iter().map(|slice| slice.finished).sum();
    let failed: i64 = slices.iter().map(|slice| slice.discarded).sum();
    let title = "Finished jobs of the last 24 hours";
    let desc = format!(
        "{} finished, {} of them discarded; at most {} in {every}. {}",
        words::thousands(total),
        words::thousands(failed),
        words::thousands(most),
        marks_said(span, marks)
    );
    let mut svg = open("strip", STRIP, title, &desc);
    let width = 100.0 / slices.len().max(1) as f64;
    for (number, slice) in slices.iter().enumerate() {
        let x = number as f64 * width;
        if slice.finished > 0 {
            let height = (slice.finished as f64 / most as f64 * (BASE - FAILED - 20.0)).max(1.5);
            bar(&mut svg, "work", x, width, BASE - height, height);
        }
        if slice.discarded > 0 {
            let height = (slice.discarded as f64 / worst as f64 * (FAILED - 12.0)).max(2.0);
            bar(&mut svg, "bad", x, width, FAILED - height, height);
        }
    }
    line(&mut svg, "rule", FAILED);
    line(&mut svg, "axis", BASE);
    if worst > 0 {
        let at = slices.iter().position(|slice| slice.discarded == worst).unwrap_or(0);
        // Above its bar, which is the highest of its lane.
        let x = (at as f64 + 0.5) * width;
        let anchor = if x < 4.0 {
            "start"
        } else if x > 96.0 {
            "end"
        } else {
            "middle"
        };
        text(&mut svg, "bad", x, anchor, 9.0, &format!("✕ {}", words::thousands(worst)));
    }
    if most > 0 {
        text(&mut svg, "soft", 0.0, "start", FAILED + 14.0, &format!("at most {} in {every}", words::thousands(most)));
    }
    draw_marks(&mut svg, span, marks, BASE, LABEL);
    hours(&mut svg, teller, span, 6, BASE + 15.0);
    close(svg)
}

const BARS: f64 = 108.0;

/// How often something came, slice by slice.
pub fn bars(teller: &Teller, span: Span, values: &[i64], marks: &[Mark], title: &str, every: &str) -> String {
    let most = values.iter().max().copied().unwrap_or(0);
    let base = BARS - 20.0;
    let total: i64 = values.iter().sum();
    let desc = format!("{} in all, at most {} in {every}. {}", words::thousands(total), words::thousands(most), marks_said(span, marks));
    let mut svg = open("bars", BARS, title, &desc);
    let width = 100.0 / values.len().max(1) as f64;
    for (number, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let height = (*value as f64 / most as f64 * (base - 34.0)).max(2.0);
        bar(&mut svg, "bad", number as f64 * width, width, base - height, height);
    }
    line(&mut svg, "axis", base);
    if most > 0 {
        text(&mut svg, "soft", 0.0, "start", 26.0, &format!("at most {} in {every}", words::thousands(most)));
    }
    draw_marks(&mut svg, span, marks, base, 11.0);
    days(&mut svg, teller, span, base + 15.0);
    close(svg)
}

/// One tick of a schedule in a strip.
#[derive(Clone, Debug)]
pub struct Cell {
    /// `✓`, `L`, `F`, `M`, `S`, `P`, `▶`.
    pub letter: char,
    pub class: &'static str,
    /// What became of it, in words, with its time.
    pub said: String,
}

/// The last ticks, oldest first, a letter each.
pub fn ticks(cells: &[Cell], title: &str, desc: &str) -> String {
    let mut svg = open("ticks", 26.0, title, desc);
    let width = 100.0 / cells.len().max(30) as f64;
    // Right-aligned: the newest always stands at the same place.
    let offset = 100.0 - width * cells.len() as f64;
    for (number, cell) in cells.iter().enumerate() {
        let x = offset + number as f64 * width;
        let _ = write!(
            svg,
            "<g class=\"{}\"><title>{}</title><rect x=\"{:.2}%\" y=1 width=\"{:.2}%\" height=24 rx=2 /><text x=\"{:.2}%\" y=17 text-anchor=middle>{}</text></g>",
            cell.class,
            escaped(&cell.said),
            x + width * 0.06,
            width * 0.88,
            x + width / 2.0,
            cell.letter
        );
    }
    close(svg)
}

/// The ticks of a day, hour by hour; an hour with more than one schedule at the same instant is marked.
pub fn day(teller: &Teller, span: Span, hours_of: &[(u64, bool)]) -> String {
    let most = hours_of.iter().map(|(count, _)| *count).max().unwrap_or(0);
    let meets = hours_of.iter().filter(|(_, meets)| *meets).count();
    let total: u64 = hours_of.iter().map(|(count, _)| count).sum();
    let desc = format!(
        "{} ticks, at most {} an hour; in {} schedules meet at the same instant.",
        words::thousands(total as i64),
        words::thousands(most as i64),
        words::many(meets, "hour")
    );
    let mut svg = open("bars", 84.0, "The next 24 hours of all schedules", &desc);
    let (base, width) = (64.0, 100.0 / hours_of.len().max(1) as f64);
    for (number, (count, meets)) in hours_of.iter().enumerate().filter(|(_, (count, _))| *count > 0) {
        let height = ((*count as f64).ln_1p() / (most as f64).ln_1p() * (base - 22.0)).max(2.0);
        let x = number as f64 * width;
        bar(&mut svg, if *meets { "wait" } else { "work" }, x, width, base - height, height);
        if *meets {
            text(&mut svg, "wait", x + width / 2.0, "middle", base - height - 4.0, "!");
        }
    }
    line(&mut svg, "axis", base);
    if most > 0 {
        text(&mut svg, "soft", 0.0, "start", 11.0, &format!("at most {} an hour", words::thousands(most as i64)));
    }
    hours(&mut svg, teller, span, 6, base + 15.0);
    close(svg)
}

fn open(class: &str, height: f64, title: &str, desc: &str) -> String {
    format!(
        "<svg class=\"plot {class}\" width=\"100%\" height=\"{height}\" role=img aria-label=\"{0}. {1}\"><title>{0}</title><desc>{1}</desc>",
        escaped(title),
        escaped(desc.trim())
    )
}

fn close(mut svg: String) -> String {
    svg.push_str("</svg>");
    svg
}

fn bar(svg: &mut String, class: &str, x: f64, width: f64, y: f64, height: f64) {
    let (x, width) = (x + width * 0.1, width * 0.8);
    let _ = write!(svg, "<rect class={class} x=\"{x:.2}%\" y=\"{y:.1}\" width=\"{width:.2}%\" height=\"{height:.1}\"/>");
}

fn line(svg: &mut String, class: &str, y: f64) {
    let _ = write!(svg, "<line class={class} x1=0 x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
}

fn text(svg: &mut String, class: &str, x: f64, anchor: &str, y: f64, said: &str) {
    let _ = write!(svg, "<text class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}\" text-anchor={anchor}>{}</text>", escaped(said));
}

/// Percent of the width that a name of ten letters takes on a phone.
const NAME_WIDTH: f64 = 20.0;

fn draw_marks(svg: &mut String, span: Span, marks: &[Mark], base: f64, label: f64) {
    let mut shown: Vec<&Mark> = marks.iter().filter(|mark| span.holds(mark.at)).collect();
    shown.sort_by_key(|mark| std::cmp::Reverse(mark.at));
    // The newest first: where several began close together, it is the one whose name there is room for.
    let mut named: Vec<(f64, f64)> = vec![];
    for mark in shown {
        let x = span.x(mark.at);
        let _ = write!(svg, "<line class=mark x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=2 y2=\"{base:.1}\"/>");
        let (at, anchor, from) = if x > 80.0 { (x - 0.5, "end", x - NAME_WIDTH) } else { (x + 0.5, "start", x) };
        if named.iter().any(|(other, until)| from < *until && from + NAME_WIDTH > *other) {
            continue;
        }
        named.push((from, from + NAME_WIDTH));
        let name = words::cut(&mark.name, 10);
        text(svg, "release", at, anchor, label, &name);
    }
}

fn marks_said(span: Span, marks: &[Mark]) -> String {
    let names: Vec<&str> = marks.iter().filter(|mark| span.holds(mark.at)).map(|mark| mark.name.as_str()).collect();
    if names.is_empty() { "No release began in this time.".to_owned() } else { format!("Releases that began: {}.", names.join(", ")) }
}

/// `00:00`, `06:00` … on the reader's clock, where they fall.
fn hours(svg: &mut String, teller: &Teller, span: Span, every: i8, y: f64) {
    let step = Length::minutes(15);
    let mut at = Timestamp(span.from.0 - span.from.0.rem_euclid(step.0)) + step;
    while at < span.until {
        let clock = teller.text(at, "%H:%M");
        if clock.ends_with(":00") && clock[..2].parse::<i8>().is_ok_and(|hour| hour % every == 0) {
            tick(svg, span.x(at), y, &clock);
        }
        at = at + step;
    }
}

fn days(svg: &mut String, teller: &Teller, span: Span, y: f64) {
    let step = Length::minutes(30);
    let mut at = Timestamp(span.from.0 - span.from.0.rem_euclid(step.0)) + step;
    while at < span.until {
        // A name at the very edge would lie on the next one, on a phone.
        if teller.text(at, "%H:%M") == "00:00" && span.x(at) >= 5.0 {
            tick(svg, span.x(at), y, &teller.text(at, "%a %-d"));
        }
        at = at + step;
    }
}

fn tick(svg: &mut String, x: f64, y: f64, said: &str) {
    let anchor = match x {
        0.0..4.0 => "start",
        96.0.. => "end",
        _ => "middle",
    };
    text(svg, "soft", x, anchor, y, said);
}

#[cfg(test)]
mod tests;
