//! One request, read and judged: what a route gets to work on.

use crate::answer::invalid;
use crate::identity::{Identity, Via};
use crate::page::{PageContext, Query, Role, Theme, Viewer};
use crate::routes::{Kind, Place, Route};
use crate::window::Window;
use axum::http::HeaderMap;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use workaday_core::clock::{Timestamp, parse_instant, parse_length};
use workaday_core::explain::Problem;
use workaday_store::{ByHand, Reader};

pub struct Asked<'a> {
    pub window: &'a Arc<Window>,
    pub reader: &'a Reader,
    pub route: &'static Route,
    pub who: Option<Identity>,
    pub path: &'a str,
    /// Path parameters, decoded.
    pub params: &'a [String],
    pub query: &'a Query,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub peer: IpAddr,
    /// People reach this host through TLS.
    pub secure: bool,
    pub now: Timestamp,
}

/// The longest reason that is kept.
const WHY_MAX: usize = 2_000;

impl Asked<'_> {
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// A header that the route declares. Undeclared ones do nothing; one that is no text is refused.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        if !self.route.fields.iter().any(|field| field.name == name && field.place == Place::Header) {
            return Ok(None);
        }
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().map_err(|_| invalid(format!("the header {name} is no text"), "printable ASCII characters"))
    }

    pub fn viewer(&self) -> Viewer {
        self.who.as_ref().map_or_else(|| Viewer { name: "nobody".into(), role: Role::Viewer }, Identity::viewer)
    }

    /// The body as a form.
    pub fn form(&self) -> Query {
        Query::parse(&String::from_utf8_lossy(self.body))
    }

    /// The body as a JSON object; none at all is an empty one.
    pub fn json(&self) -> Result<serde_json::Map<String, Value>, Problem> {
        if self.body.is_empty() {
            return Ok(serde_json::Map::new());
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => {
                Err(invalid("the body is no JSON object", "a JSON object with the fields that /api/openapi.json names").got(kind(&other)))
            }
            Err(error) => {
                Err(Problem::new("web.request_invalid", format!("the body is no JSON: {error}")).expected("a JSON object in UTF-8"))
            }
        }
    }

    /// Who acts, and why: for the audit.
    pub fn by(&self, why: Option<&str>) -> Result<ByHand, Problem> {
        let why = why.map(str::trim).filter(|why| !why.is_empty());
        if why.is_some_and(|why| why.chars().count() > WHY_MAX) {
            return Err(invalid("the reason is too long", format!("at most {WHY_MAX} characters")));
        }
        Ok(ByHand { who: self.viewer().name, why: why.map(str::to_owned) })
    }

    pub fn page_context(&self) -> PageContext {
        let options = &self.window.options;
        let theme = crate::identity::cookie(self.headers, "theme").and_then(Theme::parse).unwrap_or_default();
        let region = self.query.get("region").map(str::to_owned);
        // A part of a page, or a program, must not eat what the whole page has to say.
        let notice = match self.who.as_ref().map(|who| &who.via) {
            Some(Via::Session(session)) if self.route.kind == Kind::Page && region.is_none() && self.query.get("format").is_none() => {
                self.window.undos.told(session)
            }
            _ => None,
        };
        let (notice, undo) = notice.map_or((None, None), |notice| (Some(notice.text), notice.undo));
        PageContext {
            now: self.now,
            viewer: self.viewer(),
            app: options.app.clone(),
            environment: options.environment.clone(),
            release: options.release.clone(),
            path: self.path.to_owned(),
            params: self.params.to_vec(),
            query: self.query.clone(),
            theme,
            region,
            notice,
            undo,
            schedules_zone: self.window.options.schedules_zone.clone(),
            zone: options.zone.clone(),
            async_slots: options.async_slots,
            mask: options.mask.clone(),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An instant, or a length from now; to come.
pub fn until(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = match parse_length(text) {
        Some(length) => now + length,
        None => instant(text, "until")?,
    };
    if !workaday_engine::order::is_instant(at) {
        return Err(invalid("`until` is in no year that clients can read", "an instant of the years 1 to 9999, or a length: 2h").got(text));
    }
    if at <= now {
        return Err(invalid(format!("`until` is {at}, which is past"), "an instant to come, or a length: 2h").got(text));
    }
    Ok(Some(at))
}

/// An instant with its offset.
pub fn instant(text: &str, name: &str) -> Result<Timestamp, Problem> {
    parse_instant(text).ok_or_else(|| {
        invalid(format!("`{name}` is no instant"), "an instant with its offset: 2030-01-01T00:00:00Z")
            .got(text.chars().take(60).collect::<String>())
    })
}
