//! What no single key can be judged by: keys that need or exclude each other.

use crate::error::Origin;
use crate::file::{Findings, Place};
use crate::kind::Value;
use workaday_core::explain::Problem;
use workaday_core::visible::masked_url;

/// Adds a problem for each combination that cannot be.
pub fn check(findings: &mut Findings) {
    // A section that is wrong already is not judged for what may only follow from that.
    if !findings.problems.is_empty() {
        return;
    }
    let mut problems = vec![];
    for ((section, name), origin) in &findings.names {
        match *section {
            "command.*" => problems.extend(command(findings, name, origin)),
            "schedules.*" => problems.extend(schedule(findings, name, origin)),
            "alerts.*" => problems.extend(alert(findings, name, origin)),
            _ => {}
        }
    }
    problems.extend(web(findings));
    findings.problems.extend(problems);
}

fn command(findings: &Findings, name: &str, origin: &Origin) -> Vec<Problem> {
    let mut problems = vec![];
    if !has(findings, "command.*", name, "run") {
        problems.push(
            origin
                .problem("config.missing_key", format_args!("[command.{name}] has no `run`"))
                .expected("the program and its arguments: run = [\"pg_dump\", \"shop\"]"),
        );
    }
    let attempts = findings.entries.get(&place("command.*.retry", name, "attempts"));
    if let Some(entry) = attempts
        && flag(findings, "command.*", name, "at_most_once")
        && entry.value != Value::Count(1)
    {
        problems.push(
            entry
                .origin
                .problem("config.contradiction", format_args!("[command.{name}] runs at most once, yet has more than one attempt"))
                .expected("either `at_most_once = true` or `retry.attempts` above 1"),
        );
    }
    problems.extend(in_the_clear(findings, "command.*", "ping", name));
    problems
}

fn schedule(findings: &Findings, name: &str, origin: &Origin) -> Vec<Problem> {
    let mut problems = vec![];
    if !has(findings, "schedules.*", name, "task") {
        problems.push(
            origin.problem("config.missing_key", format_args!("[schedules.{name}] names no task")).expected("task = \"module.function\""),
        );
    }
    let rules: Vec<&str> = ["cron", "every", "at"].into_iter().filter(|key| has(findings, "schedules.*", name, key)).collect();
    if rules.len() != 1 {
        let code = if rules.is_empty() { "config.missing_key" } else { "config.contradiction" };
        let problem = origin.problem(
            code,
            format_args!("[schedules.{name}] says {} when it is due", if rules.is_empty() { "not" } else { "more than once" }),
        );
        let problem = problem.expected("exactly one of `cron`, `every`, `at`");
        problems.push(if rules.is_empty() { problem } else { problem.got(rules.join(", ")) });
    }
    problems.extend(in_the_clear(findings, "schedules.*", "ping", name));
    problems
}

fn alert(findings: &Findings, name: &str, origin: &Origin) -> Vec<Problem> {
    let has_key = |key| has(findings, "alerts.*", name, key);
    let mut problems = vec![];
    if !has_key("webhook") && !has_key("email") {
        problems.push(origin.problem("config.missing_key", format_args!("[alerts.{name}] tells nobody")).expected("`webhook` or `email`"));
    }
    if has_key("email") && !has(findings, "alerts", "", "smtp") {
        problems.push(
            origin
                .problem("config.missing_key", format_args!("[alerts.{name}] has an `email`, but there is no mail server"))
                .expected("smtp = \"smtps://user@host:465\" or another in [alerts]"),
        );
    }
    if has_key("secret") && !has_key("webhook") {
        problems.push(
            origin
                .problem("config.contradiction", format_args!("[alerts.{name}] has a `secret` and no webhook to sign"))
                .expected("`webhook` too"),
        );
    }
    problems.extend(in_the_clear(findings, "alerts.*", "webhook", name));
    // A slip would leave somebody untold, and nobody would notice.
    if let Some(entry) = findings.entries.get(&place("alerts.*", name, "on"))
        && let Value::Texts(words) = &entry.value
    {
        for word in words.iter().filter(|word| !crate::alerts::is_known(word)) {
            let known = crate::alerts::WORDS.iter().copied();
            let listed: Vec<String> = known.clone().map(|word| format!("`{word}`")).collect();
            let problem = entry
                .origin
                .problem("config.impossible_value", format_args!("`alerts.{name}.on` asks for `{word}`, which is no alert"))
                .expected(format!("{}, or a code as `workaday alert list` shows it", listed.join(", ")))
                .got(word.clone());
            problems.push(problem.meant(word, known));
        }
    }
    problems
}

/// Told here, not by the first alert that is not sent. What `env:` and `file:` hold is seen only when it is sent.
fn in_the_clear(findings: &Findings, section: &'static str, key: &'static str, name: &str) -> Option<Problem> {
    let entry = findings.entries.get(&place(section, name, key))?;
    let Value::Text(url) = &entry.value else { return None };
    if !url.starts_with("http://") || flag(findings, "alerts", "", "allow_http") {
        return None;
    }
    let place = format!("{}.{key}", section.replace('*', name));
    let problem =
        entry.origin.problem("config.contradiction", format_args!("`{place}` is sent to in the clear, which [alerts] does not allow"));
    Some(problem.expected("an https:// address, or `allow_http = true` in [alerts]").got(masked_url(url)))
}

/// The window may be seen from outside only behind a login and an address that is stated.
fn web(findings: &Findings) -> Option<Problem> {
    let text = |key| match &findings.entries.get(&place("web", "", key))?.value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    };
    let origin = |key| findings.entries.get(&place("web", "", key)).map_or(Origin::Default, |entry| entry.origin.clone());
    let contradiction = |key, what: String, expected: &'static str| {
        Some(origin(key).problem("config.contradiction", format_args!("{what}")).expected(expected))
    };
    let address = text("bind").unwrap_or("127.0.0.1:7227");
    let public_url = text("public_url");
    if let Some(url) = public_url.filter(|url| url_host(url).is_none()) {
        return contradiction(
            "public_url",
            format!("`web.public_url` is \"{url}\""),
            "http:// or https://, a host, perhaps a port, and no path",
        );
    }
    if text("auth") == Some("proxy") && !has(findings, "web", "", "trusted_proxies") {
        return contradiction(
            "auth",
            "`web.auth` is \"proxy\" and no proxy is trusted: nobody could come in".into(),
            "trusted_proxies = [\"127.0.0.1\"], the addresses from which the proxy connects",
        );
    }
    if is_loopback(host_of(address)) {
        return None;
    }
    if text("auth") == Some("none") {
        return contradiction(
            "auth",
            format!("`web.auth` is \"none\" while `web.bind` is \"{address}\": anybody could see and stop jobs"),
            "auth = \"login\" or \"proxy\", or a loopback address in `web.bind`",
        );
    }
    let is_private = public_url.is_some_and(|url| url.starts_with("https://") || url_host(url).is_some_and(is_loopback));
    (!is_private)
        .then(|| {
            contradiction(
                "bind",
                format!("`web.bind` is \"{address}\", which others can reach, and no `web.public_url` of https says how: passwords would travel in the open"),
                "public_url = \"https://…\" of the proxy in front of it, or a loopback address in `web.bind`",
            )
        })
        .flatten()
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of `https://host:port`, without its port.
fn url_host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?.trim_end_matches('/');
    let fits = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b));
    let host = if rest.ends_with(']') || !rest.contains(':') { rest } else { rest.rsplit_once(':')?.0 };
    fits.then(|| host.trim_matches(['[', ']']))
}

fn place(section: &'static str, name: &str, key: &'static str) -> Place {
    Place { section, name: name.to_owned(), key }
}

fn has(findings: &Findings, section: &'static str, name: &str, key: &'static str) -> bool {
    findings.entries.contains_key(&place(section, name, key))
}

fn flag(findings: &Findings, section: &'static str, name: &str, key: &'static str) -> bool {
    findings.entries.get(&place(section, name, key)).is_some_and(|entry| entry.value == Value::Bool(true))
}
