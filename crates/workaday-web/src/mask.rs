//! Secrets that came into arguments, messages and addresses: never shown, whoever looks.

use serde_json::Value;

const HIDDEN: &str = "••••";

/// JSON with the values of names like `password` hidden. `names`: parts of names, in lower case.
pub fn value(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let lower = name.to_lowercase();
                if names.iter().any(|part| lower.contains(part.as_str())) {
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

/// Text with the passwords of addresses hidden: `postgresql://shop:••••@db/shop`.
pub fn text(given: &str) -> String {
    let mut shown = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + 3);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '<' | '>' | '?' | '#')).unwrap_or(after.len());
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
    fn only_passwords_of_addresses_are_hidden() {
        for (given, shown) in [
            ("see https://example.org/a:b@c", "see https://example.org/a:b@c"),
            ("redis://:pw@host/0 and amqp://u:p@h", "redis://:••••@host/0 and amqp://u:••••@h"),
            ("mailto a:b@c", "mailto a:b@c"),
            ("ftp://user@host", "ftp://user@host"),
        ] {
            assert_eq!(text(given), shown);
        }
    }
}
