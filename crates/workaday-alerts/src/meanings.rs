//! What a code means and what to do next, in the words of docs/reference/errors.md.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The words of one code.
#[derive(Clone, Debug, Deserialize)]
pub struct Meaning {
    pub title: String,
    pub meaning: String,
    pub retry: String,
    pub next: String,
}

macro_rules! areas {
    ($($area:literal),+ $(,)?) => {
        &[$(include_str!(concat!("../../../python/workaday/codes/", $area, ".json"))),+]
    };
}

/// The areas that alerts come from.
const AREAS: &[&str] =
    areas!["alert", "command", "cron", "hold", "job", "ping", "queue", "result", "schedule", "storage", "store", "worker"];

pub fn of(code: &str) -> Option<&'static Meaning> {
    static ALL: OnceLock<BTreeMap<String, Meaning>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let read =
            |text: &&str| serde_json::from_str::<BTreeMap<String, Meaning>>(text).expect("the tables of codes are JSON, a test reads them");
        AREAS.iter().flat_map(read).collect()
    });
    all.get(code)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tables_read_and_know_the_alerts() {
        for code in ["job.discarded", "schedule.missed", "queue.latency", "storage.disk_low", "alert.undelivered", "ping.undelivered"] {
            assert!(super::of(code).is_some_and(|words| !words.next.is_empty()), "{code}");
        }
    }
}
