//! Who can reach it, who may come in, and where secrets lie about.

use super::facts::{Facts, Security};
use super::proxy::{Limit, Proxy};
use super::{Ask, Check, State, Sure, ask, either, few, size};

const BODY_MAX: usize = 16 << 20;
const OFF: &str = "the dashboard is not served now";

const EXPOSURE: Ask = ask(
    "security.exposure",
    Sure::Stated,
    "the dashboard on 127.0.0.1, a proxy with TLS before it",
    "[web] bind = \"127.0.0.1:…\"; packaging has nginx and Caddy files",
);
const LOGIN: Ask =
    ask("security.login", Sure::Stated, "`auth = \"login\"`, or a trusted proxy that names the user", "[web] auth = \"login\"");
const TLS: Ask = ask("security.public_url", Sure::Stated, "https, or nothing public", "[web] public_url = \"https://…\"");
const USERS: Ask = ask("security.users", Sure::Measured, "a user for each person", "workaday user add NAME");
const TOKENS: Ask =
    ask("security.tokens", Sure::Measured, "no token without an end", "workaday token create --expires 90d; workaday token revoke NAME");
const ENVIRONMENT: Ask = ask(
    "security.environment",
    Sure::Inferred,
    "no secret in the supervisor's environment: every child and command inherits it",
    "a file that only the app reads, or LoadCredential= in the unit",
);
const ARGUMENTS: Ask =
    ask("security.arguments", Sure::Inferred, "no secret among stored arguments", "pass an id, and let the task look the secret up");
const LOGS: Ask = ask(
    "security.logs",
    Sure::Inferred,
    "no secret in the lines that jobs print",
    "print less; `[security] mask` hides names in pages, not in lines",
);
const CONFIG: Ask = ask(
    "security.config",
    Sure::Measured,
    "workaday.toml that others cannot write, and not read when it holds secrets",
    "chmod 640 workaday.toml; keep secrets as env:NAME or file:PATH",
);
const DOTENV: Ask = ask("security.dotenv", Sure::Measured, ".env with 0600", "chmod 600 .env");
const BODY: Ask = ask("security.body_max", Sure::Stated, "requests of 16 MiB at most", "[security] body_max = \"1MiB\"");
const PROXY: Ask = ask(
    "security.proxy_body_max",
    Sure::Stated,
    "16 MiB or less at each place where nginx or Caddy passes requests on",
    "nginx: client_max_body_size 10m; Caddy: request_body { max_size 10MB }",
);
const HEADERS: Ask = ask(
    "security.headers",
    Sure::Measured,
    "nosniff, a content security policy, no referrer, no frames",
    "let the proxy pass the headers; see [security] headers",
);

/// Does it listen for this machine alone?
fn is_local(bind: &str) -> bool {
    let host = bind.rsplit_once(':').map_or(bind, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.starts_with("127.") || host == "::1" || bind.starts_with('/') || bind.starts_with("unix:")
}

pub fn checks(facts: &Facts) -> Vec<Check> {
    let security = &facts.security;
    vec![
        exposure(security),
        login(security),
        TLS.is(
            either(security.public_url.as_ref().is_none_or(|url| url.starts_with("https://")), State::Warn),
            security.public_url.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        USERS.of(security.users, "the store could not be asked", |users| {
            let is_needed = security.is_served && security.auth == "login";
            (either(users > 0 || !is_needed, State::Warn), users.to_string())
        }),
        TOKENS.without(security.endless_tokens.as_deref(), State::Warn, "the store could not be asked"),
        ENVIRONMENT.without(security.environment.as_deref(), State::Warn, "no supervisor whose environment could be read"),
        ARGUMENTS.without(security.arguments.as_deref(), State::Red, "no job to look at"),
        LOGS.without(security.logs.as_deref(), State::Red, "no line to look at"),
        CONFIG.of(security.config_mode, "there is no workaday.toml", |mode| {
            let state = match (mode & 0o022, security.config_holds_secrets && mode & 0o044 != 0) {
                (0, false) => State::Ok,
                (0, true) => State::Warn,
                _ => State::Red,
            };
            (state, format!("{:04o}", mode & 0o7777))
        }),
        DOTENV.of(security.dotenv_mode, "the folder could not be read", |mode| match mode {
            None => (State::Ok, "there is none".to_owned()),
            Some(mode) => (either(mode & 0o077 == 0, State::Red), format!("{:04o}", mode & 0o7777)),
        }),
        BODY.is(either(security.body_max <= BODY_MAX, State::Warn), size(security.body_max as u64)),
        proxy(security.proxy.as_ref()),
        HEADERS.of(security.missing_headers.as_ref(), OFF, |missing| match missing.is_empty() {
            true => (State::Ok, "all are sent".to_owned()),
            false => (State::Red, format!("not sent: {}", few(missing))),
        }),
    ]
}

/// Wide open is a finding even where not all was understood; well it is only where all was.
fn proxy(found: Option<&Proxy>) -> Check {
    let Some(found) = found else {
        return PROXY.is(State::Unknown, "neither nginx nor Caddy is configured where they usually are");
    };
    match (found.widest, &found.open) {
        (Some(Limit::Endless), _) => PROXY.is(State::Warn, format!("no limit in {}", found.file)),
        (Some(Limit::Bytes(bytes)), _) if bytes > BODY_MAX as u64 => PROXY.is(State::Warn, format!("{} in {}", size(bytes), found.file)),
        (_, Some(why)) => PROXY.is(State::Unknown, format!("{}: {why}", found.file)),
        (None, None) => PROXY.is(State::Unknown, format!("{} passes no requests on", found.file)),
        (Some(Limit::Bytes(bytes)), None) => PROXY.is(State::Ok, format!("{} in {}", size(bytes), found.file)),
    }
}

fn exposure(security: &Security) -> Check {
    match (security.is_served, is_local(&security.bind), security.auth) {
        (false, ..) => EXPOSURE.is(State::Ok, "the dashboard is switched off"),
        (true, true, _) => EXPOSURE.is(State::Ok, security.bind.clone()),
        (true, false, "none") => EXPOSURE.is(State::Red, format!("{}, and nobody has to log in", security.bind)),
        (true, false, _) => EXPOSURE.is(State::Warn, format!("{}: every network of this machine, without TLS", security.bind)),
    }
}

fn login(security: &Security) -> Check {
    let state = match security.auth {
        "none" => State::Red,
        "proxy" if !security.has_proxies => State::Red,
        _ => State::Ok,
    };
    let why = if security.auth == "proxy" && !security.has_proxies { "proxy, and no `trusted_proxies`" } else { security.auth };
    LOGIN.is(either(state == State::Ok || !security.is_served, state), why)
}
