//! What is refused, in which field, and with which cure.

mod common;

use std::collections::BTreeSet;

use workaday_core::schedule::{CronError, CronExpr};

fn refused(text: &str) -> CronError {
    CronExpr::parse(text).expect_err(&format!("`{text}` was accepted"))
}

/// Expression, code, field, the text that is wrong.
const REFUSALS: &[(&str, &str, &str, &str)] = &[
    ("", "cron.empty", "expression", ""),
    ("   ", "cron.empty", "expression", ""),
    ("* * * *", "cron.field_count", "expression", "* * * *"),
    ("* * * * * * *", "cron.field_count", "expression", "* * * * * * *"),
    ("0 3 * * * root backup", "cron.field_count", "expression", "0 3 * * * root backup"),
    ("@never", "cron.nickname_unknown", "expression", "@never"),
    ("@every 5m", "cron.nickname_unknown", "expression", "@every 5m"),
    ("@reboot", "cron.not_a_cron_time", "expression", "@reboot"),
    ("H * * * *", "cron.not_a_cron_time", "minute", "H"),
    ("H/15 * * * *", "cron.not_a_cron_time", "minute", "H/15"),
    ("0 H(1-5) * * *", "cron.not_a_cron_time", "hour", "H(1-5)"),
    ("0~30 * * * *", "cron.not_a_cron_time", "minute", "0~30"),
    ("٣ * * * *", "cron.not_ascii", "minute", "٣"),
    ("0 ３ * * *", "cron.not_ascii", "hour", "３"),
    ("1, * * * *", "cron.empty_item", "minute", "1,"),
    ("5,,10 * * * *", "cron.empty_item", "minute", "5,,10"),
    (", * * * *", "cron.empty_item", "minute", ","),
    ("x * * * *", "cron.not_a_value", "minute", "x"),
    ("+5 * * * *", "cron.not_a_value", "minute", "+5"),
    ("** * * * *", "cron.not_a_value", "minute", "**"),
    ("1.5 * * * *", "cron.not_a_value", "minute", "1.5"),
    ("TZ=UTC * * * * *", "cron.not_a_value", "second", "TZ=UTC"),
    ("* * * JANFEB *", "cron.not_a_value", "month", "JANFEB"),
    ("* * * * MONDAY", "cron.not_a_value", "day-of-week", "MONDAY"),
    ("* * * MON *", "cron.not_a_value", "month", "MON"),
    ("* * * * JAN", "cron.not_a_value", "day-of-week", "JAN"),
    ("? * * * *", "cron.not_a_value", "minute", "?"),
    ("* * ?,5 * *", "cron.not_a_value", "day-of-month", "?"),
    ("L * * * *", "cron.not_a_value", "minute", "L"),
    ("* * W * *", "cron.not_a_value", "day-of-month", "W"),
    ("* * 1-5W * *", "cron.not_a_value", "day-of-month", "1-5"),
    ("* * L-3 * *", "cron.not_a_value", "day-of-month", "L"),
    ("* * * * 1-5#2", "cron.not_a_value", "day-of-week", "1-5"),
    ("60 * * * *", "cron.value_out_of_range", "minute", "60"),
    ("60 * * * * *", "cron.value_out_of_range", "second", "60"),
    ("* 24 * * *", "cron.value_out_of_range", "hour", "24"),
    ("* * 0 * *", "cron.value_out_of_range", "day-of-month", "0"),
    ("* * 32 * *", "cron.value_out_of_range", "day-of-month", "32"),
    ("* * 32W * *", "cron.value_out_of_range", "day-of-month", "32"),
    ("* * * 0 *", "cron.value_out_of_range", "month", "0"),
    ("* * * 13 *", "cron.value_out_of_range", "month", "13"),
    ("* * * * 8", "cron.value_out_of_range", "day-of-week", "8"),
    ("* * * * 8L", "cron.value_out_of_range", "day-of-week", "8"),
    ("* * * * MON#6", "cron.value_out_of_range", "day-of-week", "MON#6"),
    ("* * * * MON#0", "cron.value_out_of_range", "day-of-week", "MON#0"),
    ("4294967297 * * * *", "cron.value_out_of_range", "minute", "4294967297"),
    ("1- * * * *", "cron.range_incomplete", "minute", "1-"),
    ("-1 * * * *", "cron.range_incomplete", "minute", "-1"),
    ("* 22-2 * * *", "cron.backward_range", "hour", "22-2"),
    ("* * * NOV-FEB *", "cron.backward_range", "month", "NOV-FEB"),
    ("* * * * FRI-MON", "cron.backward_range", "day-of-week", "FRI-MON"),
    ("* * * * 7-sat", "cron.backward_range", "day-of-week", "7-sat"),
    ("*/0 * * * *", "cron.step_zero", "minute", "*/0"),
    ("* 1-5/0 * * *", "cron.step_zero", "hour", "1-5/0"),
    ("*/ * * * *", "cron.step_not_a_number", "minute", "*/"),
    ("*/x * * * *", "cron.step_not_a_number", "minute", "*/x"),
    ("*/2/3 * * * *", "cron.step_not_a_number", "minute", "*/2/3"),
    ("/5 * * * *", "cron.step_without_start", "minute", "/5"),
    ("* * L/2 * *", "cron.modifier_misplaced", "day-of-month", "L/2"),
    ("* * ?/2 * *", "cron.modifier_misplaced", "day-of-month", "?/2"),
    ("* * * * 5L/2", "cron.modifier_misplaced", "day-of-week", "5L/2"),
    ("* * * * L", "cron.modifier_misplaced", "day-of-week", "L"),
    ("0 0 30 2 *", "cron.never_occurs", "day-of-month", "30"),
    ("0 0 31 4,6,9,11 *", "cron.never_occurs", "day-of-month", "31"),
    ("0 0 30W 2 ?", "cron.never_occurs", "day-of-month", "30W"),
    ("0 0 */20 * MON#2", "cron.never_occurs", "day-of-month", "*/20"),
];

#[test]
fn each_refusal_names_the_field_and_the_text() {
    for (text, code, field, value) in REFUSALS {
        let error = refused(text);
        assert_eq!((error.code, error.field.name(), error.value.as_str()), (*code, *field, *value), "{text}");
        assert!(!error.expected.is_empty(), "{text}");
    }
}

#[test]
fn a_message_reads_as_one_sentence() {
    let sentence = |text| refused(text).to_string();
    assert_eq!(sentence("61 * * * *"), "minute `61` is out of range: expected a number from 0 to 59");
    assert_eq!(sentence("* * * * FRI-MON"), "day-of-week `FRI-MON` is a range that runs backwards: expected the smaller value first");
    assert_eq!(sentence("0 0 30 2 *"), "day-of-month `30` never comes: expected a day that exists in month `2`");
    assert_eq!(
        sentence("* * * * * * *"),
        "expression `* * * * * * *` has the wrong number of fields: expected 5 fields (minute hour \
         day-of-month month day-of-week), or 6 with seconds first"
    );
}

#[test]
fn hints_are_cures_that_work() {
    let hint = |text| refused(text).hint.unwrap_or_default().into_owned();
    assert_eq!(hint("* * * * FRI-MON"), "write `FRI,SAT,SUN,MON`");
    assert_eq!(hint("* * * * MON-SUN"), "write `MON,TUE,WED,THU,FRI,SAT,SUN`");
    assert_eq!(hint("* 22-2 * * *"), "write `22-23,0-2`");
    assert_eq!(hint("* 22-0 * * *"), "write `22-23,0`");
    assert_eq!(hint("* * * DEC-FEB *"), "write `DEC,JAN-FEB`");
    assert_eq!(hint("* * * * monday"), "names have three letters: `MON`");
    assert_eq!(hint("/5 * * * *"), "did you mean `*/5`?");
    assert!(hint("@reboot").contains("enqueue the job"));
    // What a hint names is there: options that a schedule takes.
    assert!(hint("H * * * *").contains("`jitter`"));
    assert!(hint("0 0 1 1 * 2027 *").contains("`at`"));
    for cure in ["* * * * FRI,SAT,SUN,MON", "* 22-23,0-2 * * *", "* * * DEC,JAN-FEB *", "*/5 * * * *"] {
        CronExpr::parse(cure).unwrap_or_else(|error| panic!("{cure}: {error}"));
    }
}

#[test]
fn every_code_is_reached() {
    let long = "1,".repeat(600) + "1 * * * *";
    assert_eq!(refused(&long).code, "cron.too_long");
    let reached: BTreeSet<&str> = REFUSALS.iter().map(|(_, code, ..)| *code).chain(["cron.too_long"]).collect();
    let all: BTreeSet<&str> = CronError::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(reached, all);
}

#[test]
fn the_whole_syntax_is_accepted() {
    for text in [
        "  15 3 * * *  ",
        "15\t3 * * *",
        "*,5 * * * *",
        "*/100 * * * *",
        "*/99999999999 * * * *",
        "5/10 * * * *",
        "08 09 * * *",
        "0 0 ? * ?",
        "0 0 L * *",
        "0 0 lw * *",
        "0 0 1,15W,L * *",
        "0 0 * * 5L",
        "0 0 * * friL",
        "0 0 * * Mon#1,7#5",
        "0 0 * jan-MAR/2 sun-Sat",
        "0 0 * * 0-7",
        "0 0 * * 5-7",
        "@DAILY",
        "@midnight",
        "0 0 29 2 *",
        "0 0 30 2 MON",
        "0 0 * 2 MON#5",
        "0 0 29 2 */7",
        "0-59/15 0 23-23 * * *",
    ] {
        CronExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

proptest::proptest! {
    #![proptest_config(common::cases(1000))]

    #[test]
    fn no_text_makes_the_parser_fail_otherwise(text in "[-*/,#?LW0-9A-Z@~ ]{0,30}|\\PC{0,20}") {
        if let Err(error) = CronExpr::parse(&text) {
            assert!(CronError::CODES.iter().any(|(code, _)| *code == error.code), "{error:?}");
        }
    }
}
