//! The way of a request: host, rate, origin, size, who, may he; then the route; then the headers of the answer.

use crate::answer::{self, Answer};
use crate::asked::Asked;
use crate::identity::{self, Via};
use crate::page::Query;
use crate::peer::{Peer, counted};
use crate::routes::{self, Access, Does, Kind, Method, Route};
use crate::window::{Caller, Window};
use crate::{headers, live};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, RawPathParams, Request};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::routing::{MethodFilter, on};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use workaday_core::explain::{Problem, RetryAdvice};

/// A body has to come within this time.
const BODY_PATIENCE: Duration = Duration::from_secs(15);
const PATH_MAX: usize = 2_000;
const QUERY_MAX: usize = 8_000;

/// The router, from the table.
pub fn router(window: &Arc<Window>) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        let filter = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Delete => MethodFilter::DELETE,
        };
        let window = Arc::clone(window);
        router = router.route(
            route.path,
            on(filter, move |Extension(peer): Extension<Peer>, params: RawPathParams, request: Request| {
                let params = params.iter().map(|(_, value)| value.to_owned()).collect();
                enter(Arc::clone(&window), route, peer, params, request)
            }),
        );
    }
    router
        .fallback(|request: Request| async move { refuse(&request, no_such_page(request.uri().path())) })
        .method_not_allowed_fallback(|request: Request| async move { refuse(&request, wrong_method(&request)) })
}

/// What every request goes through, whatever it asks for.
pub async fn serve(window: Arc<Window>, router: Router, peer: IpAddr, mut request: Request) -> Answer {
    let host = window.hosts.of(request.headers(), request.uri());
    let secure = host.as_deref().is_some_and(|host| window.hosts.is_secure(host));
    let peer = Peer::of(peer, &window.options.trusted_proxies, request.headers());
    let mut answer = match check(&window, host.is_some(), peer.client, &request) {
        Err((problem, None)) => refuse(&request, problem),
        Err((problem, Some(wait))) => answer::after(refuse(&request, problem), wait),
        Ok(()) => {
            request.extensions_mut().insert(peer);
            route(router, request).await
        }
    };
    headers::add(answer.headers_mut(), secure, &window.options.more_headers);
    answer
}

async fn route(router: Router, request: Request) -> Answer {
    use hyper::service::Service;
    let service = hyper_util::service::TowerToHyperService::new(router);
    match service.call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

fn check(window: &Window, host_is_ours: bool, peer: IpAddr, request: &Request) -> Result<(), (Problem, Option<Duration>)> {
    if !host_is_ours {
        let problem = Problem::new("web.host_unknown", "this is not a host that is served here")
            .expected("the host name of web.bind or web.public_url, or one of security.hosts")
            .retry(RetryAdvice::SafeAfterFix, "safe with the right Host header; nothing was changed");
        return Err((problem, None));
    }
    if request.uri().path().len() > PATH_MAX || request.uri().query().is_some_and(|query| query.len() > QUERY_MAX) {
        let problem = Problem::new("web.request_invalid", "the address is too long")
            .expected(format!("a path of at most {PATH_MAX} and a query of at most {QUERY_MAX} bytes"));
        return Err((problem, None));
    }
    // Those who show nothing share the bucket of their address; the rest have their own, taken once they are known.
    let shows_something = request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key(header::COOKIE);
    if !shows_something {
        window.requests.take(&Caller::Address(counted(peer)), Instant::now()).map_err(|wait| (too_many("requests"), Some(wait)))?;
    }
    Ok(())
}

/// A route's own way: origin, body, then a thread that may block.
async fn enter(window: Arc<Window>, route: &'static Route, peer: Peer, params: Vec<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let people = is_for_people(route, &parts);
    let id = answer::request_id();
    let outcome = async {
        judge_form(&window, route, &parts)?;
        let body = read_body(&window, body).await?;
        let (asked_window, parts) = (Arc::clone(&window), parts);
        let work = move || work(&asked_window, route, peer, &params, &parts, &body);
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))?
    };
    let outcome = match outcome.await {
        // The stream belongs to the loop, not to a thread that blocks.
        Ok(Outcome::Stream(still)) => live::stream(&window, still),
        Ok(Outcome::Done(answer)) => Ok(answer),
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|problem| {
        let status = answer::status(&problem);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // A bound was reached, or the store is away for now: said to the one who asked, and no mistake of ours.
            tracing::warn!(request = %id, route = route.path, code = %problem.code, "{} {} has to wait: {}", route.method.as_str(), route.path, problem.message);
        } else if status.is_server_error() {
            window.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(request = %id, route = route.path, code = %problem.code, "{} {} failed: {}", route.method.as_str(), route.path, problem.message);
        }
        answer::problem(&problem, people, &id)
    })
}

/// A panic is our own mistake: told without its words, which are in the log.
fn failed(error: &tokio::task::JoinError) -> Problem {
    Problem::new("web.failed", "the answer could not be made")
        .expected("an answer")
        .got(if error.is_panic() { "a mistake in this program" } else { "an end of the program" })
        .retry(RetryAdvice::CheckFirst, "look first whether it was done")
        .hint("the log has this id, and says more")
}

pub enum Outcome {
    Done(Answer),
    Stream(live::Still),
}

fn work(
    window: &Arc<Window>,
    route: &'static Route,
    peer: Peer,
    params: &[String],
    parts: &Parts,
    body: &Bytes,
) -> Result<Outcome, Problem> {
    let host = window.hosts.of(&parts.headers, &parts.uri).unwrap_or_default();
    let secure = window.hosts.is_secure(&host);
    window.reading(|reader| {
        let who = identity::of(window, reader, &parts.headers, peer.connected, secure)?;
        if parts.headers.contains_key(header::AUTHORIZATION) || parts.headers.contains_key(header::COOKIE) {
            let caller = who.as_ref().map_or(Caller::Address(counted(peer.client)), |who| Caller::Known(who.name.clone()));
            if let Err(wait) = window.requests.take(&caller, Instant::now()) {
                let refused = answer::problem(&too_many("requests"), is_for_people(route, parts), &answer::request_id());
                return Ok(Outcome::Done(answer::after(refused, wait)));
            }
        }
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let asked = Asked {
            window,
            reader,
            route,
            who,
            path: parts.uri.path(),
            params,
            query: &query,
            headers: &parts.headers,
            body,
            peer: peer.client,
            secure,
            now: window.now(),
        };
        if let Err(problem) = admit(&asked) {
            let goes_to_login = problem.code == "web.login_needed" && is_for_people(route, parts) && route.method.is_safe();
            return if goes_to_login { Ok(Outcome::Done(crate::login::ask(parts))) } else { Err(problem) };
        }
        match route.does {
            Does::Stream => Ok(Outcome::Stream(still(window, route, peer, parts.headers.clone(), secure))),
            Does::Work(work) => work(&asked).map(Outcome::Done),
            Does::Page(page) => {
                let page = page(reader, &asked.page_context())?;
                let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::OK);
                let as_json = query.get("format") == Some("json");
                Ok(Outcome::Done(if as_json { answer::json(status, &page.json) } else { answer::html(status, page.html) }))
            }
        }
    })?
}

/// Asks later whether the one who was admitted still would be.
fn still(window: &Arc<Window>, route: &'static Route, peer: Peer, headers: HeaderMap, secure: bool) -> live::Still {
    let window = Arc::clone(window);
    Arc::new(move || {
        let who = window.reading(|reader| identity::of(&window, reader, &headers, peer.connected, secure));
        let Ok(Ok(Some(who))) = who else { return false };
        match route.access {
            Access::Public => true,
            Access::Role(role, scope) => who.role >= role && who.has_scope(scope),
        }
    })
}

/// May he? The default is no: a route says whom it serves.
fn admit(asked: &Asked<'_>) -> Result<(), Problem> {
    let Access::Role(role, scope) = asked.route.access else { return Ok(()) };
    let Some(who) = &asked.who else {
        return Err(Problem::new("web.login_needed", "this is seen only by those who are logged in")
            .expected("a session, or a token: Authorization: Bearer wkd_…")
            .retry(RetryAdvice::SafeAfterFix, "safe after a login; nothing was changed")
            .hint("`workaday open` prints a one-time login link, `workaday token create NAME` makes a token"));
    };
    let refused = if who.role < role {
        Some(
            Problem::new("web.role_too_low", format!("{} may not do this", who.name))
                .expected(format!("the role {}", role.as_str()))
                .got(format!("the role {}", who.role.as_str())),
        )
    } else if matches!(who.via, Via::Token(_)) && asked.route.kind == Kind::Action {
        Some(
            Problem::new("web.scope_missing", "a token does not fill in forms")
                .expected("an act of /api/openapi.json")
                .got(who.name.clone()),
        )
    } else if !who.has_scope(scope) {
        Some(
            Problem::new("web.scope_missing", format!("{} does not open this", who.name))
                .expected(format!("a token with the scope `{scope}` or `all`"))
                .got(who.name.clone()),
        )
    } else {
        None
    };
    let Some(problem) = refused else { return Ok(()) };
    tracing::warn!(who = %who.name, route = asked.route.path, code = %problem.code, "{} was refused {} {}", who.name, asked.route.method.as_str(), asked.route.path);
    if asked.window.may_note_denial() {
        use workaday_store::Store;
        let by = workaday_store::ByHand { who: who.name.clone(), why: Some(problem.code.to_string()) };
        let target = format!("{} {}", asked.route.method.as_str(), asked.route.path);
        let noted = asked.window.writing(|store| store.note(&by, "denied", &target, None, asked.now));
        if let Err(problem) = noted {
            tracing::warn!("a refusal was not written to the audit: {}", problem.message);
        }
    }
    Err(problem.retry(RetryAdvice::Never, "not with these rights; nothing was changed"))
}

/// Unsafe methods: from our own pages, or from a program with a token; in the form that the route reads.
fn judge_form(window: &Window, route: &Route, parts: &Parts) -> Result<(), Problem> {
    if route.method.is_safe() {
        return Ok(());
    }
    let host = window.hosts.of(&parts.headers, &parts.uri).unwrap_or_default();
    if !window.hosts.may_act(&parts.headers, &host, identity::bearer(&parts.headers).is_some()) {
        return Err(Problem::new("web.foreign_origin", "this act does not come from a page of this dashboard")
            .expected("Sec-Fetch-Site: same-origin, or an Origin that is this host; a program shows a token instead")
            .retry(RetryAdvice::SafeAfterFix, "safe from the page itself; nothing was changed"));
    }
    let wanted = if route.kind == Kind::Api { "application/json" } else { "application/x-www-form-urlencoded" };
    let given = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let fits = given.map(|given| given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted));
    let is_empty = parts.headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !parts.headers.contains_key(header::TRANSFER_ENCODING);
    if fits.unwrap_or(is_empty) {
        return Ok(());
    }
    Err(Problem::new("web.content_type", "the body is not in the form that is read here")
        .expected(format!("Content-Type: {wanted}"))
        .got(given.unwrap_or("none").chars().take(60).collect::<String>()))
}

async fn read_body(window: &Window, body: Body) -> Result<Bytes, Problem> {
    let most = window.options.body_max;
    let too_large = |got: String| {
        Problem::new("web.too_large", "the body is too large, or broke off")
            .expected(format!("at most {most} bytes (security.body_max)"))
            .got(got)
    };
    // Who says how much will come is answered before any of it does.
    let said = hyper::body::Body::size_hint(&body).lower();
    if usize::try_from(said).map_or(true, |said| said > most) {
        return Err(too_large(format!("Content-Length: {said}")));
    }
    match tokio::time::timeout(BODY_PATIENCE, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(too_large(error.to_string())),
        Err(_) => Err(Problem::new("web.too_slow", "the body did not come")
            .expected(format!("all of it within {} s", BODY_PATIENCE.as_secs()))
            .retry(RetryAdvice::Safe, "safe now; nothing was changed")),
    }
}

fn is_for_people(route: &Route, parts: &Parts) -> bool {
    let wants_json = parts.uri.query().is_some_and(|query| query.contains("format=json"));
    let is_page = matches!(route.kind, Kind::Page | Kind::Action) || ["/login", "/logout"].contains(&route.path);
    is_page && !wants_json && !parts.headers.contains_key(header::AUTHORIZATION)
}

fn refuse(request: &Request, problem: Problem) -> Answer {
    let path = request.uri().path();
    let people = !["/api/", "/health", "/metrics", "/events", "/static/"].iter().any(|start| path.starts_with(start))
        && request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    answer::problem(&problem, people, &answer::request_id())
}

fn no_such_page(path: &str) -> Problem {
    Problem::new("web.no_such_page", "there is nothing at this address")
        .expected("an address that the navigation or /api/openapi.json names")
        .got(path.chars().take(200).collect::<String>())
        .retry(RetryAdvice::Never, "not at this address")
}

fn wrong_method(request: &Request) -> Problem {
    Problem::new("web.method_unknown", "this address does not know that method")
        .expected("the methods that /api/openapi.json names")
        .got(request.method().as_str().chars().take(20).collect::<String>())
        .retry(RetryAdvice::Never, "not with this method; nothing was changed")
}

fn too_many(what: &str) -> Problem {
    Problem::new("web.too_many", format!("too many {what} in a short time"))
        .expected("security.rate, or less")
        .retry(RetryAdvice::Safe, "safe in a moment; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_as_our_mistake_and_not_in_its_own_words() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(runtime.spawn_blocking(|| panic!("the secret of row 7"))).unwrap_err();
        let problem = failed(&error);
        assert_eq!((&*problem.code, answer::status(&problem)), ("web.failed", StatusCode::INTERNAL_SERVER_ERROR));
        assert!(!problem.to_string().contains("row 7"));
    }
}
