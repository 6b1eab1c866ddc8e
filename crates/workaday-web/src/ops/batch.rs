//! Many jobs at once: which ones are meant, how many that is, and the act on them.

use super::{Done, count};
use crate::answer::invalid;
use crate::asked::Asked;
use crate::fields::Fields;
use crate::page::Query;
use crate::search::Search;
use crate::window::Window;
use serde_json::json;
use std::sync::Arc;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::{JobId, State};
use workaday_engine::deed::{Deed, attempts_by_task};
use workaday_store::sqlite::read::{JobSummary, Look};
use workaday_store::{Act, ByHand, Reader, Store};

/// Jobs a transaction: a batch must not keep other writers waiting.
const STEP: usize = 200;
/// A filter concerns no more than this at once.
pub const BATCH_MAX: usize = 100_000;
/// A program that names no limit means no more than this.
const USUAL_LIMIT: i64 = 10_000;
/// Ids that a dry run shows.
const SAMPLE: usize = 10;

/// Names in the query of /jobs that choose no jobs.
const NOT_CHOOSING: [&str; 8] = ["from", "format", "region", "limit", "view", "page", "back", "reason"];

/// Which jobs are meant. Nothing asked means every job: a caller has to have said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    states: Vec<State>,
    search: Search,
    /// Enqueued at or after.
    since: Option<Timestamp>,
}

impl Choice {
    /// The filter of /jobs. A name that is not understood is refused: an act must never concern more jobs than the page showed.
    pub fn of_page(filter: &Query) -> Result<Self, Problem> {
        let mut choice = Self::default();
        let Self { states, search: Search { look, text }, .. } = &mut choice;
        for (name, value) in filter.0.iter().filter(|(_, value)| !value.is_empty()) {
            let given = || Some(value.clone());
            match name.as_str() {
                "state" if value == "held" => look.held = true,
                "state" => states.push(state(value)?),
                "held" => look.held = true,
                "task" => look.task = given(),
                "queue" => look.queue = given(),
                "tag" => look.tag = given(),
                "text" => *text = given(),
                other if NOT_CHOOSING.contains(&other) => {}
                other => {
                    let shown: String = other.chars().take(40).collect();
                    return Err(invalid(
                        format!("the filter has `{shown}`, which is not understood here"),
                        "state, held, task, queue, tag, text",
                    ));
                }
            }
        }
        Ok(choice)
    }

    /// The fields of a program. Without any of them nothing is meant.
    fn of_api(fields: &Fields) -> Result<Option<Self>, Problem> {
        let text = |name: &str| fields.text(name).map(str::to_owned);
        let look = Look { held: fields.flag("held"), task: text("task"), queue: text("queue"), tag: text("tag"), ..Look::default() };
        let choice = Self {
            states: fields.text("state").map(state).transpose()?.into_iter().collect(),
            search: Search { look, text: text("text") },
            since: fields.text("since").map(|since| crate::asked::instant(since, "since")).transpose()?,
        };
        Ok((choice != Self::default()).then_some(choice))
    }

    /// Those that the act can concern, the newest first of each state, at most [`BATCH_MAX`].
    pub fn jobs(&self, reader: &Reader, mask: &[String], deed: Deed) -> Result<Vec<JobSummary>, Problem> {
        let states: Vec<Option<State>> = if self.states.is_empty() { vec![None] } else { self.states.iter().copied().map(Some).collect() };
        let mut found = vec![];
        for state in states {
            let mut step = self.search.clone();
            (step.look.state, step.look.from, step.look.limit) = (state, None, 1_000);
            loop {
                let seen = step.run(reader, mask).map_err(|error| error.problem())?;
                let jobs = seen.jobs.into_iter().map(|listed| listed.job);
                // Held ones are looked up whatever their state, so it is asked here.
                let fits = |job: &JobSummary| {
                    state.is_none_or(|state| job.state == state) && self.since.is_none_or(|since| job.created_at >= since)
                };
                found.extend(jobs.filter(|job| deed.concerns(job) && fits(job)));
                if seen.next.is_none() || seen.next == step.look.from || found.len() >= BATCH_MAX {
                    break;
                }
                step.look.from = seen.next;
            }
        }
        found.truncate(BATCH_MAX);
        Ok(found)
    }
}

fn state(word: &str) -> Result<State, Problem> {
    word.parse().map_err(|_| invalid("`state` is no state of a job", "available, running, discarded …"))
}

pub fn retry(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    at_once(asked, fields, Deed::Retry)
}

pub fn cancel(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    at_once(asked, fields, Deed::Cancel)
}

pub fn delete(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    at_once(asked, fields, Deed::Delete)
}

/// The jobs whose last failure was this error.
pub fn retry_error(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let chosen = super::switches::jobs_of_error(asked, asked.param(0))?;
    on(asked, fields, Deed::Retry, None, chosen)
}

/// A program's act: what it means is counted first, and done at once unless it asked for a dry run.
fn at_once(asked: &Asked<'_>, fields: &Fields, deed: Deed) -> Result<Done, Problem> {
    let (named, chosen) = meant(asked, fields, deed)?;
    on(asked, fields, deed, named, chosen)
}

/// `named`: how many were named one by one.
fn on(asked: &Asked<'_>, fields: &Fields, deed: Deed, named: Option<usize>, mut chosen: Vec<JobSummary>) -> Result<Done, Problem> {
    let by = asked.by(fields.text("reason"))?;
    if let Some(newest) = fields.number("newest") {
        chosen.retain(|job| job.key.0 <= newest);
    }
    let (fit, is_dry) = (chosen.len(), fields.flag("dry_run"));
    let most = fields.number("limit").unwrap_or(USUAL_LIMIT);
    let (newest, sample) = (chosen.iter().map(|job| job.key.0).max(), chosen.iter().take(SAMPLE).map(|job| job.id).collect::<Vec<_>>());
    let document = |done: usize, left: usize| json!({"act": deed.word(), "dry_run": is_dry, "fit": fit, "more": fit >= BATCH_MAX, "done": done, "left": left, "newest": newest, "sample": sample});
    let without = named.map_or(0, |named| named.saturating_sub(fit));
    if is_dry {
        let said = format!("Dry run: {} would be {}. Nothing was changed.", count(fit, "job"), deed.participle());
        return Ok(Done::new(said, document(0, fit + without)));
    }
    if fit as i64 > most {
        return Err(Problem::new("web.batch_too_large", format!("{} fit, which is more than the limit", count(fit, "job")))
            .expected(format!("at most {most}: `limit`, {USUAL_LIMIT} unless given"))
            .got(format!("{fit}{}", if fit >= BATCH_MAX { " or more" } else { "" }))
            .retry(RetryAdvice::SafeAfterFix, "safe with a narrower filter or a higher `limit`; nothing was changed"));
    }
    if fit == 0 {
        return Ok(Done::new(format!("No job that is meant can be {}. Nothing was changed.", deed.participle()), document(0, without)));
    }
    let detail = json!({"jobs": fit, "in_seconds": 0}).to_string();
    asked.window.writing(|store| store.note(&by, deed.word(), &format!("{fit} jobs"), Some(&detail), asked.now))?;
    let ids: Vec<JobId> = chosen.iter().map(|job| job.id).collect();
    let (done, left) = act_on_many(asked.window, deed, &ids, &by)?;
    let moved_on = if left == 0 { String::new() } else { format!(" {left} had moved on meanwhile.") };
    let asked_to = if deed == Deed::Cancel { " or asked to stop" } else { "" };
    let said = format!("{} {}{asked_to}.{moved_on}", count(done, "job"), deed.participle());
    Ok(Done::new(said, document(done, left + without)))
}

/// How many were named one by one, and the jobs that the act can concern.
fn meant(asked: &Asked<'_>, fields: &Fields, deed: Deed) -> Result<(Option<usize>, Vec<JobSummary>), Problem> {
    let choice = Choice::of_api(fields)?;
    let mut ids = fields.texts("ids");
    ids.sort_unstable();
    ids.dedup();
    match (choice, ids.is_empty()) {
        (Some(_), false) => Err(invalid("`ids` and a filter are both given", "one of the two")),
        (None, true) => Err(invalid("no job was named", "`ids`, or at least one of state, held, task, queue, tag, text, since")
            .hint("an act on every job has to say so: one call for each state")),
        (Some(choice), true) => Ok((None, choice.jobs(asked.reader, &asked.window.options.mask, deed)?)),
        (None, false) => {
            let ids = ids.iter().map(|id| id.parse().map_err(|_| invalid("one of `ids` is no id of a job", "UUIDs")));
            let ids = ids.collect::<Result<Vec<JobId>, _>>()?;
            let found = ids.iter().map(|id| asked.reader.job(*id)).collect::<Result<Vec<_>, _>>().map_err(|error| error.problem())?;
            let found = found.into_iter().flatten().map(|job| job.summary).filter(|job| deed.concerns(job));
            Ok((Some(ids.len()), found.collect()))
        }
    }
}

/// Acts on many jobs, in steps. Each is looked at anew: some may have moved on meanwhile.
pub fn act_on_many(window: &Window, deed: Deed, ids: &[JobId], by: &ByHand) -> Result<(usize, usize), Problem> {
    let (mut done, mut left) = (0, 0);
    let policies = window.reading(|reader| reader.tasks().map(|tasks| attempts_by_task(&tasks)))?.map_err(|error| error.problem())?;
    for step in ids.chunks(STEP) {
        let jobs = window
            .reading(|reader| step.iter().map(|id| reader.job(*id)).collect::<Result<Vec<_>, _>>())?
            .map_err(|error| error.problem())?;
        let jobs: Vec<JobSummary> = jobs.into_iter().flatten().map(|job| job.summary).filter(|job| deed.concerns(job)).collect();
        let acts = window.writing(|store| {
            let now = window.now();
            jobs.iter().map(|job| deed.act(store, job, &policies, by, now)).collect::<Result<Vec<Act>, _>>()
        })?;
        let here = acts.iter().filter(|act| matches!(act, Act::Done | Act::Requested)).count();
        done += here;
        left += step.len() - here;
    }
    window.wake();
    Ok((done, left))
}

/// Carries an act out once it can no longer be undone. Whoever takes the secret first decides.
pub fn carry_out_later(window: Arc<Window>, secret: String, deed: Deed, ids: Vec<JobId>, by: ByHand) {
    tokio::runtime::Handle::current().spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(crate::undo::UNDO_SECONDS)).await;
        if window.undos.take(&secret).is_none() {
            return;
        }
        let done = tokio::task::spawn_blocking(move || act_on_many(&window, deed, &ids, &by).map(|counts| (counts, by)));
        match done.await {
            Ok(Ok(((done, left), by))) => {
                tracing::info!(who = %by.who, done, left, "{}: {} of {}", deed.word(), count(done, "job"), by.who)
            }
            Ok(Err(problem)) => tracing::error!(code = %problem.code, "{} of many jobs failed: {}", deed.word(), problem.message),
            Err(error) => tracing::error!(%error, "{} of many jobs failed", deed.word()),
        }
    });
}
