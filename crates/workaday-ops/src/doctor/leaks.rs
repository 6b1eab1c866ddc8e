//! Secrets where none should be: names of variables, tasks and jobs come out of here, never a value.

use serde_json::Value;
use workaday_store::sqlite::read::{JobFilter, Reader};

/// How values begin that are secrets, whatever their name.
const BEGINNINGS: &[&str] = &["-----BEGIN ", "AKIA", "ghp_", "github_pat_", "glpat-", "sk_live_", "xoxb-", "xoxp-", "eyJhbGciOi"];
const LINES: usize = 50;

fn is_masked(name: &str, mask: &[String]) -> bool {
    let name = name.to_lowercase();
    mask.iter().any(|word| name.contains(word.as_str()))
}

/// Does a value look like a secret by itself: a key's beginning, or a password inside a URL?
fn is_secret(value: &str) -> bool {
    let words = || value.split(|c: char| c.is_whitespace() || "\"'=,;()".contains(c));
    let has_password = |word: &str| {
        let after = word.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let secret = after.and_then(|place| place.rsplit_once('@')).and_then(|(who, _)| who.split_once(':'));
        secret.is_some_and(|(_, password)| !password.is_empty() && !password.chars().all(|c| c == '*'))
    };
    value.contains(BEGINNINGS[0])
        || has_password_word(value)
        || words().any(|word| BEGINNINGS[1..].iter().any(|start| word.starts_with(start)) || has_password(word))
}

/// A connection string of libpq with its password: `host=db dbname=shop password=…`.
fn has_password_word(value: &str) -> bool {
    let named = |name: &str| value.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let is_connection = ["host", "hostaddr", "dbname", "user"].iter().any(|name| named(name).is_some());
    is_connection && named("password").is_some_and(|password| !password.is_empty() && !password.starts_with(['*', '•', '$', '<', '{']))
}

/// Something that stands for a secret rather than being one.
fn is_reference(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    value.len() < 6
        || value.starts_with("env:")
        || value.starts_with("file:")
        || value.starts_with('$')
        || value.starts_with(['*', '•', '<', '[', '{'])
}

/// `password = hunter22`, `token: …`: a masked name, then a value; or a value that is a secret by itself.
pub fn is_telling(line: &str, mask: &[String]) -> bool {
    if is_secret(line) {
        return true;
    }
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = (rest[..at].trim_end_matches([' ', '"', '\'']), &rest[at + 1..]);
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default();
        let value = after.split_whitespace().next().unwrap_or_default();
        if !name.is_empty() && is_masked(name, mask) && !is_reference(value) {
            return true;
        }
        rest = after;
    }
    false
}

fn is_telling_value(name: &str, value: &Value, mask: &[String]) -> bool {
    match value {
        Value::String(text) => is_secret(text) || is_masked(name, mask) && !is_reference(text),
        Value::Array(values) => values.iter().any(|value| is_telling_value(name, value, mask)),
        Value::Object(fields) => fields.iter().any(|(name, value)| is_telling_value(name, value, mask)),
        _ => false,
    }
}

/// Variables of a process that hold a secret.
pub fn environment(pid: i64, mask: &[String]) -> Option<Vec<String>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let pairs = bytes.split(|byte| *byte == 0).map(|pair| String::from_utf8_lossy(pair).into_owned());
    let telling = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (is_secret(value) || is_masked(name, mask) && !is_reference(value)).then(|| name.to_owned())
    });
    Some(telling.collect())
}

/// Tasks among whose newest jobs some hold a secret in their arguments.
pub fn arguments(reader: &Reader, mask: &[String], sample: usize) -> Option<Vec<String>> {
    among(reader, sample, |reader, job| {
        let detail = reader.job(job.id).ok()??;
        let args: Value = serde_json::from_str(&detail.args).ok()?;
        is_telling_value("", &args, mask).then(|| job.task.clone())
    })
}

/// Tasks that printed a secret.
pub fn logs(reader: &Reader, mask: &[String], sample: usize) -> Option<Vec<String>> {
    among(reader, sample, |reader, job| {
        let lines = reader.last_logs(job.key, LINES).ok()?;
        lines.iter().any(|line| is_telling(&line.text, mask)).then(|| job.task.clone())
    })
}

type Summary = workaday_store::sqlite::read::JobSummary;

/// What `look` finds among the newest jobs, each once; `None` when there is no job.
fn among(reader: &Reader, sample: usize, look: impl Fn(&Reader, &Summary) -> Option<String>) -> Option<Vec<String>> {
    let jobs = reader.jobs(&JobFilter { limit: sample, ..JobFilter::default() }).ok()?;
    if jobs.is_empty() {
        return None;
    }
    let mut found: Vec<String> = jobs.iter().filter_map(|job| look(reader, job)).collect();
    found.sort();
    found.dedup();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_told_from_what_only_names_them() {
        let mask = ["password".to_owned(), "token".to_owned()];
        for line in [
            "password=hunter22",
            "db_password: \"correct horse\"",
            "see postgres://app:hunter22@db/shop",
            "-----BEGIN PRIVATE KEY-----",
            "key ghp_abcdefgh",
        ] {
            assert!(is_telling(line, &mask), "{line}");
        }
        for line in [
            "password = env:DB_PASSWORD",
            "the password was changed",
            "token: ***",
            "see https://shop.example/a:b@c",
            "at 12:30 done",
            "postgres://app@db",
        ] {
            assert!(!is_telling(line, &mask), "{line}");
        }
        assert!(is_telling_value("", &json!({"a": [{"api_token": "abcdefgh"}]}), &mask));
        assert!(is_telling_value("", &json!({"dsn": "host=db dbname=shop password=x"}), &[]));
        assert!(!is_telling_value("", &json!({"dsn": "host=db dbname=shop", "text": "password=reset was asked for"}), &[]));
        assert!(!is_telling_value("", &json!({"order": "abcdefgh", "token": null}), &mask));
    }
}
