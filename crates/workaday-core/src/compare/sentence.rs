//! The answer in words: one plain sentence each.

use super::judge::{Basis, Finding, Verdict};
use super::track::Measure;

/// `GET /orders: p95 rose 18 % (180 → 212 ms). In 14 days such a jump came at 3 of 1,336 moments without a release.`
pub fn finding(finding: &Finding, days: f64) -> String {
    let what = format!("{}: {}", finding.series, name(finding.measure));
    let is = if matches!(finding.measure, Measure::DbCalls | Measure::HttpCalls) { "are" } else { "is" };
    let levels = match (finding.before, finding.after) {
        (Some(before), Some(after)) => format!("{} → {}", value(finding.measure, before), value(finding.measure, after)),
        _ => String::new(),
    };
    let change = finding.change.unwrap_or(0.0);
    let moved = || moved(finding.measure, change);
    match (finding.verdict, finding.basis) {
        (Verdict::Worse | Verdict::Better, Basis::Separation) => {
            format!("{what} {} ({levels}): the minutes after lie apart from those before.", moved())
        }
        (Verdict::Worse | Verdict::Better, _) => format!(
            "{what} {} ({levels}). In {} such a {} came at {} of {} moments without a release.",
            moved(),
            length(days),
            if change > 0.0 { "jump" } else { "drop" },
            grouped(finding.as_extreme),
            grouped(finding.moments)
        ),
        (Verdict::Same, Basis::Floor) => format!("{what} {is} the same: the difference is too small to matter ({levels})."),
        (Verdict::Same, _) => match finding.hides_under {
            Some(hides) => {
                format!(
                    "{what} {is} the same within the usual noise ({levels}); a rise under {} would not show.",
                    share(finding.measure, hides)
                )
            }
            None => format!("{what} {is} the same within the usual noise ({levels})."),
        },
        (Verdict::NotEnough, Basis::Count) => {
            let (count, window) =
                if finding.after_count < finding.before_count { (finding.after_count, "after") } else { (finding.before_count, "before") };
            format!("{what}: not enough data: {count:.0} values {window}, need about {:.0}.", finding.measure.count_min())
        }
        (Verdict::NotEnough, _) => match finding.hides_under {
            Some(hides) => {
                format!("{what}: not enough data ({levels}): in this noise only a rise above {} would show.", share(finding.measure, hides))
            }
            None => format!("{what}: not enough data ({levels}): too little history without a release to know what is usual."),
        },
    }
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
    if count == 1 { "1 measure".to_owned() } else { format!("{} measures", grouped(count)) }
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
    format!("{} {}", if change > 0.0 { "rose" } else { "fell" }, share(measure, change.abs()))
}

fn share(measure: Measure, change: f64) -> String {
    match measure {
        Measure::ErrorRate => format!("{:.1} points", change * 100.0),
        _ if change >= 9.0 => format!("to {:.0} times", change + 1.0),
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
    if days >= 2.0 { format!("{days:.0} days") } else { format!("{:.0} hours", days * 24.0) }
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
    use super::*;
    use crate::compare::SeriesKey;

    #[test]
    fn what_is_many_are_the_same_and_what_is_one_is() {
        let said = |measure| {
            finding(
                &Finding {
                    series: SeriesKey { kind: "route".to_owned(), name: "GET /".to_owned() },
                    measure,
                    verdict: Verdict::Same,
                    basis: Basis::Floor,
                    before: Some(1.0),
                    after: Some(1.0),
                    before_count: 100.0,
                    after_count: 100.0,
                    change: Some(0.0),
                    explained: 0.0,
                    p: None,
                    as_extreme: 0,
                    moments: 0,
                    hides_under: None,
                    sentence: String::new(),
                    scores: (0.0, vec![]),
                },
                14.0,
            )
        };
        assert!(said(Measure::DbCalls).starts_with("GET /: database calls are the same"));
        assert!(said(Measure::HttpCalls).starts_with("GET /: outgoing HTTP calls are the same"));
        assert!(said(Measure::RunP95).starts_with("GET /: p95 is the same"));
    }
}
