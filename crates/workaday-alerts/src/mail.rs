//! One e-mail by the operator's own mail server: TLS from the first byte or by STARTTLS; in the clear only to this machine.

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};
use std::time::Duration;
use workaday_config::alerts::Alerts;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent.
pub struct Letter<'a> {
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    /// The same in every try: mail programs show one that came twice once.
    pub id: &'a str,
}

/// Sends it and returns what the server said.
pub fn send(alerts: &Alerts, letter: &Letter<'_>) -> Result<String, String> {
    let server = Server::read(alerts.smtp.as_deref().ok_or("[alerts] names no `smtp` server")?)?;
    let message = message(alerts, letter)?;
    let mut builder = server.transport()?.timeout(Some(TIMEOUT));
    if let Some(user) = &server.user {
        let password = alerts.smtp_password.as_ref().ok_or("the mail server has a user, but [alerts] no `smtp_password`")?.read()?;
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    let said = builder.build().send(&message).map_err(|error| crate::post::one_line(&describe(&error)))?;
    Ok(crate::post::one_line(&said.message().collect::<Vec<_>>().join(" ")))
}

/// lettre keeps what the server said in the source of the error.
fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn message(alerts: &Alerts, letter: &Letter<'_>) -> Result<Message, String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    let from = alerts.from.clone().unwrap_or_else(|| format!("workaday@{host}"));
    let mailbox = |text: &str, key: &str| text.parse::<Mailbox>().map_err(|error| format!("`{key}` is no address: {error}"));
    Message::builder()
        .from(mailbox(&from, "from")?)
        .to(mailbox(letter.to, "email")?)
        .subject(crate::post::one_line(letter.subject))
        .message_id(Some(format!("<{}@workaday>", letter.id)))
        .body(letter.text.to_owned())
        .map_err(|error| format!("the message cannot be written: {error}"))
}

/// `smtps://user@host:465`, read.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    tls_at_once: bool,
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Server {
    fn read(text: &str) -> Result<Server, String> {
        let expected = "`smtp` is smtps://user@host:465 or smtp://user@host:587";
        let (scheme, rest) = text.split_once("://").ok_or(expected)?;
        let tls_at_once = match scheme {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(expected.to_owned()),
        };
        let rest = rest.trim_end_matches('/');
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user.replace("%40", "@")), place),
            None => (None, rest),
        };
        if user.as_deref().is_some_and(|user| user.contains(':')) {
            return Err("`smtp` holds a password: put it into `smtp_password`, as env:NAME or file:PATH".to_owned());
        }
        let (host, port) = match place.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')) {
            Some((host, port)) if !place.ends_with(']') => (host, Some(port.parse().map_err(|_| expected)?)),
            _ => (place, None),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        if host.is_empty() { Err(expected.to_owned()) } else { Ok(Server { tls_at_once, user, host, port }) }
    }

    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn transport(&self) -> Result<lettre::transport::smtp::SmtpTransportBuilder, String> {
        let told = |error: lettre::transport::smtp::Error| format!("the mail server {} cannot be used: {error}", self.host);
        let builder = match (self.tls_at_once, self.is_here()) {
            (true, _) => SmtpTransport::relay(&self.host).map_err(told)?,
            (false, true) => SmtpTransport::builder_dangerous(&self.host).port(25),
            (false, false) => SmtpTransport::starttls_relay(&self.host).map_err(told)?,
        };
        Ok(match self.port {
            Some(port) => builder.port(port),
            None => builder,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_as_people_write_it() {
        let server =
            |tls_at_once, user: Option<&str>, host: &str, port| Server { tls_at_once, user: user.map(Into::into), host: host.into(), port };
        assert_eq!(
            Server::read("smtps://ops%40shop.example@mail.example:465"),
            Ok(server(true, Some("ops@shop.example"), "mail.example", Some(465)))
        );
        assert_eq!(Server::read("smtp://mail.example/"), Ok(server(false, None, "mail.example", None)));
        assert_eq!(Server::read("smtp://[::1]:2525"), Ok(server(false, None, "::1", Some(2525))));
        for text in ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:x"] {
            assert!(Server::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_refused_and_not_repeated() {
        let refused = Server::read("smtps://user:hunter2@mail.example").expect_err("a password");
        assert!(refused.contains("smtp_password") && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        let here = |text: &str| Server::read(text).expect("a server").is_here();
        assert!(here("smtp://localhost:25") && here("smtp://127.0.0.1") && here("smtp://[::1]:25"));
        assert!(!here("smtp://mail.example") && !here("smtp://10.0.0.1") && !here("smtp://localhost.example"));
    }
}
