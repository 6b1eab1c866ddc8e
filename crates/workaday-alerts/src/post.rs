//! One HTTP POST: its name is looked up once and the connection goes to that answer; no redirect, no proxy, five seconds.

use crate::address::{masked, refused};
use std::fmt;
use std::time::Duration;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// The whole request, look-up and answer included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is sent, and the most that is read.
pub const BYTES_MAX: usize = 64 * 1024;
/// So much of an answer is kept for people.
const SHOWN: usize = 300;

/// What the operator has allowed beyond `https://` to public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    pub http: bool,
    pub private: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Its beginning, on one line.
    pub text: String,
}

/// Sends a body; any answer outside 200 to 299 is an error, in words that hold no secret.
pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8], allowed: Allowed) -> Result<Answer, String> {
    if body.len() > BYTES_MAX {
        return Err(format!("the body has {} bytes, more than {BYTES_MAX}", body.len()));
    }
    if !(url.starts_with("https://") || (allowed.http && url.starts_with("http://"))) {
        let hint = if url.starts_with("http://") { "; `allow_http = true` in [alerts] sends in the clear" } else { "" };
        return Err(format!("{} is refused: only https:// is sent to{hint}", masked(url)));
    }
    let config = Config::builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        // A proxy of the environment would look the name up itself, past the guard.
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("workaday/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::with_parts(config, DefaultConnector::default(), Guarded { allow_private: allowed.private });
    let request = headers.iter().fold(agent.post(url), |request, (name, value)| request.header(*name, *value));
    let mut answer = request.send(body).map_err(|error| without(url, &error))?;
    let status = answer.status().as_u16();
    let read = answer.body_mut().with_config().limit(BYTES_MAX as u64).lossy_utf8(true).read_to_string();
    // The status has decided; what follows it is only for people.
    // Many servers say the path back when they know it not, and the path is the secret.
    let text = one_line(&concealed(url, &read.unwrap_or_default()));
    match status {
        200..=299 => Ok(Answer { status, text }),
        300..=399 => Err(format!("answered {status}: redirects are not followed; name the address it leads to")),
        _ if text.is_empty() => Err(format!("answered {status}")),
        _ => Err(format!("answered {status}: {text}")),
    }
}

/// Looks the name up as usual, and refuses the whole answer when one address of it must not be reached.
#[derive(Debug)]
struct Guarded {
    allow_private: bool,
}

#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let bad = found.iter().find_map(|address| Some((address.ip(), refused(address.ip(), self.allow_private)?)));
        match bad {
            None => Ok(found),
            Some((address, why)) => {
                let host = uri.host().unwrap_or_default();
                let said = format!("{host} is refused: {address} is {why}; `allow_private = true` in [alerts] allows private ones");
                Err(ureq::Error::Other(Box::new(Refused(said))))
            }
        }
    }
}

/// The error in words, without the URL.
fn without(url: &str, error: &ureq::Error) -> String {
    let said = match error {
        ureq::Error::Other(inner) => inner.to_string(),
        ureq::Error::Timeout(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        other => other.to_string(),
    };
    one_line(&concealed(url, &said))
}

/// A part of a URL this short is no secret, and hiding it would tear words.
const SECRET_MIN: usize = 6;

/// Text without the URL, its path and query, or a part of them.
fn concealed(url: &str, text: &str) -> String {
    let mut said = text.replace(url, &masked(url));
    let tail = url.splitn(4, '/').nth(3).unwrap_or_default();
    let user = url.split("://").nth(1).and_then(|rest| rest.split('/').next()?.rsplit_once('@')).map_or("", |(user, _)| user);
    let mut parts = vec![tail];
    parts.extend(tail.split(['/', '?', '&', '=', '#']));
    parts.extend(user.split(':'));
    // The longest first, so that no piece of one is left over.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts.into_iter().filter(|part| part.len() >= SECRET_MIN) {
        said = said.replace(part, "…");
    }
    said
}

/// Text of somebody else, short and without control characters.
pub fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}
