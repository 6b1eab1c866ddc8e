//! `compare A B`: better, worse, the same, or not enough data, in one plain sentence each.

use crate::args::Compare;
use crate::context::{Context, length};
use crate::failure::{DONE, Done, Failure, NOT_ENOUGH, WORSE, usage};
use crate::render::Tone;
use crate::text;
use serde_json::Value;
use std::path::Path;
use workaday_core::compare::{Comparison, Finding, Question, Rules, Series, Verdict, judge};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::measure::MINUTE_US;
use workaday_ops::compare::{self, NoSide, Side};
use workaday_ops::evidence;
use workaday_ops::release::{CONFIG_FILE, Fingerprint, fingerprint};

/// Measures that stayed the same are counted, and shown on demand.
const SHOWN: usize = 20;

pub fn run(args: &Compare, context: &mut Context) -> Done {
    let rules = rules(args)?;
    let (comparison, noticed) = match &args.jsonl {
        Some(files) => (of_files(args, &files[0], &files[1], &rules)?, Value::Null),
        None => of_store(args, context, &rules)?,
    };
    if context.out.json {
        let mut whole = serde_json::to_value(&comparison).unwrap_or_default();
        whole["noticed"] = noticed;
        context.out.json(&whole)?;
    } else {
        print(&comparison, &noticed, args.all, context)?;
    }
    Ok(match comparison.verdict {
        Verdict::Worse => WORSE,
        Verdict::NotEnough => NOT_ENOUGH,
        Verdict::Better | Verdict::Same => DONE,
    })
}

fn rules(args: &Compare) -> Result<Rules, Failure> {
    if !(0.0..=1_000.0).contains(&args.floor) {
        return Err(usage(format!("--floor is {}", args.floor), "per cent, from 0 to 1000").into());
    }
    let warmup = length(&args.warmup, "--warmup")?.0 / MINUTE_US;
    Ok(Rules { floor_ratio: args.floor / 100.0, warmup, ..Rules::default() })
}

// -- two files ---------------------------------------------------------------------------------------------------

fn of_files(args: &Compare, before: &Path, after: &Path, rules: &Rules) -> Result<Comparison, Failure> {
    let read = |path: &Path| -> Result<(String, String), Failure> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new("compare.unreadable", format!("`{shown}` could not be read: {error}"))
                .expected("a file of exported evidence")
                .retry(RetryAdvice::SafeAfterFix, "safe with a file that can be read; nothing was compared")
        })?;
        Ok((text, shown))
    };
    let span_of = |text: &str, file: &str| -> Result<(i64, i64), Failure> {
        let mut alone = Series::default();
        evidence::of_lines(text, file, &mut alone)?;
        Ok(alone.span().unwrap_or_default())
    };
    let ((before_text, before_name), (after_text, after_name)) = (read(before)?, read(after)?);
    let (before_span, after_span) = (span_of(&before_text, &before_name)?, span_of(&after_text, &after_name)?);
    if after_span.0 < before_span.1 {
        return Err(Problem::new("compare.order", format!("`{after_name}` begins before `{before_name}` has ended"))
            .expected("first the file from before the change, then the one from after it, without a minute in both")
            .retry(RetryAdvice::SafeAfterFix, "safe in the other order; nothing was compared")
            .into());
    }
    let mut series = Series::default();
    if let Some(history) = &args.history {
        let (text, name) = read(history)?;
        let mut older = Series::default();
        evidence::of_lines(&text, &name, &mut older)?;
        // An export of everything may hold the two windows again: no minute counts twice.
        for minutes in older.minutes.values_mut() {
            minutes.retain(|minute, _| *minute < before_span.0);
        }
        older.minutes.retain(|_, minutes| !minutes.is_empty());
        series = older;
    }
    evidence::of_lines(&before_text, &before_name, &mut series)?;
    evidence::of_lines(&after_text, &after_name, &mut series)?;
    let question = Question { before: before_span, after: after_span, controls: args.controls.clone(), also_changed: vec![] };
    Ok(judge(&series, &question, rules))
}

// -- the store ---------------------------------------------------------------------------------------------------

fn of_store(args: &Compare, context: &mut Context, rules: &Rules) -> Result<(Comparison, Value), Failure> {
    let (reader, now) = (context.reader()?, context.now());
    let side = |given: &str, before: Option<&Side>| Side::read(given, before, &reader, now).map_err(|why| refused(why, given));
    let before = side(args.before.as_deref().unwrap_or_default(), None)?;
    let after = match args.after.as_deref() {
        Some(given) => side(given, Some(&before))?,
        None => before.until(now),
    };
    compare::check_order(before.window, after.window)?;
    let also = also_changed(&before, &after, context)?;
    let comparison = compare::windows(&reader, before.window, after.window, args.controls.clone(), also, rules)?;
    Ok((comparison, before.noticed))
}

fn refused(why: NoSide, given: &str) -> Problem {
    match why {
        NoSide::Span { what, expected } => usage(what, expected).got(given.to_owned()),
        NoSide::Problem(problem) => *problem,
    }
}

/// Configuration and dependencies that are not what they were when the baseline was captured.
fn also_changed(before: &Side, after: &Side, context: &Context) -> Result<Vec<String>, Failure> {
    let Ok(then) = serde_json::from_value::<Fingerprint>(before.noticed["fingerprint"].clone()) else { return Ok(vec![]) };
    let root = context.settings()?.root.clone();
    let config = root.join(CONFIG_FILE);
    let now = fingerprint(&root, config.exists().then_some(config.as_path()));
    let mut found = vec![];
    if then.config != now.config {
        found.push("the configuration".to_owned());
    }
    if then.dependencies != now.dependencies {
        found.push("the dependencies".to_owned());
    }
    if !found.is_empty() && before.release.is_some() && after.release == before.release {
        found.push("nothing was released, so the code".to_owned());
    }
    Ok(found)
}

// -- in words ----------------------------------------------------------------------------------------------------

fn print(comparison: &Comparison, noticed: &Value, all: bool, context: &mut Context) -> Result<(), Failure> {
    let tone = tone(comparison.verdict);
    let out = &mut context.out;
    out.line(out.paint(tone, &text::line(&comparison.sentence)))?;
    let history = match comparison.moments {
        0 => "no history to rank it in".to_owned(),
        moments => format!("ranked among {moments} moments without a release in {:.1} days", comparison.days),
    };
    out.line(format!(
        "{} min before, {} min after{}; {history}.",
        comparison.before_minutes,
        comparison.after_minutes,
        if comparison.warmup_minutes > 0 { format!(" (the first {} skipped)", comparison.warmup_minutes) } else { String::new() }
    ))?;
    if let Some(symptom) = noticed["symptom"].as_str() {
        out.line(format!("Noticed then: {}", text::line(symptom)))?;
    }
    let is_shown = |finding: &&Finding| all || finding.verdict != Verdict::Same;
    let shown: Vec<&Finding> = comparison.findings.iter().filter(is_shown).collect();
    for finding in shown.iter().take(if all { usize::MAX } else { SHOWN }) {
        out.line(format!("  {:8} {}", out.paint(self::tone(finding.verdict), word(finding.verdict)), text::line(&finding.sentence)))?;
    }
    let hidden = comparison.findings.len() - shown.len().min(if all { usize::MAX } else { SHOWN });
    if hidden > 0 {
        out.line(format!("  {hidden} more: workaday compare … --all"))?;
    }
    for also in &comparison.confounders {
        out.line(format!("  beware   {}", text::line(also)))?;
    }
    Ok(())
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "✕ worse",
        Verdict::Better => "✓ better",
        Verdict::Same => "· same",
        Verdict::NotEnough => "? open",
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Worse => Tone::Bad,
        Verdict::Better => Tone::Good,
        Verdict::Same => Tone::Plain,
        Verdict::NotEnough => Tone::Wait,
    }
}
