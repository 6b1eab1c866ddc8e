//! Acts on many jobs: a dry run says how many and shows some; once confirmed they wait ten seconds, and can be undone.

use super::back_with;
use crate::answer::{self, Answer, invalid};
use crate::asked::Asked;
use crate::frame::{self, escape};
use crate::ops::batch::{self, Choice};
use crate::ops::{count, switches};
use crate::page::Query;
use crate::pages;
use crate::secrets;
use crate::undo::{Notice, UNDO_SECONDS};
use axum::http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::JobId;
use workaday_engine::deed::Deed;
use workaday_store::Store;
use workaday_store::sqlite::read::JobSummary;

/// Ids that one form may name.
const IDS_MAX: usize = 1_000;
const SAMPLE: usize = 10;

pub fn retry(asked: &Asked<'_>) -> Result<Answer, Problem> {
    act(asked, Deed::Retry, named(asked, Deed::Retry)?)
}

pub fn cancel(asked: &Asked<'_>) -> Result<Answer, Problem> {
    act(asked, Deed::Cancel, named(asked, Deed::Cancel)?)
}

pub fn delete(asked: &Asked<'_>) -> Result<Answer, Problem> {
    act(asked, Deed::Delete, named(asked, Deed::Delete)?)
}

pub fn retry_error(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let confirmed = asked.form().all("ids").next().is_some();
    act(asked, Deed::Retry, if confirmed { named(asked, Deed::Retry)? } else { switches::jobs_of_error(asked, asked.param(0))? })
}

/// The jobs that the form names: by their ids, or by a filter of /jobs.
fn named(asked: &Asked<'_>, deed: Deed) -> Result<Vec<JobSummary>, Problem> {
    let form = asked.form();
    let ids: Vec<&str> = form.all("ids").collect();
    if ids.is_empty() {
        // An empty filter is every job: it has to be sent, so that a form without its fields acts on nothing.
        let filter = form.0.iter().find(|(name, _)| name == "filter").map(|(_, value)| value.trim_start_matches('?'));
        let filter =
            filter.ok_or_else(|| invalid("no job was named", "one or more `ids`, or a `filter`").hint("choose jobs in the list first"))?;
        return Choice::of_page(&Query::parse(filter))?.jobs(asked.reader, &asked.window.options.mask, deed);
    }
    if ids.len() > IDS_MAX {
        return Err(invalid(format!("{} jobs are named one by one", ids.len()), format!("at most {IDS_MAX}; a filter names more")));
    }
    let ids = ids
        .iter()
        .map(|id| id.parse::<JobId>().map_err(|_| invalid("one of `ids` is no id of a job", "UUIDs")))
        .collect::<Result<Vec<_>, _>>()?;
    let found = ids.iter().map(|id| asked.reader.job(*id)).collect::<Result<Vec<_>, _>>().map_err(|error| error.problem())?;
    let found: Vec<JobSummary> = found.into_iter().flatten().map(|job| job.summary).collect();
    match found.as_slice() {
        [] => Err(Problem::new("job.not_found", "none of these jobs is there any more")
            .expected("jobs that are unfinished, or finished and not yet pruned")
            .retry(RetryAdvice::SafeAfterFix, "safe with a job that is there; nothing was changed")),
        // One job alone is told why it cannot be; of many, those that cannot are left out and counted.
        [one] if !deed.concerns(one) => Err(deed.refusal(one, one.state)),
        _ => Ok(found.into_iter().filter(|job| deed.concerns(job)).collect()),
    }
}

/// What a dry run of more jobs than a form can name has shown: a filter means other jobs a minute later.
struct Shown {
    newest: i64,
    count: usize,
}

impl Shown {
    fn of(form: &Query) -> Option<Self> {
        Some(Self { newest: form.get("newest")?.parse().ok()?, count: form.get("count")?.parse().ok()? })
    }
}

/// Only what was shown: jobs that came after the dry run are left out. `None`: nothing was shown, or there are more now.
fn as_shown(form: &Query, chosen: &[JobSummary]) -> Option<Vec<JobSummary>> {
    if form.all("ids").next().is_some() {
        return Some(chosen.to_vec());
    }
    let shown = Shown::of(form)?;
    let kept: Vec<JobSummary> = chosen.iter().filter(|job| job.key.0 <= shown.newest).cloned().collect();
    (kept.len() <= shown.count).then_some(kept)
}

fn act(asked: &Asked<'_>, deed: Deed, chosen: Vec<JobSummary>) -> Result<Answer, Problem> {
    let form = asked.form();
    let confirmed = as_shown(&form, &chosen).filter(|kept| form.get("confirm") == Some("yes") && !kept.is_empty());
    let Some(chosen) = confirmed else {
        return Ok(answer::html(StatusCode::OK, dry_run(asked, deed, &chosen, &form)?));
    };
    let by = asked.by(form.get("reason"))?;
    let secret = secrets::random()?;
    if !asked.window.undos.wait(&secret, &by.who) {
        return Err(Problem::new("web.too_busy", "too many acts wait to be carried out")
            .expected("fewer than a hundred in ten seconds")
            .retry(RetryAdvice::Safe, "safe in a moment; nothing was changed"));
    }
    let sentence = sentence(deed, &chosen);
    let detail = json!({"jobs": chosen.len(), "in_seconds": UNDO_SECONDS}).to_string();
    asked.window.writing(|store| store.note(&by, deed.word(), &format!("{} jobs", chosen.len()), Some(&detail), asked.now))?;
    let ids = chosen.iter().map(|job| job.id).collect();
    batch::carry_out_later(Arc::clone(asked.window), secret.clone(), deed, ids, by);
    Ok(back_with(asked, Notice { text: format!("{sentence}: in {UNDO_SECONDS} seconds."), undo: Some(secret) }))
}

/// "Retry 37 jobs of mail.send_invoice".
fn sentence(deed: Deed, chosen: &[JobSummary]) -> String {
    let counted = if chosen.len() >= batch::BATCH_MAX { format!("the newest {} jobs", chosen.len()) } else { count(chosen.len(), "job") };
    let same = chosen.first().filter(|first| chosen.iter().all(|job| job.task == first.task));
    match same {
        Some(job) => format!("{} {counted} of {}", deed.verb(), job.task),
        None => format!("{} {counted}", deed.verb()),
    }
}

fn dry_run(asked: &Asked<'_>, deed: Deed, chosen: &[JobSummary], form: &Query) -> Result<String, Problem> {
    let back = super::back(asked);
    if chosen.is_empty() {
        let body = format!(
            "<h1>Nothing to do</h1>\n<p>No job that is named can be {}. Nothing was changed.</p>\n<p><a href=\"{}\">Back</a></p>",
            deed.participle(),
            escape(&back)
        );
        return Ok(frame::document("Nothing to do", &body));
    }
    // What is confirmed is what was shown: the jobs by their ids, not once more whatever the filter means by then.
    let mut fields: Vec<(String, String)> = if chosen.len() <= IDS_MAX {
        chosen.iter().map(|job| ("ids".to_owned(), job.id.to_string())).collect()
    } else {
        let newest = chosen.iter().map(|job| job.key.0).max().unwrap_or_default();
        let filter = form.0.iter().filter(|(name, _)| name == "filter").cloned();
        filter.chain([("newest".to_owned(), newest.to_string()), ("count".to_owned(), chosen.len().to_string())]).collect()
    };
    fields.push(("back".to_owned(), back.clone()));
    let lost = if deed == Deed::Delete { "Attempts and logs go with them; after the ten seconds this cannot be undone. " } else { "" };
    let mut sample = vec![];
    for job in chosen.iter().take(SAMPLE) {
        sample.extend(asked.reader.job_by_key(job.key)?);
    }
    let ask = pages::Confirm {
        sentence: sentence(deed, chosen),
        note: Some(format!("{lost}Once confirmed it can be undone for {UNDO_SECONDS} seconds.")),
        action: asked.path.to_owned(),
        fields,
        reason: form.get("reason").unwrap_or_default().to_owned(),
        more: chosen.len() - sample.len().min(chosen.len()),
        sample,
        is_final: deed == Deed::Delete,
        back,
    };
    Ok(pages::confirm(&asked.page_context(), &ask)?.html)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: &str) -> Option<Shown> {
        Shown::of(&Query::parse(form))
    }

    #[test]
    fn what_was_shown_is_read_whole_or_not_at_all() {
        assert!(shown("filter=state%3Ddiscarded&confirm=yes").is_none());
        assert!(shown("newest=7").is_none() && shown("newest=x&count=2").is_none() && shown("newest=7&count=-2").is_none());
        let both = shown("newest=7&count=2").expect("both");
        assert_eq!((both.newest, both.count), (7, 2));
    }
}
