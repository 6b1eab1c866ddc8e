//! Secrets that came into arguments, messages and addresses: never shown, whoever looks.

use serde_json::Value;

const HIDDEN: &str = "••••";

/// JSON with the values of names like `password` hidden. `names`: parts of names, in lower case.
pub fn value(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if is_secret(name, names) {
                    *field = Value::String(HIDDEN.to_owned());
                } else {
                    self::value(field, names);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| self::value(item, names)),
        Value::String(held) => *held = text(held),
        _ => {}
    }
}

fn is_secret(name: &str, names: &[String]) -> bool {
    let lower = name.to_lowercase();
    names.iter().any(|part| lower.contains(part.as_str()))
}

/// The declaration of a task. Its parameters are names and types, and one may well be called `password`: of that one, only
/// what it is preset with is hidden.
pub fn declaration(whole: &mut Value, names: &[String]) {
    let params = whole.get_mut("params").map(Value::take);
    value(whole, names);
    if let Some(mut params) = params {
        schema(&mut params, names);
        whole["params"] = params;
    }
}

fn schema(given: &mut Value, names: &[String]) {
    match given {
        Value::Object(fields) => {
            for (word, field) in fields.iter_mut() {
                match (word.as_str(), field) {
                    ("default", preset) => value(preset, names),
                    ("properties", Value::Object(parameters)) => {
                        for (name, parameter) in parameters.iter_mut() {
                            if let Some(preset) = parameter.get_mut("default").filter(|_| is_secret(name, names)) {
                                *preset = HIDDEN.into();
                            }
                            schema(parameter, names);
                        }
                    }
                    (_, field) => schema(field, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| schema(item, names)),
        Value::String(held) => *held = text(held),
        _ => {}
    }
}

/// Text with the passwords of addresses hidden, `postgresql://shop:••••@db/shop`, and the values of `password=…` and its like.
pub fn text(given: &str) -> String {
    assignments(&addresses(given))
}

/// Names whose values are hidden wherever a text says `name=value`: connection strings of libpq, queries of addresses,
/// calls in tracebacks.
const NAMES: [&str; 8] = ["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "access_key"];

fn assignments(given: &str) -> String {
    let mut shown = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(equals) = rest.find('=') {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let from = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = before[from..].to_ascii_lowercase().replace('-', "_");
        shown.push_str(&rest[..=equals]);
        rest = after;
        if !NAMES.iter().any(|hidden| name.ends_with(hidden)) {
            continue;
        }
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = match quote {
            Some(quote) => after[1..].find(quote).map_or(after.len(), |end| end + 2),
            None => after
                .find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',' | ')' | '"' | '\'' | '<' | '>'))
                .unwrap_or(after.len()),
        };
        if value > 0 {
            shown.push_str(HIDDEN);
        }
        rest = &after[value..];
    }
    shown.push_str(rest);
    shown
}

fn addresses(given: &str) -> String {
    let mut shown = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + 3);
        shown.push_str(before);
        // In the path of a web address `:` and `@` are ordinary. A database's has no such path, and its password may hold
        // anything: an address that does not parse for just that reason is what its error message shows.
        let is_web = ["http", "https", "ws", "wss"].iter().any(|web| before[..scheme].to_ascii_lowercase().ends_with(web));
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>') || is_web && matches!(c, '/' | '?' | '#');
        let end = after.find(ends).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => {
                shown.push_str(&format!("{user}:{HIDDEN}@{host}"));
            }
            None => shown.push_str(authority),
        }
        rest = tail;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_at_every_depth() {
        let names = ["password".to_owned(), "token".to_owned()];
        let mut given =
            json!({"order_id": 42, "Password": "p", "deep": [{"api_token": {"a": 1}}], "dsn": "postgresql://shop:pw@db:5432/shop"});
        value(&mut given, &names);
        assert_eq!(
            given,
            json!({"order_id": 42, "Password": "••••", "deep": [{"api_token": "••••"}], "dsn": "postgresql://shop:••••@db:5432/shop"})
        );
    }

    #[test]
    fn a_parameter_keeps_its_type_and_loses_what_it_is_preset_with() {
        let names = ["password".to_owned()];
        let mut given = json!({
            "name": "shop.sync", "schedules": [{"args": {"password": "p"}}],
            "params": {"type": "object", "properties": {
                "password": {"type": "string", "default": "p"}, "default": {"type": "integer"},
                "dsn": {"default": "redis://:p@host/0"}, "login": {"default": {"password": "p"}, "properties": {"password": {"default": "p"}}},
            }},
        });
        declaration(&mut given, &names);
        let expected = json!({
            "name": "shop.sync", "schedules": [{"args": {"password": "••••"}}],
            "params": {"type": "object", "properties": {
                "password": {"type": "string", "default": "••••"}, "default": {"type": "integer"},
                "dsn": {"default": "redis://:••••@host/0"},
                "login": {"default": {"password": "••••"}, "properties": {"password": {"default": "••••"}}},
            }},
        });
        assert_eq!(given, expected);
    }

    #[test]
    fn only_passwords_are_hidden() {
        for (given, shown) in [
            ("see https://example.org/a:b@c", "see https://example.org/a:b@c"),
            ("redis://:pw@host/0 and amqp://u:p@h", "redis://:••••@host/0 and amqp://u:••••@h"),
            ("mailto a:b@c", "mailto a:b@c"),
            ("ftp://user@host", "ftp://user@host"),
            ("postgresql://shop:a/b?c#d@e@db/shop failed", "postgresql://shop:••••@db/shop failed"),
            ("host=db user=shop password=s3cret dbname=shop", "host=db user=shop password=•••• dbname=shop"),
            ("connect(password='a b c', timeout=3)", "connect(password=••••, timeout=3)"),
            ("https://x.example/?a=1&api-key=k1&b=2", "https://x.example/?a=1&api-key=••••&b=2"),
            ("max_tokens=512 tokens=3 password= é=1", "max_tokens=512 tokens=3 password= é=1"),
        ] {
            assert_eq!(text(given), shown);
        }
    }
}
