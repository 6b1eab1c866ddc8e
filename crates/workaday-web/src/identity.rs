//! Who asks: a session, a token, a user that a trusted proxy names, or nobody.

use crate::page::{Role, Viewer};
use crate::secrets::{self, TOKEN_PREFIX};
use crate::window::Window;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;
use workaday_config::settings::Auth;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_store::Reader;
use workaday_store::sqlite::access::Hash;

/// A session ends after this long without a request …
pub const IDLE: Length = Length::hours(12);
/// … and after this long in any case.
pub const LONGEST: Length = Length::days(7);
/// How often it is written that a session or token is in use.
const NOTED_EVERY: Length = Length::minutes(5);

/// How somebody was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    Session(Hash),
    /// The parts of the API that it opens.
    Token(Vec<String>),
    Proxy,
    /// `web.auth = "none"`.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub role: Role,
    pub via: Via,
}

impl Identity {
    pub fn viewer(&self) -> Viewer {
        Viewer { name: self.name.clone(), role: self.role }
    }

    /// The scope `all` opens every part that the role allows.
    pub fn has_scope(&self, wanted: &str) -> bool {
        match &self.via {
            Via::Token(scopes) => scopes.iter().any(|scope| scope == "all" || scope == wanted),
            _ => true,
        }
    }
}

/// The cookie's name. `__Host-` binds it to this very host and to TLS; on loopback without TLS browsers refuse that
/// prefix, so the port stands in the name: two stores on one machine do not log each other out.
pub fn cookie_name(secure: bool, port: u16) -> String {
    if secure { "__Host-workaday".to_owned() } else { format!("workaday-{port}") }
}

pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(own, _)| *own == name).map(|(_, value)| value))
}

pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Who asks. `connected` is the other end of the connection, whatever it says of others. A token that is shown and wrong is nobody, whatever cookie comes along.
pub fn of(window: &Window, reader: &Reader, headers: &HeaderMap, connected: IpAddr, secure: bool) -> Result<Option<Identity>, Problem> {
    let now = window.now();
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers).map_or(Ok(None), |token| of_token(window, reader, token, now));
    }
    match window.options.auth {
        Auth::Nobody => return Ok(Some(Identity { name: "anybody".into(), role: Role::Admin, via: Via::Open })),
        Auth::Proxy if window.options.trusted_proxies.contains(&connected) => {
            // Two of them are a caller's own beside the proxy's: nobody can say which is which.
            let mut all = headers.get_all("x-forwarded-user").iter();
            let (first, more) = (all.next(), all.next());
            let named = first.filter(|_| more.is_none()).and_then(|value| value.to_str().ok()).filter(|name| is_name(name));
            return Ok(named.map(|name| Identity { name: name.to_owned(), role: role_of(window, name), via: Via::Proxy }));
        }
        Auth::Proxy | Auth::Login => {}
    }
    let Some(secret) = cookie(headers, &cookie_name(secure, window.port)) else { return Ok(None) };
    of_session(window, reader, secret, now)
}

/// A name as it may stand in the audit.
pub fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count()) && name.chars().all(|c| c.is_alphanumeric() || "@._-+ ".contains(c))
}

fn role_of(window: &Window, name: &str) -> Role {
    window.options.roles.get(name).and_then(|role| role.parse().ok()).unwrap_or(Role::Viewer)
}

fn of_session(window: &Window, reader: &Reader, secret: &str, now: Timestamp) -> Result<Option<Identity>, Problem> {
    let hash = secrets::hash(secret);
    let Some(session) = reader.session(&hash).map_err(|error| error.problem())? else { return Ok(None) };
    let role = session.role.as_deref().and_then(|role| role.parse().ok());
    let Some(role) = role.filter(|_| now < session.ends_at && now < session.seen_at + IDLE) else { return Ok(None) };
    if now > session.seen_at + NOTED_EVERY {
        window.noting(|store| store.touch_session(&hash, now));
    }
    Ok(Some(Identity { name: session.who, role, via: Via::Session(hash) }))
}

fn of_token(window: &Window, reader: &Reader, token: &str, now: Timestamp) -> Result<Option<Identity>, Problem> {
    if !token.starts_with(TOKEN_PREFIX) || token.len() > 100 {
        return Ok(None);
    }
    // Looked up by the hash of 256 random bits: how long that takes tells nothing about a token that exists.
    let hash = secrets::hash(token);
    let Some(row) = reader.token(&hash).map_err(|error| error.problem())? else { return Ok(None) };
    let role = row.role.parse().ok();
    let Some(role) = role.filter(|_| row.expires_at.is_none_or(|ends| now < ends)) else { return Ok(None) };
    if row.used_at.is_none_or(|used| now > used + NOTED_EVERY) {
        window.noting(|store| store.touch_token(&hash, now));
    }
    let scopes = row.scopes.split_whitespace().map(str::to_owned).collect();
    Ok(Some(Identity { name: format!("token {}", row.name), role, via: Via::Token(scopes) }))
}
