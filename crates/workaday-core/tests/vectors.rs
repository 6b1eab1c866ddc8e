//! The sample vectors: ticks agreed on by several programs, and expressions that must be refused.

mod common;

use serde_json::Value;
use workaday_core::schedule::CronExpr;

fn vectors() -> Vec<Value> {
    include_str!("data/cron_sample.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_sample_vector_has_the_ticks_that_the_rules_give() {
    let mut asked = 0;
    for vector in vectors() {
        let (Some(next), Some(after)) = (vector["next"].as_array(), vector["after"].as_str()) else {
            continue;
        };
        let expr = common::cron(vector["expr"].as_str().unwrap());
        let zone = common::zone(vector["tz"].as_str().unwrap());
        let ticks = common::shown(expr.ticks(common::at(after), &zone).take(next.len()));
        assert_eq!(Value::from(ticks), vector["next"], "{vector}");
        asked += 1;
    }
    assert!(asked > 100, "only {asked} vectors were asked");
}

#[test]
fn every_sample_refusal_is_refused_in_the_field_it_names() {
    let mut asked = 0;
    for vector in vectors().iter().filter(|vector| vector["next"].is_null()) {
        let error = CronExpr::parse(vector["expr"].as_str().unwrap()).expect_err(&vector.to_string());
        if let Some((field, _)) = vector["reason"].as_str().unwrap().split_once(':')
            && !field.contains(' ')
        {
            assert_eq!(error.field.name(), field, "{vector}");
        }
        assert!(!error.value.is_empty() && !error.expected.is_empty(), "{error:?}");
        asked += 1;
    }
    assert!(asked >= 30, "only {asked} vectors were asked");
}
