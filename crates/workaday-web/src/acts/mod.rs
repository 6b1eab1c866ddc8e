//! What people do with the forms of the pages: each act answers with a way back and a sentence about what became of it.

mod batch;

use crate::answer::{self, Answer, invalid};
use crate::asked::Asked;
use crate::fields;
use crate::identity::Via;
use crate::login::{own_path, set_cookie};
use crate::ops::{self, Op};
use crate::page::{Role, Theme};
use crate::routes::{Access, Does, Field, Kind, Method, Place, Route, Work};
use crate::undo::Notice;
use axum::http::header;
use workaday_core::explain::{Problem, RetryAdvice};

const fn act(path: &'static str, doc: &'static str, work: Work) -> Route {
    Route {
        method: Method::Post,
        path,
        access: Access::Role(Role::Operator, ""),
        kind: Kind::Action,
        doc,
        fields: FORM,
        answers: "",
        does: Does::Work(work),
    }
}

/// What any form may carry; each act reads its own.
const FORM: &[Field] = &[
    Field {
        name: "reason",
        place: Place::Body,
        schema: r#"{"type":"string","maxLength":2000}"#,
        required: false,
        doc: "Why; kept in the audit.",
    },
    Field { name: "back", place: Place::Body, schema: r#"{"type":"string"}"#, required: false, doc: "The page to go back to." },
];

pub const ROUTES: &[Route] = &[
    act("/actions/jobs/retry", "Retry the named jobs: a dry run first, then ten seconds to undo.", batch::retry),
    act("/actions/jobs/cancel", "Cancel the named jobs: a dry run first, then ten seconds to undo.", batch::cancel),
    act("/actions/jobs/delete", "Delete the named jobs: a dry run first, then ten seconds to undo.", batch::delete),
    act("/actions/undo", "Take back an act that was not carried out yet.", undo),
    act("/actions/jobs/{id}/rerun", "A new job like this one, with edited arguments.", |asked| done(asked, ops::jobs::rerun)),
    act("/actions/tasks/{name}/pause", "Switch a task off, or one argument value of it.", |asked| done(asked, ops::switches::pause_task)),
    act("/actions/tasks/{name}/resume", "Switch it on again.", |asked| done(asked, ops::switches::resume_task)),
    act("/actions/queues/{name}/pause", "Claim nothing more from a queue.", |asked| done(asked, ops::switches::pause_queue)),
    act("/actions/queues/{name}/resume", "Claim from it again.", |asked| done(asked, ops::switches::resume_queue)),
    act("/actions/schedules/{name}/pause", "Let no tick run.", |asked| done(asked, ops::schedules::pause)),
    act("/actions/schedules/{name}/resume", "Let ticks run again.", |asked| done(asked, ops::schedules::resume)),
    act("/actions/schedules/{name}/run", "Run it now, or a tick that has passed.", |asked| done(asked, ops::schedules::run)),
    act("/actions/schedules/{name}/skip", "Leave out the next tick.", |asked| done(asked, ops::schedules::skip)),
    act("/actions/errors/{fingerprint}/retry", "Retry the jobs that ended with this error.", batch::retry_error),
    act("/actions/errors/{fingerprint}/mute", "Nobody needs to hear of this error for a while.", |asked| {
        done(asked, ops::switches::mute_error)
    }),
    act("/actions/alerts/{id}/close", "The matter is settled.", |asked| done(asked, ops::switches::close_alert)),
    act("/actions/pause-everything", "Claim nothing more from any queue.", |asked| done(asked, ops::switches::pause_everything)),
    Route {
        method: Method::Post,
        path: "/actions/theme",
        access: Access::Role(Role::Viewer, ""),
        kind: Kind::Action,
        doc: "Light, dark, or as the system has it.",
        fields: FORM,
        answers: "",
        does: Does::Work(theme),
    },
];

/// Does it, and goes back with what became of it.
fn done(asked: &Asked<'_>, op: Op) -> Result<Answer, Problem> {
    let done = op(asked, &fields::of_form(asked))?;
    Ok(back_with(asked, Notice { text: done.said, undo: None }))
}

/// Back to where the form stood, with one sentence.
pub fn back_with(asked: &Asked<'_>, notice: Notice) -> Answer {
    if let Some(Via::Session(session)) = asked.who.as_ref().map(|who| &who.via) {
        asked.window.undos.tell(*session, notice);
    }
    answer::see_other(&back(asked))
}

/// The field `back`, else the page that the browser names, else the first one.
pub fn back(asked: &Asked<'_>) -> String {
    let form = asked.form();
    let named = form.get("back").map(str::to_owned);
    let referred = || {
        let referer = asked.headers.get(header::REFERER)?.to_str().ok()?;
        let rest = referer.split_once("://")?.1;
        rest.find('/').map(|slash| rest[slash..].to_owned()).filter(|path| !path.starts_with("/actions/"))
    };
    own_path(named.or_else(referred).as_deref())
}

fn undo(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let form = asked.form();
    let secret = form.get("undo").ok_or_else(|| invalid("`undo` is missing", "the value that the notice offered"))?;
    let own = asked.window.undos.whose(secret).is_some_and(|who| who == asked.viewer().name);
    if !own || asked.window.undos.take(secret).is_none() {
        return Err(Problem::new("web.undo_too_late", "this can no longer be undone here")
            .expected("within ten seconds, by the one who did it")
            .retry(RetryAdvice::CheckFirst, "it was carried out, or undone before; /audit says which"));
    }
    let by = asked.by(None)?;
    asked.window.writing(|store| workaday_store::Store::note(store, &by, "undo", "jobs", None, asked.now))?;
    Ok(back_with(asked, Notice { text: "Undone: nothing was changed.".into(), undo: None }))
}

fn theme(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let form = asked.form();
    let theme = form.get("theme").and_then(Theme::parse).ok_or_else(|| invalid("`theme` is none that is known", "auto, light or dark"))?;
    Ok(answer::with_cookie(answer::see_other(&back(asked)), &set_cookie("theme", theme.as_str(), asked.secure, 365 * 86_400)))
}
