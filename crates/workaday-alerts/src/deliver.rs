//! One message to one receiver: the webhook or the mailbox of an `[alerts.NAME]`.

use crate::post::{Allowed, post};
use crate::{mail, notice, sign};
use serde_json::Value;
use workaday_config::alerts::{Alerts, Route};
use workaday_core::clock::Timestamp;

/// A route may have both; each is delivered, and fails, on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Webhook,
    Email,
}

impl Channel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Webhook => "webhook",
            Channel::Email => "email",
        }
    }

    pub fn of(route: &Route) -> impl Iterator<Item = Channel> + use<> {
        let webhook = route.webhook.is_some().then_some(Channel::Webhook);
        let email = route.email.is_some().then_some(Channel::Email);
        webhook.into_iter().chain(email)
    }
}

/// `ops:webhook`: the name under which deliveries are kept.
pub fn name(route: &Route, channel: Channel) -> String {
    format!("{}:{}", route.name, channel.as_str())
}

/// The route and channel of such a name, if the settings still have it.
pub fn find<'a>(alerts: &'a Alerts, name: &str) -> Option<(&'a Route, Channel)> {
    alerts
        .routes
        .iter()
        .find_map(|route| Channel::of(route).find(|channel| self::name(route, *channel) == name).map(|channel| (route, channel)))
}

/// What the operator allows beyond public https.
pub fn allowed(alerts: &Alerts) -> Allowed {
    Allowed { http: alerts.allow_http, private: alerts.allow_private }
}

/// Sends; the text is what came back.
pub fn send(alerts: &Alerts, route: &Route, channel: Channel, body: &str, now: Timestamp) -> Result<String, String> {
    let read: Value = serde_json::from_str(body).map_err(|error| format!("the stored body cannot be read: {error}"))?;
    let id = read["id"].as_str().unwrap_or_default();
    match channel {
        Channel::Email => {
            let to = route.email.as_deref().ok_or("no `email`")?;
            let app = read["app"].as_str().map_or_else(|| "workaday".to_owned(), |app| format!("workaday {app}"));
            let subject = format!("[{app}] {}", notice::headline(&read));
            mail::send(alerts, &mail::Letter { to, subject: &subject, text: &notice::letter(&read), id })
        }
        Channel::Webhook => {
            let url = route.webhook.as_ref().ok_or("no `webhook`")?.read()?;
            let signature = match &route.secret {
                Some(secret) => Some(sign::sign(&secret.read()?, body, now)),
                None => None,
            };
            let mut headers = vec![("Content-Type", "application/json"), ("Workaday-Id", id), ("Idempotency-Key", id)];
            headers.extend(signature.as_deref().map(|signature| (sign::HEADER, signature)));
            let answer = post(&url, &headers, body.as_bytes(), allowed(alerts))?;
            Ok(if answer.text.is_empty() {
                format!("answered {}", answer.status)
            } else {
                format!("answered {}: {}", answer.status, answer.text)
            })
        }
    }
}
