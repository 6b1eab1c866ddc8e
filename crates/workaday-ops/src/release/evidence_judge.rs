//! Judges a release by its evidence: response times, errors, database calls, ranked among moments without a release.
//!
//! Where the evidence is too thin to say anything, how the attempts ended decides, and the sentences say so.

use super::judge::{Judge, Judgement, Metric, OUTCOMES_ALONE, OutcomeJudge, Verdict, Window};
use crate::compare;
use serde_json::{Value, json};
use workaday_core::clock::Timestamp;
use workaday_core::compare::track::Measure;
use workaday_core::compare::{Comparison, Finding, Rules, sentence};
use workaday_core::explain::{Explain, Problem};
use workaday_core::measure::{MINUTE_US, minute_of};
use workaday_store::Reader;
use workaday_store::sqlite::read::MeasureFilter;

/// The judge of releases.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidenceJudge;

impl Judge for EvidenceJudge {
    fn capture(&self, reader: &Reader, window: Window) -> Result<Value, Problem> {
        Ok(json!({"window": window, "outcomes": OutcomeJudge.capture(reader, window)?}))
    }

    fn judge(&self, reader: &Reader, baseline: &Value, after: Window) -> Result<Judgement, Problem> {
        let outcomes = OutcomeJudge.judge(reader, &baseline["outcomes"], after)?;
        let Some(before) = serde_json::from_value::<Window>(baseline["window"].clone()).ok() else { return Ok(outcomes) };
        let mut comparison = compare::windows(reader, before, after, vec![], vec![], &Rules::default())?;
        for finding in comparison.findings.iter_mut().filter(|finding| is_more_calls(finding)) {
            if let Some(said) = suspect(reader, &finding.series.name, after)? {
                finding.sentence = format!("{} {said}", finding.sentence);
            }
        }
        Ok(together(&comparison, outcomes))
    }
}

fn is_more_calls(finding: &Finding) -> bool {
    finding.measure == Measure::DbCalls && finding.verdict == workaday_core::compare::Verdict::Worse
}

/// The statement that single runs of a route or task repeated most since the change, if one was.
fn suspect(reader: &Reader, name: &str, after: Window) -> Result<Option<String>, Problem> {
    let minute = Timestamp(minute_of(after.since) * MINUTE_US);
    let filter = MeasureFilter { name: Some(name.to_owned()), from: Some(minute), to: Some(after.before), ..MeasureFilter::default() };
    let measured = reader.measured(&filter).map_err(|error| error.problem())?;
    let statements = measured.values().flat_map(|figures| &figures.statements);
    let most = statements.max_by_key(|(_, statement)| statement.calls_max);
    Ok(most.map(|(text, statement)| format!("Called up to {} times in a row: `{text}`.", statement.calls_max)))
}

fn together(comparison: &Comparison, outcomes: Judgement) -> Judgement {
    use workaday_core::compare::Verdict as Found;
    let verdict = match comparison.verdict {
        Found::Worse => Verdict::Worse,
        _ if outcomes.verdict == Verdict::Worse => Verdict::Worse,
        Found::Better => Verdict::Better,
        Found::Same => Verdict::Same,
        Found::NotEnough => outcomes.verdict,
    };
    // What decided comes first.
    let has_outcome_decided = verdict == outcomes.verdict && matches!(comparison.verdict, Found::Same | Found::NotEnough);
    // What the other judge says of its own limits is not true of both.
    let of_outcomes: Vec<String> = outcomes.sentences.into_iter().filter(|sentence| sentence != OUTCOMES_ALONE).collect();
    let mut of_evidence = vec![comparison.sentence.clone()];
    of_evidence.extend(comparison.findings.iter().map(|finding| finding.sentence.clone()));
    of_evidence.extend(comparison.confounders.iter().cloned());
    let is_outcome_first = has_outcome_decided && verdict == Verdict::Worse;
    let (mut sentences, rest) = if is_outcome_first { (of_outcomes, of_evidence) } else { (of_evidence, of_outcomes) };
    sentences.extend(rest);
    let mut metrics: Vec<Metric> = comparison.findings.iter().filter_map(metric).collect();
    metrics.extend(outcomes.metrics);
    Judgement {
        verdict,
        sentences,
        metrics,
        judge: "evidence by minute, ranked among moments without a release; then how attempts ended".into(),
    }
}

fn metric(finding: &Finding) -> Option<Metric> {
    Some(Metric {
        name: format!("{}: {}", finding.series, sentence::name(finding.measure)),
        before: sentence::value(finding.measure, finding.before?),
        after: sentence::value(finding.measure, finding.after?),
    })
}
