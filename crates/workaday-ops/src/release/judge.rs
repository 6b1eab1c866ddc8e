//! Was it better, worse, the same, or can nobody say? The judge is a part that can be exchanged.
//!
//! [`OutcomeJudge`] looks at how attempts ended and at nothing else: no response times, no counts of statements. It says
//! so in its sentences. It never takes little data for "same".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem};
use workaday_store::Reader;
use workaday_store::sqlite::read::OutcomeCount;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Better,
    Same,
    Worse,
    NotEnough,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Same => "same",
            Verdict::Worse => "worse",
            Verdict::NotEnough => "not enough data",
        }
    }
}

/// From an instant to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub since: Timestamp,
    pub before: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub name: String,
    pub before: String,
    pub after: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Why, a plain sentence each; series without enough data are named.
    pub sentences: Vec<String>,
    pub metrics: Vec<Metric>,
    /// Who judged.
    pub judge: String,
}

/// Compares before and after.
pub trait Judge {
    /// What has to be kept from before the change, as JSON.
    fn capture(&self, reader: &Reader, window: Window) -> Result<Value, Problem>;
    /// `baseline` is what `capture` gave.
    fn judge(&self, reader: &Reader, baseline: &Value, after: Window) -> Result<Judgement, Problem>;
}

/// Attempts of a task on one side, and after this many a side can be judged.
const ATTEMPTS_MIN: i64 = 20;
/// A rise of the share of failures below this is nothing, whatever the numbers say: 1 in 200.
const RISE_MIN: f64 = 0.005;

/// The last sentence of a judge that looked at nothing else.
pub(super) const OUTCOMES_ALONE: &str = "Judged by how attempts ended, not by times nor by what they cost.";

/// Judges by how attempts ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutcomeJudge;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    ended: i64,
    failed: i64,
}

impl Tally {
    fn share(self) -> f64 {
        if self.ended == 0 { 0.0 } else { self.failed as f64 / self.ended as f64 }
    }

    fn shown(self) -> String {
        format!("{} of {} failed", self.failed, self.ended)
    }
}

impl Judge for OutcomeJudge {
    fn capture(&self, reader: &Reader, window: Window) -> Result<Value, Problem> {
        Ok(json!({"window": window, "tasks": tallies(reader, window)?}))
    }

    fn judge(&self, reader: &Reader, baseline: &Value, after: Window) -> Result<Judgement, Problem> {
        let before: BTreeMap<String, Tally> =
            baseline.get("tasks").cloned().and_then(|tasks| serde_json::from_value(tasks).ok()).unwrap_or_default();
        Ok(compare(&before, &tallies(reader, after)?))
    }
}

fn tallies(reader: &Reader, window: Window) -> Result<BTreeMap<String, Tally>, Problem> {
    let counts = reader.outcomes_between(window.since, window.before).map_err(|error| error.problem())?;
    let mut tallies = BTreeMap::<String, Tally>::new();
    for OutcomeCount { task, outcome, count, .. } in counts {
        let failed = matches!(outcome.as_str(), "failed" | "timed_out" | "over_memory" | "crashed" | "discarded" | "outcome_unknown");
        // What a drain, a kill or a person ended says nothing of the code.
        if failed || outcome == "completed" {
            let tally = tallies.entry(task).or_default();
            tally.ended += count;
            tally.failed += if failed { count } else { 0 };
        }
    }
    Ok(tallies)
}

fn compare(before: &BTreeMap<String, Tally>, after: &BTreeMap<String, Tally>) -> Judgement {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |side: &BTreeMap<String, Tally>, name: &String| side.get(name).copied().unwrap_or_default();
    let mut sentences = vec![];
    let mut metrics = vec![];
    let (mut worse, mut better, mut judged) = (false, false, false);
    // Many tasks, many chances of a false alarm: the more are looked at, the surer each has to be (Bonferroni).
    let sure = deviations(names.len());
    for name in &names {
        let (was, is) = (of(before, name), of(after, name));
        metrics.push(Metric { name: format!("{name}: failures"), before: was.shown(), after: is.shown() });
        if was.ended < ATTEMPTS_MIN || is.ended < ATTEMPTS_MIN {
            sentences
                .push(format!("{name}: not enough data, {} attempts before and {} after; {ATTEMPTS_MIN} are needed", was.ended, is.ended));
            continue;
        }
        judged = true;
        let rise = is.share() - was.share();
        let (low, high) = newcombe(was, is, sure);
        if low > 0.0 && rise > RISE_MIN {
            worse = true;
            sentences.push(format!(
                "{name}: failures rose from {:.1} % to {:.1} % ({})",
                was.share() * 100.0,
                is.share() * 100.0,
                is.shown()
            ));
        } else if high < 0.0 && -rise > RISE_MIN {
            better = true;
            sentences.push(format!(
                "{name}: failures fell from {:.1} % to {:.1} % ({})",
                was.share() * 100.0,
                is.share() * 100.0,
                is.shown()
            ));
        }
    }
    let verdict = match (worse, better, judged) {
        (true, ..) => Verdict::Worse,
        (_, true, _) => Verdict::Better,
        (_, _, true) => Verdict::Same,
        _ => Verdict::NotEnough,
    };
    sentences.push(OUTCOMES_ALONE.to_owned());
    Judgement { verdict, sentences, metrics, judge: "outcomes of attempts".to_owned() }
}

/// Deviations for 5 % in all, two-sided, over so many comparisons.
fn deviations(comparisons: usize) -> f64 {
    match comparisons {
        0 | 1 => 1.96,
        2 => 2.24,
        3..=5 => 2.58,
        6..=10 => 2.81,
        11..=50 => 3.29,
        _ => 3.9,
    }
}

/// Newcombe's interval of the difference of two shares, after minus before.
fn newcombe(before: Tally, after: Tally, z: f64) -> (f64, f64) {
    let ((low_b, high_b), (low_a, high_a)) = (wilson(before, z), wilson(after, z));
    let (b, a) = (before.share(), after.share());
    let difference = a - b;
    (difference - ((a - low_a).powi(2) + (high_b - b).powi(2)).sqrt(), difference + ((high_a - a).powi(2) + (b - low_b).powi(2)).sqrt())
}

fn wilson(tally: Tally, z: f64) -> (f64, f64) {
    let (n, p) = (tally.ended as f64, tally.share());
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(before: (i64, i64), after: (i64, i64)) -> Verdict {
        let side = |(failed, ended)| BTreeMap::from([("shop.work".to_owned(), Tally { ended, failed })]);
        compare(&side(before), &side(after)).verdict
    }

    #[test]
    fn little_data_is_never_taken_for_same() {
        assert_eq!(judged((0, 19), (19, 19)), Verdict::NotEnough);
        assert_eq!(compare(&BTreeMap::new(), &BTreeMap::new()).verdict, Verdict::NotEnough);
        let quiet = compare(&BTreeMap::new(), &BTreeMap::from([("a".to_owned(), Tally { ended: 500, failed: 400 })]));
        assert!(quiet.sentences[0].contains("a: not enough data, 0 attempts before"), "{:?}", quiet.sentences);
    }

    #[test]
    fn failures_that_rise_are_worse_and_chance_is_not() {
        assert_eq!(judged((0, 200), (20, 200)), Verdict::Worse);
        assert_eq!(judged((1, 200), (3, 200)), Verdict::Same);
        assert_eq!(judged((5, 30), (6, 30)), Verdict::Same);
        assert_eq!(judged((60, 200), (10, 200)), Verdict::Better);
        assert_eq!(judged((0, 1_000_000), (2_000, 1_000_000)), Verdict::Same, "sure, but below 1 in 200");
    }
}
