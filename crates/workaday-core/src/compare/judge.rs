//! The verdict: each measure of each series, then all together.

use super::answer::{Basis, Comparison, Finding, Question, Rules, Verdict, bare};
use super::baseline;
use super::confounder;
use super::effect::{Effect, Shape};
use super::family::{self, Ranked};
use super::line::{Series, SeriesKey};
use super::placebo::{self, Placebos};
use super::sentence;
use super::separate;
use super::track::{Level, Measure, Source, Track};

/// A measure is ranked when a quarter of the moments know it: little traffic may fall silent every night.
const KNOWN_SHARE: usize = 4;

struct Candidate<'a> {
    key: &'a SeriesKey,
    track: Track,
    effect: Effect,
    placebos: Placebos,
    /// Do the two windows lie apart, request by request?
    is_separate: bool,
}

/// Compares. Pure: the same evidence gives the same answer.
pub fn judge(series: &Series, question: &Question, rules: &Rules) -> Comparison {
    let measured = series.span().unwrap_or((question.before.0, question.after.1));
    let (at, given, warmup) = windows(question, rules);
    // The windows may reach beyond what was measured: a store that is young, a last minute without a request.
    let span = (measured.0.min(at - given.before), measured.1.max(question.after.1));
    let mut releases = series.release_minutes();
    releases.retain(|release| *release < question.before.1);
    let history = (measured.0, at);
    let sources: Vec<(&SeriesKey, Source<'_>)> = series.minutes.iter().map(|(key, minutes)| (key, Source::new(minutes, span))).collect();
    let shape = baseline::choose(&sources, at, given, history, &releases, rules.windows_min);
    let moments = placebo::moments(at, shape, history, &releases);
    let days = moments.last().map_or(0.0, |first| (at - first) as f64 / (24.0 * 60.0));
    let is_known = moments.last().is_some_and(|first| (at - first) >= rules.windows_min * shape.after);
    let (mut judged, mut findings) = (Vec::new(), Vec::new());
    let controls = Controls::new(&sources, question);
    for (key, source) in sources.iter().filter(|(key, _)| !question.controls.contains(&key.name)) {
        for measure in Measure::ALL {
            if measure == Measure::WaitP95 && key.kind != "task" {
                continue;
            }
            let Some(mut track) = Track::new(measure, source) else { continue };
            track.controls = controls.of(measure);
            match (Effect::around(&track, at, shape), is_known) {
                (None, _) => findings.extend(too_few(key, &track, at, shape, rules)),
                (Some(effect), true) => {
                    let placebos = Placebos::new(&track, at, shape, &moments);
                    if placebos.count() * KNOWN_SHARE >= moments.len() && placebos.knows(&effect) {
                        let is_separate = measure.is_calls() && separate::is_separate(&track, at, shape);
                        judged.push(Candidate { key, track, effect, placebos, is_separate });
                    } else {
                        findings.push(without_history(key, &track, effect, at, shape, rules));
                    }
                }
                (Some(effect), false) => findings.push(without_history(key, &track, effect, at, shape, rules)),
            }
        }
    }
    let known = judged.len();
    findings.extend(with_history(judged, rules, days));
    findings.sort_by(|a, b| rank(a.verdict).cmp(&rank(b.verdict)).then(b.scores.0.abs().total_cmp(&a.scores.0.abs())));
    let verdict = overall(&findings);
    let confounders = confounder::find(series, question, (at, shape), &moments);
    let sentence = sentence::overall(verdict, &findings);
    Comparison {
        verdict,
        sentence,
        findings,
        confounders,
        days,
        moments: if known > 0 { moments.len() } else { 0 },
        before_minutes: shape.before,
        after_minutes: shape.after,
        warmup_minutes: warmup,
    }
}

/// The moment of the change and the windows around it.
fn windows(question: &Question, rules: &Rules) -> (i64, Shape, i64) {
    let long = question.after.1 - question.after.0;
    let warmup = if long >= rules.warmup * 4 { rules.warmup } else { 0 };
    let at = question.before.1;
    let after = long - warmup;
    // A baseline of weeks would answer another question: the rest of it is history.
    let before = (question.before.1 - question.before.0).min(after.max(1) * 6);
    (at, Shape { before, gap: question.after.0 + warmup - at, after }, warmup)
}

fn overall(findings: &[Finding]) -> Verdict {
    let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    [Verdict::Worse, Verdict::Better, Verdict::Same].into_iter().find(|verdict| any(*verdict)).unwrap_or(Verdict::NotEnough)
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Worse => 0,
        Verdict::Better => 1,
        Verdict::Same => 2,
        Verdict::NotEnough => 3,
    }
}

/// The tracks of the series that the change cannot have touched.
struct Controls {
    tracks: Vec<std::rc::Rc<Track>>,
}

impl Controls {
    fn new(sources: &[(&SeriesKey, Source<'_>)], question: &Question) -> Controls {
        let tracks = sources
            .iter()
            .filter(|(key, _)| question.controls.contains(&key.name))
            .flat_map(|(_, source)| Measure::ALL.into_iter().filter_map(|measure| Track::new(measure, source)))
            .map(std::rc::Rc::new)
            .collect();
        Controls { tracks }
    }

    fn of(&self, measure: Measure) -> Vec<std::rc::Rc<Track>> {
        self.tracks.iter().filter(|track| track.measure == measure).cloned().collect()
    }
}

/// Judges all measures that have a history, together.
fn with_history(judged: Vec<Candidate<'_>>, rules: &Rules, days: f64) -> Vec<Finding> {
    let ours: Vec<f64> = judged.iter().map(|one| one.placebos.score(&one.effect)).collect();
    let worse: Vec<&[Option<f64>]> = judged.iter().map(|one| one.placebos.scores.as_slice()).collect();
    let turned: Vec<Vec<Option<f64>>> = worse.iter().map(|scores| scores.iter().map(|score| score.map(|score| -score)).collect()).collect();
    let better: Vec<&[Option<f64>]> = turned.iter().map(Vec::as_slice).collect();
    let (as_worse, moments) = family::adjusted(&ours, &worse);
    let (as_better, _) = family::adjusted(&ours.iter().map(|score| -score).collect::<Vec<_>>(), &better);
    let passes = (family::threshold(&worse, rules.alpha_worse), family::threshold(&better, rules.alpha_better));
    judged
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let is_up = ours[at] >= 0.0;
            let (ranked, pass) = if is_up { (as_worse[at], passes.0) } else { (as_better[at], passes.1) };
            ranked_finding(one, ours[at], ranked, (moments, days), pass, rules)
        })
        .collect()
}

/// `pass`: the score that a change in this direction must be beyond; `None` when no score is enough.
fn ranked_finding(
    one: &Candidate<'_>,
    score: f64,
    ranked: Ranked,
    (moments, days): (usize, f64),
    pass: Option<f64>,
    rules: &Rules,
) -> Finding {
    let measure = one.track.measure;
    let net = one.placebos.change_of(score, &one.effect);
    let unit = |change: f64| if measure.is_share() { change } else { change.exp_m1() };
    let is_up = score >= 0.0;
    let is_large = is_above_floor(measure, &one.effect.before, unit(net), rules);
    let noise = pass.map(|pass| unit(one.placebos.change_of(if is_up { pass } else { -pass }, &one.effect)).abs());
    // When even a doubling, or a halving, would drown, "same" would be a guess.
    let is_blind = !measure.is_share() && noise.is_some_and(|noise| noise > if is_up { 1.0 } else { 0.5 });
    let alpha = if is_up { rules.alpha_worse } else { rules.alpha_better };
    let moved = if is_up { Verdict::Worse } else { Verdict::Better };
    let is_apart = is_large && one.is_separate && one.placebos.share_beyond(score) <= alpha;
    let (verdict, basis) = match (ranked.p <= alpha, is_large) {
        (true, true) => (moved, Basis::Placebo),
        (false, true) if is_apart => (moved, Basis::Separation),
        (_, false) => (Verdict::Same, Basis::Floor),
        (false, true) if noise.is_none() && ranked.as_extreme == 0 => (Verdict::NotEnough, Basis::Moments),
        (false, true) if is_blind => (Verdict::NotEnough, Basis::History),
        (false, true) => (Verdict::Same, Basis::Placebo),
    };
    let mut finding = bare(one.key, measure, Some((one.effect.before, one.effect.after)), verdict, basis);
    finding.change = Some(unit(net));
    finding.explained = unit(Effect::between(&one.track, one.effect.before, one.effect.after).change - net);
    finding.has_controls = !one.track.controls.is_empty();
    finding.p = Some(ranked.p);
    (finding.as_extreme, finding.moments) = (ranked.as_extreme, moments);
    finding.hides_under = noise.map(|noise| noise.max(floor(measure, &one.effect.before, rules)));
    finding.scores = (score, one.placebos.scores.iter().flatten().copied().collect());
    finding.sentence = sentence::finding(&finding, days);
    finding
}

/// The smallest change that is no trifle, in the unit of the measure.
fn floor(measure: Measure, before: &Level, rules: &Rules) -> f64 {
    let of = |difference: f64| rules.floor_ratio.max(difference / before.value.max(f64::MIN_POSITIVE));
    match measure {
        Measure::ErrorRate => rules.floor_share,
        Measure::DbCalls | Measure::HttpCalls => of(rules.floor_calls),
        Measure::RunP50 | Measure::RunP95 | Measure::WaitP95 => of(rules.floor_us),
    }
}

fn is_above_floor(measure: Measure, before: &Level, change: f64, rules: &Rules) -> bool {
    change.abs() >= floor(measure, before, rules)
}

/// No placebos: counters may still speak for themselves, times may not.
fn without_history(key: &SeriesKey, track: &Track, effect: Effect, at: i64, shape: Shape, rules: &Rules) -> Finding {
    let measure = track.measure;
    let change = if measure.is_share() { effect.change } else { effect.change.exp_m1() };
    let is_large = is_above_floor(measure, &effect.before, change, rules);
    let (verdict, basis) = match (measure.is_counter(), is_large) {
        (true, false) => (Verdict::Same, Basis::Floor),
        (true, true) if separate::is_separate(track, at, shape) && change > 0.0 => (Verdict::Worse, Basis::Separation),
        (true, true) if separate::is_separate(track, at, shape) => (Verdict::Better, Basis::Separation),
        _ => (Verdict::NotEnough, Basis::History),
    };
    let mut finding = bare(key, measure, Some((effect.before, effect.after)), verdict, basis);
    finding.change = Some(change);
    finding.sentence = sentence::finding(&finding, 0.0);
    finding
}

/// A series that is in the windows at all, with too few values; one that is not is no finding.
fn too_few(key: &SeriesKey, track: &Track, at: i64, shape: Shape, rules: &Rules) -> Option<Finding> {
    let before = track.level_of_any(at - shape.before, at);
    let after = track.level_of_any(at + shape.gap, at + shape.gap + shape.after);
    if before.is_none() && after.is_none() {
        return None;
    }
    let none = Level { value: 0.0, count: 0.0 };
    if let (Some(before), Some(after)) = (before, after)
        && separate::is_apart_though_few(track, at, shape, (before.count, after.count))
    {
        return Some(without_history(key, track, Effect::between(track, before, after), at, shape, rules));
    }
    let mut finding = bare(key, track.measure, None, Verdict::NotEnough, Basis::Count);
    finding.before = before.map(|level| level.value);
    finding.after = after.map(|level| level.value);
    finding.before_count = before.unwrap_or(none).count;
    finding.after_count = after.unwrap_or(none).count;
    finding.sentence = sentence::finding(&finding, 0.0);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::line::{Minute, Spread};
    use super::*;
    use std::collections::BTreeMap;

    /// Minutes with so many calls in each of 60 requests.
    fn calls(minutes: &[(i64, f64)]) -> Series {
        calls_of(60, minutes)
    }

    fn calls_of(count: u64, minutes: &[(i64, f64)]) -> Series {
        let minute = |calls: f64| Minute {
            count,
            db_calls: Spread { sum: count as f64 * calls, max: calls, buckets: vec![(calls, count)] },
            ..Minute::default()
        };
        let key = SeriesKey { kind: "route".into(), name: "GET /prices".into() };
        let minutes: BTreeMap<i64, Minute> = minutes.iter().map(|(at, calls)| (*at, minute(*calls))).collect();
        Series { minutes: BTreeMap::from([(key, minutes)]), ..Series::default() }
    }

    fn verdict(minutes: &[(i64, f64)], before: (i64, i64), after: (i64, i64)) -> Verdict {
        of_calls(&calls(minutes), before, after).verdict
    }

    fn of_calls(series: &Series, before: (i64, i64), after: (i64, i64)) -> Finding {
        let question = Question { before, after, controls: vec![], also_changed: vec![] };
        let comparison = judge(series, &question, &Rules::default());
        comparison.findings.into_iter().find(|finding| finding.measure == Measure::DbCalls).expect("calls")
    }

    #[test]
    fn ten_requests_that_lie_apart_speak_and_ten_that_do_not_are_too_few() {
        let found = |after: f64| {
            of_calls(&calls_of(1, &(0..20).map(|at| (at, if at < 10 { 1.0 } else { after })).collect::<Vec<_>>()), (0, 10), (10, 20))
        };
        assert_eq!((found(11.0).verdict, found(11.0).basis), (Verdict::Worse, Basis::Separation));
        assert_eq!((found(1.0).verdict, found(1.0).basis), (Verdict::NotEnough, Basis::Count));
    }

    #[test]
    fn many_more_queries_are_found_with_a_history_of_any_length() {
        for history in [0, 30, 250, 1_000, 5_000] {
            let minutes: Vec<(i64, f64)> = (-history..40).map(|at| (at, if at < 20 { 1.0 } else { 11.0 })).collect();
            assert_eq!(verdict(&minutes, (0, 20), (20, 40)), Verdict::Worse, "{history} minutes");
            let minutes: Vec<(i64, f64)> = minutes.iter().map(|(at, calls)| (*at, 12.0 - calls)).collect();
            assert_eq!(verdict(&minutes, (0, 20), (20, 40)), Verdict::Better, "{history} minutes");
        }
    }

    #[test]
    fn a_store_that_is_younger_than_the_window_is_judged_by_what_it_has() {
        assert_eq!(verdict(&[(99, 1.0), (100, 201.0)], (90, 100), (100, 101)), Verdict::Worse);
        assert_eq!(verdict(&[(99, 1.0), (100, 1.0)], (90, 100), (100, 101)), Verdict::Same);
    }

    #[test]
    fn a_last_minute_without_figures_does_not_silence_the_others() {
        assert_eq!(verdict(&[(99, 1.0), (100, 201.0)], (99, 100), (100, 102)), Verdict::Worse);
    }
}
