//! What a key's value may be, and how a written value becomes one that cannot be wrong.

use std::collections::BTreeMap;
use workaday_core::clock::{Length, parse_length};

/// The type of a key. The words of [`Kind::expected`] are those of the refusal and of the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    /// `module:app`, as given to `workaday up`.
    App,
    Path,
    Bool,
    /// A whole number within bounds, both included.
    Count(i64, i64),
    /// A length of time, at least this many microseconds.
    Length(i64),
    /// Bytes: `"512M"`.
    Size,
    /// So many in a time: `"100/m"`.
    Rate,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Where a secret is kept: `env:NAME` or `file:PATH`, never the secret itself.
    Secret,
    /// `https://…`, or where one is kept.
    Url,
    /// A list of text.
    Texts,
    /// A program and its arguments; never a shell line.
    Argv,
    /// `host:port`.
    Address,
    /// Name → text.
    Map,
    /// Any table; judged by the part that reads it.
    Table,
    Share,
    /// An instant with its offset, bare in TOML or as text.
    Instant,
}

/// A value that fits its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Bool(bool),
    Count(i64),
    Length(Length),
    Size(u64),
    Rate(Rate),
    Texts(Vec<String>),
    Map(BTreeMap<String, String>),
    Table(serde_json::Value),
    Share(f64),
}

/// At most `count` in `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub count: u32,
    pub per: Length,
}

/// A value as somebody wrote it, in TOML or in the environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    Text(String),
    Bool(bool),
    Integer(i64),
    Float(f64),
    Instant(String),
    List(Vec<Written>),
    Table(Vec<(String, Written)>),
}

/// Why a written value does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A number where text belongs, and so on.
    Type,
    /// The right type, but no possible value.
    Value,
}

impl Kind {
    /// What belongs here, in words.
    pub fn expected(self) -> String {
        match self {
            Kind::Text => "text".into(),
            Kind::App => "`module:app`, for example \"jobs:app\"".into(),
            Kind::Path => "a path".into(),
            Kind::Bool => "true or false".into(),
            Kind::Count(low, i64::MAX) => format!("a whole number from {low}"),
            Kind::Count(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Length(0) => "a length of time: \"250ms\", \"90s\", \"5m\", \"2h\", \"1d\"".into(),
            Kind::Length(least) => {
                format!(
                    "a length of time of {} or more: \"250ms\", \"90s\", \"5m\", \"2h\", \"1d\"",
                    workaday_core::clock::format_length(Length(least))
                )
            }
            Kind::Size => "a size: \"512M\", \"2G\"".into(),
            Kind::Rate => "a rate: \"10/s\", \"100/m\", \"1000/h\"".into(),
            Kind::Word(words) => format!("one of {}", words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")),
            Kind::Secret => "where the secret is kept: \"env:NAME\" or \"file:PATH\"".into(),
            Kind::Url => "an address such as \"https://hc.example/uuid\", or where it is kept: \"env:NAME\", \"file:PATH\"".into(),
            Kind::Texts => "a list of text: [\"a\", \"b\"]".into(),
            Kind::Argv => "a program and its arguments as a list: [\"pg_dump\", \"shop\"]".into(),
            Kind::Address => "host:port, for example \"127.0.0.1:7227\"".into(),
            Kind::Map => "a table of names and text: { name = \"text\" }".into(),
            Kind::Table => "a table: { name = value }".into(),
            Kind::Share => "a number from 0 to 1".into(),
            Kind::Instant => "an instant with its offset: 2030-01-01T00:00:00Z".into(),
        }
    }

    /// One word for the reference.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Text | Kind::App => "text",
            Kind::Path => "path",
            Kind::Bool => "true / false",
            Kind::Count(..) => "whole number",
            Kind::Length(_) => "length",
            Kind::Size => "size",
            Kind::Rate => "rate",
            Kind::Word(_) => "word",
            Kind::Secret => "env:NAME / file:PATH",
            Kind::Url => "URL",
            Kind::Texts => "list of text",
            Kind::Argv => "program and arguments",
            Kind::Address => "host:port",
            Kind::Map => "names and text",
            Kind::Table => "table",
            Kind::Share => "number",
            Kind::Instant => "instant",
        }
    }

    /// Judges a written value.
    pub fn judge(self, written: &Written) -> Result<Value, Misfit> {
        match (self, written) {
            (Kind::Bool, Written::Bool(value)) => Ok(Value::Bool(*value)),
            (Kind::Count(low, high), Written::Integer(value)) if (low..=high).contains(value) => Ok(Value::Count(*value)),
            (Kind::Count(..), Written::Integer(_)) => Err(Misfit::Value),
            (Kind::Share, Written::Float(value)) => share(*value),
            (Kind::Share, Written::Integer(value)) => share(*value as f64),
            (Kind::Texts, Written::List(items)) => texts(items).map(Value::Texts).ok_or(Misfit::Type),
            (Kind::Argv, Written::List(items)) => argv(texts(items).ok_or(Misfit::Type)?),
            (Kind::Map, Written::Table(entries)) => map(entries).map(Value::Map).ok_or(Misfit::Type),
            (Kind::Table, Written::Table(_)) => Ok(Value::Table(written.to_json())),
            (Kind::Instant, Written::Instant(text)) | (_, Written::Text(text)) => self.judge_text(text),
            _ => Err(Misfit::Type),
        }
    }

    fn judge_text(self, text: &str) -> Result<Value, Misfit> {
        let as_written = |fits: bool| if fits { Ok(Value::Text(text.to_owned())) } else { Err(Misfit::Value) };
        match self {
            Kind::Text | Kind::Path => as_written(!text.is_empty() && !text.contains('\0')),
            Kind::App => as_written(is_app(text)),
            Kind::Address => as_written(is_address(text)),
            Kind::Secret => as_written(is_reference(text)),
            Kind::Url => as_written(is_reference(text) || is_url(text)),
            Kind::Word(words) => as_written(words.contains(&text)),
            Kind::Instant => as_written(text.parse::<jiff::Timestamp>().is_ok()),
            Kind::Length(least) => match parse_length(text) {
                Some(length) if length.0 >= least => Ok(Value::Length(length)),
                _ => Err(Misfit::Value),
            },
            Kind::Size => parse_size(text).filter(|bytes| *bytes > 0).map(Value::Size).ok_or(Misfit::Value),
            Kind::Rate => parse_rate(text).map(Value::Rate).ok_or(Misfit::Value),
            Kind::Bool | Kind::Count(..) | Kind::Share | Kind::Texts | Kind::Argv | Kind::Map | Kind::Table => Err(Misfit::Type),
        }
    }

    /// Reads the text of an environment variable: what TOML writes bare is bare here too, lists take commas or JSON.
    pub fn written_in_environment(self, text: &str) -> Written {
        let plain = || Written::Text(text.to_owned());
        match self {
            Kind::Bool => match text {
                "true" | "1" | "yes" | "on" => Written::Bool(true),
                "false" | "0" | "no" | "off" => Written::Bool(false),
                _ => plain(),
            },
            Kind::Count(..) => text.trim().parse().map(Written::Integer).unwrap_or_else(|_| plain()),
            Kind::Share => text.trim().parse().map(Written::Float).unwrap_or_else(|_| plain()),
            Kind::Texts | Kind::Argv | Kind::Map | Kind::Table => match serde_json::from_str(text) {
                Ok(value @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => Written::from_json(&value),
                _ if self == Kind::Texts => Written::List(
                    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| Written::Text(part.into())).collect(),
                ),
                _ => plain(),
            },
            _ => plain(),
        }
    }
}

impl Written {
    /// The value as the reader wrote it, shortened: for "got".
    pub fn show(&self) -> String {
        let whole = self.to_json().to_string();
        match whole.char_indices().nth(80) {
            Some((cut, _)) => format!("{}…", &whole[..cut]),
            None => whole,
        }
    }

    pub fn kind_word(&self) -> &'static str {
        match self {
            Written::Text(_) => "text",
            Written::Bool(_) => "true / false",
            Written::Integer(_) => "a whole number",
            Written::Float(_) => "a number",
            Written::Instant(_) => "a date or time",
            Written::List(_) => "a list",
            Written::Table(_) => "a table",
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Written::Text(text) | Written::Instant(text) => text.as_str().into(),
            Written::Bool(value) => (*value).into(),
            Written::Integer(value) => (*value).into(),
            Written::Float(value) => serde_json::Number::from_f64(*value).map_or_else(|| value.to_string().into(), Into::into),
            Written::List(items) => items.iter().map(Written::to_json).collect(),
            Written::Table(entries) => entries.iter().map(|(name, value)| (name.clone(), value.to_json())).collect(),
        }
    }

    fn from_json(value: &serde_json::Value) -> Written {
        match value {
            serde_json::Value::Null => Written::Text(String::new()),
            serde_json::Value::Bool(value) => Written::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(value) => Written::Integer(value),
                None => Written::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Written::Text(text.clone()),
            serde_json::Value::Array(items) => Written::List(items.iter().map(Written::from_json).collect()),
            serde_json::Value::Object(entries) => {
                Written::Table(entries.iter().map(|(name, value)| (name.clone(), Written::from_json(value))).collect())
            }
        }
    }
}

fn share(value: f64) -> Result<Value, Misfit> {
    if (0.0..=1.0).contains(&value) { Ok(Value::Share(value)) } else { Err(Misfit::Value) }
}

fn texts(items: &[Written]) -> Option<Vec<String>> {
    items.iter().map(|item| if let Written::Text(text) = item { Some(text.clone()) } else { None }).collect()
}

fn argv(words: Vec<String>) -> Result<Value, Misfit> {
    let runnable = words.first().is_some_and(|program| !program.is_empty()) && words.iter().all(|word| !word.contains('\0'));
    if runnable { Ok(Value::Texts(words)) } else { Err(Misfit::Value) }
}

fn map(entries: &[(String, Written)]) -> Option<BTreeMap<String, String>> {
    entries.iter().map(|(name, value)| if let Written::Text(text) = value { Some((name.clone(), text.clone())) } else { None }).collect()
}

/// Is this `module:attribute`, both dotted Python names?
pub fn is_app(text: &str) -> bool {
    let is_name = |part: &str| {
        part.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    // `jobs.py:app` names the file where the module belongs; Python would look for a module `py` inside `jobs`.
    text.split_once(':')
        .is_some_and(|(module, name)| !module.ends_with(".py") && module.split('.').all(is_name) && name.split('.').all(is_name))
}

/// Does this say where something is kept, rather than what it is?
pub fn is_reference(text: &str) -> bool {
    let kept = text.strip_prefix("env:").or_else(|| text.strip_prefix("file:"));
    kept.is_some_and(|place| !place.is_empty() && !place.contains(['\0', '\n']))
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', '?', '#']) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Reads a size as users write it: `"512M"`, `"2G"`, `"1.5GiB"`; units are powers of 1024. A bare number is refused.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let shift = match unit.to_ascii_uppercase().as_str() {
        "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    let value: f64 = number.trim().parse().ok()?;
    let bytes = value * (1_u64 << shift) as f64;
    (0.0..9e15).contains(&bytes).then_some(bytes as u64)
}

/// Reads a rate: `"100/m"`, `"5/30s"`.
pub fn parse_rate(text: &str) -> Option<Rate> {
    let (count, per) = text.split_once('/')?;
    let per = per.trim();
    let per = if per.starts_with(|c: char| c.is_ascii_digit()) { parse_length(per)? } else { parse_length(&format!("1{per}"))? };
    let count = count.trim().parse().ok().filter(|count| *count > 0)?;
    (per.0 > 0).then_some(Rate { count, per })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_read_as_people_write_them() {
        for (text, bytes) in [("512M", 512 << 20), ("2G", 2 << 30), ("1.5KiB", 1536), ("10 b", 10)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["512", "M", "-1M", "5 apples", "1e99T", ""] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        assert_eq!(parse_rate("100/m"), Some(Rate { count: 100, per: Length::minutes(1) }));
        assert_eq!(parse_rate("5/30s"), Some(Rate { count: 5, per: Length::seconds(30) }));
        for text in ["100", "0/s", "/s", "10/", "10/parsec", "1/0s"] {
            assert_eq!(parse_rate(text), None, "{text}");
        }
    }

    #[test]
    fn an_app_is_a_module_and_a_name() {
        for text in ["jobs:app", "shop.jobs:app", "a.b:c.d"] {
            assert!(is_app(text), "{text}");
        }
        for text in ["jobs", "jobs.py:app", "jobs:", ":app", "1jobs:app", "jobs:my app", "shop..jobs:app"] {
            assert!(!is_app(text), "{text}");
        }
    }

    #[test]
    fn a_number_is_no_text_and_text_is_no_number() {
        assert_eq!(Kind::Length(0).judge(&Written::Integer(10)), Err(Misfit::Type));
        assert_eq!(Kind::Count(1, 9).judge(&Written::Text("3".into())), Err(Misfit::Type));
        assert_eq!(Kind::Count(1, 9).judge(&Written::Integer(0)), Err(Misfit::Value));
        assert_eq!(Kind::Text.judge(&Written::Bool(true)), Err(Misfit::Type));
    }

    #[test]
    fn the_environment_writes_bare_what_toml_writes_bare() {
        assert_eq!(Kind::Count(1, 9).written_in_environment("3"), Written::Integer(3));
        assert_eq!(Kind::Bool.written_in_environment("no"), Written::Bool(false));
        assert_eq!(Kind::Texts.written_in_environment("a, b"), Written::List(vec![Written::Text("a".into()), Written::Text("b".into())]));
        assert_eq!(Kind::Argv.written_in_environment("pg_dump shop").kind_word(), "text");
    }
}
