//! The answer in words: one plain sentence each.

use super::answer::{Basis, Finding, Verdict};
use super::track::Measure;

/// `GET /orders: p95 rose 18 % (180 ms → 212 ms). In 14 days such a jump came at 3 of 1,336 moments without a release.`
pub fn finding(finding: &Finding, days: f64) -> String {
    let measure = finding.measure;
    let what = format!("{}: {}", finding.series, name(measure));
    let same = format!("{what} {} the same", if is_plural(measure) { "are" } else { "is" });
    let levels = levels(finding);
    let change = finding.change.unwrap_or(0.0);
    let (jump, rise) = if change >= 0.0 { ("jump", "rise") } else { ("drop", "drop") };
    let moved = || moved(measure, change);
    match (finding.verdict, finding.basis) {
        (Verdict::Worse | Verdict::Better, Basis::Separation) => {
            format!("{what} {} ({levels}): what came after lies apart from what came before.", moved())
        }
        (Verdict::Worse | Verdict::Better, _) => {
            format!("{what} {} ({levels}). {}.", moved(), seen(finding, jump, days))
        }
        (Verdict::Same, Basis::Floor) => format!("{same}: the difference is too small to matter ({levels})."),
        (Verdict::Same, _) => match finding.hides_under {
            Some(hides) => format!("{same} within the usual noise ({levels}); a {rise} under {} would not show.", share(measure, hides)),
            None => format!("{same} within the usual noise ({levels}). {}.", seen(finding, jump, days)),
        },
        (Verdict::NotEnough, Basis::Count) => {
            let (count, window) =
                if finding.after_count < finding.before_count { (finding.after_count, "after") } else { (finding.before_count, "before") };
            format!(
                "{what}: not enough data: {} {window}, need about {:.0}.",
                counted(count.round() as usize, "value"),
                measure.count_min()
            )
        }
        (Verdict::NotEnough, Basis::Moments) => {
            format!(
                "{what}: not enough data ({levels}): {} without a release known, too few to call it a {rise}.",
                moments(finding.moments)
            )
        }
        (Verdict::NotEnough, _) => match finding.hides_under {
            Some(hides) => {
                format!("{what}: not enough data ({levels}): in this noise only a {rise} above {} would show.", share(measure, hides))
            }
            None => format!("{what}: not enough data ({levels}): too little history without a release to know what is usual."),
        },
    }
}

/// `In 14 days such a jump came at 3 of 1,336 moments without a release`
fn seen(finding: &Finding, jump: &str, days: f64) -> String {
    format!("In {} such a {jump} came at {} of {} without a release", length(days), grouped(finding.as_extreme), moments(finding.moments))
}

/// `180 ms → 212 ms`, and what of it is not the change: the verdict is about the rest.
fn levels(finding: &Finding) -> String {
    let (Some(before), Some(after)) = (finding.before, finding.after) else { return String::new() };
    let levels = format!("{} → {}", value(finding.measure, before), value(finding.measure, after));
    let least = if finding.measure.is_share() { 0.002 } else { 0.02 };
    if finding.explained.abs() < least {
        return levels;
    }
    let who = if finding.has_controls { "the time of day and the controls" } else { "the time of day" };
    let way = if finding.explained > 0.0 { "rise" } else { "drop" };
    format!("{levels}; {who} alone would bring a {way} of {}", share(finding.measure, finding.explained.abs()))
}

const fn is_plural(measure: Measure) -> bool {
    measure.is_calls()
}

/// The first line of the answer.
pub fn overall(verdict: Verdict, findings: &[Finding]) -> String {
    let count = |wanted: Verdict| findings.iter().filter(|finding| finding.verdict == wanted).count();
    let silent = count(Verdict::NotEnough);
    let rest = if silent == 0 { String::new() } else { format!(" {} could not be judged.", measures(silent)) };
    match verdict {
        Verdict::Worse => format!("Worse: {}.{rest}", shown(findings, Verdict::Worse)),
        Verdict::Better => format!("Better: {}.{rest}", shown(findings, Verdict::Better)),
        Verdict::Same => format!("The same: {} judged, none moved beyond what is usual.{rest}", measures(count(Verdict::Same))),
        Verdict::NotEnough if findings.is_empty() => "Not enough data: there is no evidence in these windows.".to_owned(),
        Verdict::NotEnough => "Not enough data: nothing could be judged.".to_owned(),
    }
}

fn shown(findings: &[Finding], wanted: Verdict) -> String {
    const SHOWN: usize = 3;
    let of: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == wanted).collect();
    let mut words: Vec<String> = of
        .iter()
        .take(SHOWN)
        .map(|finding| format!("{} of {} {}", name(finding.measure), finding.series, moved(finding.measure, finding.change.unwrap_or(0.0))))
        .collect();
    if of.len() > SHOWN {
        words.push(format!("and {} more", of.len() - SHOWN));
    }
    words.join(", ")
}

fn measures(count: usize) -> String {
    counted(count, "measure")
}

fn moments(count: usize) -> String {
    counted(count, "moment")
}

fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// What it is called on every face.
pub const fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::RunP50 => "median time",
        Measure::RunP95 => "p95",
        Measure::WaitP95 => "p95 of the wait",
        Measure::DbCalls => "database calls",
        Measure::HttpCalls => "outgoing HTTP calls",
        Measure::ErrorRate => "error rate",
    }
}

fn moved(measure: Measure, change: f64) -> String {
    // A fall is at most by all of it: only a rise is told in times.
    let as_many = if change >= TIMES { if measure.is_calls() { " as many" } else { " as long" } } else { "" };
    let as_many = if measure.is_share() { "" } else { as_many };
    format!("{} {}{as_many}", if change > 0.0 { "rose" } else { "fell" }, share(measure, change.abs()))
}

/// A rise by so much, and more, is told as a multiple.
const TIMES: f64 = 9.0;

fn share(measure: Measure, change: f64) -> String {
    match measure {
        Measure::ErrorRate => format!("{:.1} points", change * 100.0),
        _ if change >= TIMES => format!("to {:.0} times", change + 1.0),
        _ => format!("{:.0} %", change * 100.0),
    }
}

/// A value with its unit.
pub fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::ErrorRate => format!("{:.1} %", value * 100.0),
        Measure::DbCalls | Measure::HttpCalls => format!("{value:.1}"),
        _ if value < 10_000.0 => format!("{:.1} ms", value / 1_000.0),
        _ if value < 10_000_000.0 => format!("{:.0} ms", value / 1_000.0),
        _ => format!("{:.1} s", value / 1_000_000.0),
    }
}

fn length(days: f64) -> String {
    if days >= 2.0 { format!("{days:.0} days") } else { counted((days * 24.0).round().max(1.0) as usize, "hour") }
}

fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::line::SeriesKey;
    use super::*;

    fn said(measure: Measure, verdict: Verdict, basis: Basis, (before, after): (f64, f64), change: f64) -> String {
        said_with(measure, verdict, basis, (before, after), change, |_| ())
    }

    fn said_with(
        measure: Measure,
        verdict: Verdict,
        basis: Basis,
        (before, after): (f64, f64),
        change: f64,
        also: impl Fn(&mut Finding),
    ) -> String {
        let mut one = Finding {
            series: SeriesKey { kind: "route".into(), name: "GET /x".into() },
            measure,
            verdict,
            basis,
            before: Some(before),
            after: Some(after),
            before_count: 1_200.0,
            after_count: 1.0,
            change: Some(change),
            explained: 0.0,
            has_controls: false,
            p: None,
            as_extreme: 3,
            moments: 1_336,
            hides_under: Some(0.12),
            sentence: String::new(),
            scores: (0.0, vec![]),
        };
        also(&mut one);
        finding(&one, 14.0)
    }

    #[test]
    fn calls_are_and_a_time_is() {
        assert_eq!(
            said(Measure::DbCalls, Verdict::Same, Basis::Floor, (3.0, 3.0), 0.0),
            "GET /x: database calls are the same: the difference is too small to matter (3.0 → 3.0)."
        );
        assert_eq!(
            said(Measure::RunP95, Verdict::Same, Basis::Placebo, (180_000.0, 184_000.0), 0.02),
            "GET /x: p95 is the same within the usual noise (180 ms → 184 ms); a rise under 12 % would not show."
        );
    }

    #[test]
    fn the_noise_is_told_in_the_direction_of_the_change() {
        let drop = said(Measure::RunP50, Verdict::Same, Basis::Placebo, (180_000.0, 164_000.0), -0.09);
        assert!(drop.ends_with("a drop under 12 % would not show."), "{drop}");
    }

    #[test]
    fn what_the_time_of_day_brings_is_taken_off_in_the_open() {
        let wave = said_with(Measure::RunP95, Verdict::Worse, Basis::Placebo, (200_000.0, 198_000.0), 0.25, |one| one.explained = -0.2);
        assert_eq!(
            wave,
            "GET /x: p95 rose 25 % (200 ms → 198 ms; the time of day alone would bring a drop of 20 %). \
             In 14 days such a jump came at 3 of 1,336 moments without a release."
        );
    }

    #[test]
    fn many_times_are_told_as_a_multiple() {
        let calls = said(Measure::DbCalls, Verdict::Worse, Basis::Separation, (1.0, 11.0), 10.0);
        assert_eq!(
            calls,
            "GET /x: database calls rose to 11 times as many (1.0 → 11.0): what came after lies apart from what came before."
        );
        let time = said(Measure::RunP50, Verdict::Worse, Basis::Placebo, (9_000.0, 99_000.0), 10.0);
        assert!(time.starts_with("GET /x: median time rose to 11 times as long (9.0 ms → 99 ms)."), "{time}");
    }

    #[test]
    fn one_is_one_and_not_ones() {
        let one = said(Measure::RunP50, Verdict::NotEnough, Basis::Count, (1.0, 1.0), 0.0);
        assert_eq!(one, "GET /x: median time: not enough data: 1 value after, need about 100.");
        assert_eq!((length(1.0 / 24.0), length(0.5), length(3.2)), ("1 hour".into(), "12 hours".into(), "3 days".into()));
    }

    #[test]
    fn too_few_moments_are_said_to_be_too_few() {
        let few = said_with(Measure::RunP50, Verdict::NotEnough, Basis::Moments, (180_000.0, 90_000.0), -0.5, |one| one.moments = 90);
        assert!(few.ends_with("90 moments without a release known, too few to call it a drop."), "{few}");
    }
}
