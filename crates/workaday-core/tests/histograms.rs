//! Histograms: the vector file that Python holds to as well, and what must be true of any numbers.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use workaday_core::clock::Timestamp;
use workaday_core::measure::histogram::{BUCKETS_MAX, bucket_of, value_of};
use workaday_core::measure::{Figures, Histogram, Metric, Series, SeriesKind, line};

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn rust_counts_as_the_vectors_say_and_as_python_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/histograms.jsonl");
    let text = std::fs::read_to_string(path).expect("tests/vectors/histograms.jsonl");
    let mut seen = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).expect("JSON");
        let mut histogram = Histogram::default();
        for pair in vector["values"].as_array().expect("pairs") {
            histogram.record_many(pair[0].as_u64().expect("a value"), pair[1].as_u64().expect("a count"));
        }
        let buckets: Vec<Value> = histogram.buckets().map(|(value, count)| json!([value, count])).collect();
        assert_eq!(Value::from(buckets), vector["buckets"], "{}", vector["name"]);
        assert_eq!(json!([histogram.count(), histogram.sum(), histogram.max()]), json!([vector["count"], vector["sum"], vector["max"]]));
        assert_eq!(hex(&histogram.encode()), vector["blob"], "{}", vector["name"]);
        for quantile in vector["quantiles"].as_array().expect("pairs") {
            let share = quantile[0].as_f64().expect("a share");
            assert_eq!(json!(histogram.quantile(share)), quantile[1], "{} at {share}", vector["name"]);
        }
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} vectors");
}

#[test]
fn buckets_follow_each_other_without_a_gap_up_to_the_greatest_number() {
    for bucket in 0..BUCKETS_MAX as u16 {
        assert_eq!(bucket_of(value_of(bucket)), bucket);
    }
    assert_eq!(usize::from(bucket_of(u64::MAX)), BUCKETS_MAX - 1);
}

#[test]
fn bytes_of_another_format_or_cut_short_are_refused() {
    let whole = of(&[3, 900, 7_000_000]).encode();
    for end in 1..whole.len() {
        // A cut between two pairs is a shorter histogram; the store's rows are whole or not there.
        if let Ok(read) = Histogram::decode(&whole[..end]) {
            assert!(read.count() < 3);
        }
    }
    assert!(Histogram::decode(&[9, 1, 1]).is_err());
    assert!(Histogram::decode(&[1, 0, 0, 0x80, 0x80]).is_err());
    assert!(Histogram::decode(&[1, 0, 0, 0xff, 0xff, 0x01, 1]).is_err(), "a bucket that there is not");
}

#[test]
fn figures_add_up_and_keep_the_statements_with_the_most_calls() {
    let mut figures = Figures { count: 2, cache_hits: 3, cache_misses: 1, ..Figures::default() };
    figures.record(Metric::Run, 100);
    let mut other = Figures { count: 1, ..Figures::default() };
    other.record(Metric::Run, 300);
    for calls in 10..30 {
        other.suspect(&format!("SELECT {calls}"), calls);
    }
    figures.merge(&other);
    assert_eq!((figures.count, figures.of(Metric::Run).sum(), figures.of(Metric::Run).count()), (3, 400, 2));
    assert_eq!(figures.cache_hit_share(), Some(0.75));
    assert_eq!(figures.statements.len(), 8);
    assert!(figures.statements.values().all(|statement| statement.calls_max >= 22));
    let mut read = Figures::default();
    read.read_statements(&figures.statements_json().expect("some"));
    assert_eq!(read.statements, figures.statements);
}

#[test]
fn a_minute_goes_out_as_a_line_and_comes_back_the_same() {
    let mut figures = Figures { count: 120, errors: 2, unexpected: 1, refused: 3, cache_hits: 9, cache_misses: 1, ..Figures::default() };
    [900, 41_000, 41_100].iter().for_each(|value| figures.record(Metric::Run, *value));
    figures.record(Metric::DbCalls, 0);
    figures.suspect("SELECT * FROM items WHERE order_id = ?", 40);
    let series = Series { kind: SeriesKind::Route, name: "GET /orders/{id}".into(), release: "3f2c1a9".into() };
    let minute = Timestamp(1_795_356_000_000_000);
    let line = line::write(minute, &series, &figures);

    let value: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(value["minute"], "2026-11-22T14:00:00Z");
    assert_eq!(value["db_calls"], json!({"sum": 0, "max": 0, "buckets": [[0, 1]]}));
    assert_eq!(value.get("wait_us"), None, "what is not known is left out");
    assert_eq!(line::read(&line), Ok((minute, series, figures)));
}

#[test]
fn a_line_that_cannot_be_read_says_which_field() {
    for (line, field) in [
        ("{", "no JSON"),
        (r#"{"kind":"task","name":"a"}"#, "`minute`"),
        (r#"{"minute":"2026-11-22T14:00:00Z","kind":"tusk","name":"a"}"#, "`kind`"),
        (r#"{"minute":"2026-11-22T14:00:00Z","kind":"task","name":"a","count":-1}"#, "`count`"),
        (r#"{"minute":"2026-11-22T14:00:00Z","kind":"task","name":"a","run_us":{"sum":1}}"#, "`run_us`"),
    ] {
        let refused = line::read(line).expect_err(line);
        assert!(refused.contains(field), "{line}: {refused}");
    }
}

proptest! {
    #[test]
    fn a_bucket_tells_any_number_within_two_percent(value in any::<u64>()) {
        let told = value_of(bucket_of(value));
        let off = told.abs_diff(value) as f64;
        prop_assert!(off <= value as f64 / 62.0, "{value} told as {told}");
    }

    #[test]
    fn order_is_kept(a in any::<u64>(), b in any::<u64>()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(bucket_of(low) <= bucket_of(high));
    }

    #[test]
    fn merging_is_recording_everything_in_one(left in prop::collection::vec(any::<u32>(), 0..50), right in prop::collection::vec(any::<u32>(), 0..50)) {
        let widen = |values: &[u32]| values.iter().map(|value| u64::from(*value)).collect::<Vec<_>>();
        let (left, right) = (widen(&left), widen(&right));
        let mut merged = of(&left);
        merged.merge(&of(&right));
        prop_assert_eq!(merged, of(&[left, right].concat()));
    }

    #[test]
    fn bytes_and_buckets_carry_all_of_it(values in prop::collection::vec(any::<u64>(), 0..80)) {
        let histogram = of(&values);
        prop_assert_eq!(&Histogram::decode(&histogram.encode()).expect("our own bytes"), &histogram);
        let again = Histogram::from_buckets(histogram.buckets(), histogram.sum(), histogram.max());
        prop_assert_eq!(&again, &histogram);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Histogram::decode(&bytes);
    }
}
