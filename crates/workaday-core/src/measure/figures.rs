//! What is known of one series in one minute: counts, histograms, and the statements that were repeated.

use super::histogram::Histogram;
use std::collections::BTreeMap;

/// Repeated statements kept of a series a minute: the ones with the most calls.
pub const STATEMENTS_MAX: usize = 8;

macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        /// What has a histogram. The name carries the unit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $($(#[$doc])* $variant),+ }
        impl Metric {
            pub const ALL: &'static [Metric] = &[$(Metric::$variant),+];
            pub const COUNT: usize = Self::ALL.len();
            pub const fn as_str(self) -> &'static str {
                match self { $(Metric::$variant => $word),+ }
            }
            pub fn named(word: &str) -> Option<Metric> {
                match word { $($word => Some(Metric::$variant),)+ _ => None }
            }
        }
    };
}

metrics! {
    /// Wall time of an attempt; of a response until its last byte.
    Run = "run_us",
    /// From when it was due to its start.
    Wait = "wait_us",
    /// Processor time of the attempt alone, where it can be told apart.
    Cpu = "cpu_us",
    /// Greatest resident size of the process that ran it.
    Memory = "memory_kib",
    /// Database statements.
    DbCalls = "db_calls",
    /// Time spent waiting for them.
    DbTime = "db_us",
    /// Outgoing HTTP calls.
    HttpCalls = "http_calls",
    HttpTime = "http_us",
    /// Length of the response's body.
    ResponseBytes = "response_bytes",
}

/// One statement, literals stripped, that single runs called again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Runs that repeated it often enough to be suspected of an N+1.
    pub runs: u64,
    /// The most calls of one run.
    pub calls_max: u64,
}

/// Figures of one series; two of them add up. A histogram without any record means "not known", not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Runs or responses.
    pub count: u64,
    /// Failed attempts; responses of 500 and above, and those that broke off.
    pub errors: u64,
    /// Succeeded, but not as `expects=` says.
    pub unexpected: u64,
    /// Responses of 400 to 499.
    pub refused: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    /// By [`Metric`], see [`Figures::of`].
    pub histograms: [Histogram; Metric::COUNT],
    /// Suspects of an N+1 by their text.
    pub statements: BTreeMap<String, Statement>,
}

impl Figures {
    pub fn of(&self, metric: Metric) -> &Histogram {
        &self.histograms[metric as usize]
    }

    pub fn set(&mut self, metric: Metric, histogram: Histogram) {
        self.histograms[metric as usize] = histogram;
    }

    pub fn record(&mut self, metric: Metric, value: u64) {
        self.histograms[metric as usize].record(value);
    }

    pub fn suspect(&mut self, statement: &str, calls: u64) {
        let known = self.statements.entry(statement.to_owned()).or_default();
        known.runs += 1;
        known.calls_max = known.calls_max.max(calls);
        self.bound_statements();
    }

    pub fn merge(&mut self, other: &Figures) {
        self.count += other.count;
        self.errors += other.errors;
        self.unexpected += other.unexpected;
        self.refused += other.refused;
        self.cache_hits += other.cache_hits;
        self.cache_misses += other.cache_misses;
        self.histograms.iter_mut().zip(&other.histograms).for_each(|(ours, theirs)| ours.merge(theirs));
        for (text, statement) in &other.statements {
            let known = self.statements.entry(text.clone()).or_default();
            known.runs += statement.runs;
            known.calls_max = known.calls_max.max(statement.calls_max);
        }
        self.bound_statements();
    }

    /// Hits among all that were asked of a cache; `None` when none was.
    pub fn cache_hit_share(&self) -> Option<f64> {
        let asked = self.cache_hits + self.cache_misses;
        (asked > 0).then(|| self.cache_hits as f64 / asked as f64)
    }

    fn bound_statements(&mut self) {
        while self.statements.len() > STATEMENTS_MAX {
            let least = self.statements.iter().min_by_key(|(_, statement)| (statement.calls_max, statement.runs));
            let Some(text) = least.map(|(text, _)| text.clone()) else { return };
            self.statements.remove(&text);
        }
    }

    /// `{"SELECT …": [runs, calls_max]}`, or `None`: how the store keeps it.
    pub fn statements_json(&self) -> Option<String> {
        let object: serde_json::Map<String, serde_json::Value> =
            self.statements.iter().map(|(text, s)| (text.clone(), serde_json::json!([s.runs, s.calls_max]))).collect();
        (!object.is_empty()).then(|| serde_json::Value::Object(object).to_string())
    }

    /// The other way. What cannot be read is left out: it is a hint, and no figure.
    pub fn read_statements(&mut self, json: &str) {
        let read: BTreeMap<String, (u64, u64)> = serde_json::from_str(json).unwrap_or_default();
        self.statements = read.into_iter().map(|(text, (runs, calls_max))| (text, Statement { runs, calls_max })).collect();
        self.bound_statements();
    }
}
