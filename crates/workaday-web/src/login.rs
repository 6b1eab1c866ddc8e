//! Coming in and going out: by password, by a one-time link, and the files that the form needs.

use crate::answer::{self, Answer, invalid};
use crate::asked::Asked;
use crate::frame::{self, escape};
use crate::identity::{self, LONGEST, Via, cookie_name};
use crate::page::Role;
use crate::{pages, secrets};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::{ByHand, Store};

/// A one-time link opens for this long.
pub const LINK_LASTS: workaday_core::clock::Length = workaday_core::clock::Length::minutes(5);

/// Sends somebody who is not logged in to the form, and back afterwards.
pub fn ask(parts: &Parts) -> Answer {
    let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    answer::see_other(&if wanted == "/" { "/login".to_owned() } else { format!("/login?next={next}") })
}

/// A path of ours, and nothing that a browser would take for another host.
pub fn own_path(text: Option<&str>) -> String {
    let fits = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains(['\\', '\r', '\n', '\t'])
            && path.is_ascii()
            && path.len() < 2_000
    };
    text.filter(fits).unwrap_or("/").to_owned()
}

pub fn form(asked: &Asked<'_>) -> Result<Answer, Problem> {
    if let Some(secret) = asked.query.get("once") {
        return once_form(asked, secret);
    }
    Ok(answer::html(StatusCode::OK, login_document(&own_path(asked.query.get("next")), None)))
}

/// Looking does not use the link up: programs that preview links would do it first.
fn once_form(asked: &Asked<'_>, secret: &str) -> Result<Answer, Problem> {
    let found = asked.reader.link(&secrets::hash(secret), asked.now).map_err(|error| error.problem())?;
    let Some((who, role)) = found else {
        return Ok(answer::html(
            StatusCode::GONE,
            login_document("/", Some("This link was used before, or is older than five minutes. `workaday open` prints another.")),
        ));
    };
    let body = format!(
        "<h1 class=\"verdict\">Open the dashboard</h1>\n<p>As <strong>{}</strong>, {}. The link works once.</p>\n\
         <form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"once\" value=\"{}\"><button autofocus>Open</button></form>",
        escape(&who),
        escape(&role),
        escape(secret)
    );
    Ok(answer::html(StatusCode::OK, frame::document("Open", &body)))
}

fn login_document(next: &str, said: Option<&str>) -> String {
    let said = said.map_or_else(String::new, |said| format!("<p role=\"alert\" class=\"bad\">{}</p>\n", escape(said)));
    let body = format!(
        "<h1 class=\"verdict\">Workaday</h1>\n{said}<form method=\"post\" action=\"/login\">\n<input type=\"hidden\" name=\"next\" value=\"{}\">\n\
         <p><label for=\"name\">Name</label> <input id=\"name\" name=\"name\" autocomplete=\"username\" required maxlength=\"100\"></p>\n\
         <p><label for=\"password\">Password</label> <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required maxlength=\"200\"></p>\n\
         <p><button>Log in</button></p>\n</form>\n<p>On the machine itself, <code>workaday open</code> prints a one-time link.</p>",
        escape(next)
    );
    frame::document("Log in", &body)
}

pub fn log_in(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let form = asked.form();
    if let Some(secret) = form.get("once") {
        return by_link(asked, secret);
    }
    let (Some(name), Some(password)) = (form.get("name"), form.get("password")) else {
        return Err(invalid("a name and a password are needed", "the fields `name` and `password`"));
    };
    let shown: String = name.chars().take(100).collect();
    let attempt = asked.window.attempts.take(asked.reader, &shown, asked.peer, asked.now).map_err(|error| error.problem())?;
    if let Err(wait) = attempt {
        tracing::warn!(peer = %asked.peer, "too many attempts to log in");
        let problem = Problem::new("web.too_many", "too many attempts to log in")
            .expected(format!("another try in {} s", wait.as_secs() + 1))
            .retry(RetryAdvice::Safe, "safe after that time")
            .hint("on the machine itself, `workaday open` prints a one-time link, which is not counted");
        return Ok(answer::after(answer::problem(&problem, true, &answer::request_id()), wait));
    }
    let user = asked.reader.user(name).map_err(|error| error.problem())?;
    if !secrets::fits(password, user.as_ref().map(|user| user.password.as_str())) {
        note(asked, &shown, "failed login", None);
        let next = own_path(form.get("next"));
        return Ok(answer::html(StatusCode::UNAUTHORIZED, login_document(&next, Some("Name or password do not fit."))));
    }
    let user = user.expect("a password that fits belongs to a user");
    asked.window.attempts.succeeded(&shown);
    let answer = let_in(asked, &user.name, &user.role, true, &own_path(form.get("next")))?;
    Ok(answer)
}

fn by_link(asked: &Asked<'_>, secret: &str) -> Result<Answer, Problem> {
    let hash = secrets::hash(secret);
    let taken = asked.window.writing(|store| store.take_link(&hash, asked.now))?;
    let Some((who, role)) = taken else {
        note(asked, "a one-time link", "failed login", None);
        return Ok(answer::html(
            StatusCode::GONE,
            login_document("/", Some("This link was used before, or is older than five minutes. `workaday open` prints another.")),
        ));
    };
    let_in(asked, &who, &role, false, "/")
}

/// A new session under a new secret; the one that came along, if any, ends.
fn let_in(asked: &Asked<'_>, who: &str, role: &str, is_user: bool, next: &str) -> Result<Answer, Problem> {
    if role.parse::<Role>().is_err() {
        return Err(invalid("this user has a role that this version does not know", "viewer, operator or admin"));
    }
    let secret = secrets::random()?;
    let hash = secrets::hash(&secret);
    let name = cookie_name(asked.secure, asked.window.port);
    let before = identity::cookie(asked.headers, &name).map(secrets::hash);
    let by = ByHand { who: who.to_owned(), why: None };
    let detail = serde_json::json!({"from": asked.peer.to_string(), "role": role}).to_string();
    asked.window.writing(|store| {
        store.prune_sessions(asked.now, asked.now - identity::IDLE)?;
        if let Some(before) = &before {
            store.end_session(before)?;
        }
        store.put_session(&hash, who, role, is_user, asked.now + LONGEST, asked.now)?;
        store.note(&by, "login", &format!("user {who}"), Some(&detail), asked.now)
    })?;
    tracing::info!(%who, %role, "{who} logged in");
    Ok(answer::with_cookie(answer::see_other(next), &set_cookie(&name, &secret, asked.secure, LONGEST.0 / 1_000_000)))
}

/// Lax would send it along from links elsewhere; Strict does not. Path=/ is what `__Host-` asks for.
pub fn set_cookie(name: &str, value: &str, secure: bool, seconds: i64) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

pub fn log_out_form(_asked: &Asked<'_>) -> Result<Answer, Problem> {
    let body = "<h1 class=\"verdict\">Log out</h1>\n<form method=\"post\" action=\"/logout\"><button>Log out</button></form>\n<p><a href=\"/\">Today</a></p>";
    Ok(answer::html(StatusCode::OK, frame::document("Log out", body)))
}

pub fn log_out(asked: &Asked<'_>) -> Result<Answer, Problem> {
    if let Some(Via::Session(hash)) = asked.who.as_ref().map(|who| &who.via) {
        let by = asked.by(None)?;
        asked.window.writing(|store| {
            store.end_session(hash)?;
            store.note(&by, "logout", &format!("user {}", by.who), None, asked.now)
        })?;
    }
    let name = cookie_name(asked.secure, asked.window.port);
    let mut answer = answer::with_cookie(answer::see_other("/login"), &set_cookie(&name, "", asked.secure, 0));
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""));
    Ok(answer)
}

/// A line in the audit about somebody who is not in; more than a few a minute are logged only.
fn note(asked: &Asked<'_>, who: &str, action: &str, detail: Option<&str>) {
    let shown: String = who.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    tracing::warn!(peer = %asked.peer, "{action}: {shown:?}");
    if asked.window.may_note_denial() {
        let by = ByHand { who: format!("address {}", asked.peer), why: None };
        if let Err(problem) = asked.window.writing(|store| store.note(&by, action, &format!("user {shown}"), detail, asked.now)) {
            tracing::warn!("a failed login was not written to the audit: {}", problem.message);
        }
    }
}

pub fn static_file(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let found = pages::static_files().iter().find(|file| file.name == asked.param(0));
    let Some(file) = found else {
        return Err(Problem::new("web.not_found", "there is no such file")
            .expected("a file that a page refers to")
            .retry(RetryAdvice::Never, "not under this name"));
    };
    let mut answer = answer::text(StatusCode::OK, file.content_type, file.body);
    // The name changes with the content, so it may be kept for ever.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(answer)
}
